package config_test

import (
	"regexp"
	"slices"
	"testing"
	"unicode"

	"go.yaml.in/yaml/v3"

	"scenecast/config"
)

// TestChineseReference: the Chinese reference has the keys and values of the English one, in the same order, and explains what that explains.
// Comments name the same settings, fields, figures and examples.
func TestChineseReference(t *testing.T) {
	var english, chinese yaml.Node
	for text, into := range map[*string]*yaml.Node{&config.Reference: &english, &config.ChineseReference: &chinese} {
		if err := yaml.Unmarshal([]byte(*text), into); err != nil {
			t.Fatal(err)
		}
	}
	compareReferences(t, "", &english, &chinese)
}

// inComment are texts of a comment that are the same in every language: those in quotes and braces, with figures, and names of settings.
var inComment = regexp.MustCompile(`"[^"]*"|\{[^{}()（）]*\}|[A-Za-z_$/@*.:-]*[0-9]([A-Za-z0-9_$/@*.:-]*[A-Za-z0-9*])?|[A-Za-z]+[_.][A-Za-z_.*]*[A-Za-z*]`)

func compareReferences(t *testing.T, place string, english, chinese *yaml.Node) {
	t.Helper()
	if english.Kind != chinese.Kind || english.Value != chinese.Value || english.Style != chinese.Style || len(english.Content) != len(chinese.Content) {
		t.Fatalf("%s: the Chinese reference has %q (%d) where the English one has %q (%d)", place, chinese.Value, len(chinese.Content), english.Value, len(english.Content))
	}
	for _, c := range [][2]string{
		{english.HeadComment, chinese.HeadComment}, {english.LineComment, chinese.LineComment}, {english.FootComment, chinese.FootComment},
	} {
		named := func(text string) []string {
			found := inComment.FindAllString(regexp.MustCompile(`\n *#?`).ReplaceAllString(text, " "), -1)
			slices.Sort(found)
			return slices.Compact(found)
		}
		if got, want := named(c[1]), named(c[0]); !slices.Equal(got, want) {
			t.Errorf("%s: the Chinese comment names\n%q, the English one\n%q", place, got, want)
		}
		if (c[0] == "") != (c[1] == "") || words.MatchString(c[0]) && !slices.ContainsFunc([]rune(c[1]), func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
			t.Errorf("%s: %q is not translated: %q", place, c[0], c[1])
		}
	}
	for i := range english.Content {
		below := place
		if english.Kind == yaml.MappingNode {
			below += "." + english.Content[i-i%2].Value
		}
		compareReferences(t, below, english.Content[i], chinese.Content[i])
	}
}

// words are those of a sentence, and not those of a list of values.
var words = regexp.MustCompile(`[a-z]+ [a-z]+ [a-z]+`)
