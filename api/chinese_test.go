package api_test

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// describedTexts are the summaries and descriptions in a JSON value, also those within examples: both readers of openapi.zh-CN.json take each
// text under these names.
func describedTexts(value any, texts map[string]bool) {
	switch v := value.(type) {
	case map[string]any:
		for name, member := range v {
			if text, ok := member.(string); ok && (name == "summary" || name == "description") {
				texts[text] = true
			} else {
				describedTexts(member, texts)
			}
		}
	case []any:
		for _, element := range v {
			describedTexts(element, texts)
		}
	}
}

// TestDescriptionInChinese: each text of openapi.json is in openapi.zh-CN.json, which has no other, with the same code, numbers and names.
func TestDescriptionInChinese(t *testing.T) {
	var description any
	readJSON(t, "openapi.json", &description)
	texts := make(map[string]bool)
	describedTexts(description, texts)
	if len(texts) == 0 {
		t.Fatal("openapi.json has no texts")
	}
	var translations map[string]string
	readJSON(t, "openapi.zh-CN.json", &translations)
	for english := range texts {
		chinese, ok := translations[english]
		if !ok {
			t.Errorf("openapi.zh-CN.json lacks %q", english)
			continue
		}
		for _, fault := range translationFaults(english, chinese) {
			t.Errorf("%q is in Chinese %q: %s", english, chinese, fault)
		}
	}
	for english := range translations {
		if !texts[english] {
			t.Errorf("openapi.zh-CN.json has %q, which openapi.json has not", english)
		}
	}
}

// TestTranslationFaults: a translation with a mistake in what both languages share is not taken.
func TestTranslationFaults(t *testing.T) {
	const english = "Pages, at most 3, of `to` (limits.max_count)."
	for chinese, faulty := range map[string]bool{
		"页面，最多 3 个，`to` 的（limits.max_count）。":     false,
		"最多 3 个 `to` 的（limits.max_count）pages。":   false,
		"页面，最多 4 个，`to` 的（limits.max_count）。":     true,
		"页面，最多 3 个，`at` 的（limits.max_count）。":     true,
		"页面，最多 3 个，to 的（limits.max_count）。":       true,
		"页面，最多 3 个，`to` 的（limits.count）。":         true,
		"页面，最多 3 个，`to` 的。":                       true,
		"页面，最多 3 个，`to` 的（limits.max_count）":      true,
		"页面，最多 3 个，`to` 的 key（limits.max_count）。": true,
		"at most 3 of `to` (limits.max_count)。":   true,
	} {
		if faults := translationFaults(english, chinese); (faults != nil) != faulty {
			t.Errorf("%s has the faults %q", chinese, faults)
		}
	}
}

var (
	han   = regexp.MustCompile(`\p{Han}`)
	words = regexp.MustCompile(`[A-Za-z]+`)
	// shared are what stands in a text in every language: code, numbers, and names of several parts, such as settings and fields.
	shared = []*regexp.Regexp{
		regexp.MustCompile("`[^`]*`"),
		regexp.MustCompile(`[0-9]+`),
		regexp.MustCompile(`[a-z0-9]+(?:[._][a-z0-9]+)+`),
	}
)

// translationFaults are what makes a text in Chinese a mistake.
func translationFaults(english, chinese string) (faults []string) {
	if !han.MatchString(chinese) {
		faults = append(faults, "that is no Chinese")
	}
	if strings.HasSuffix(english, ".") != strings.HasSuffix(chinese, "。") {
		faults = append(faults, "one is a sentence, and the other is not")
	}
	for _, what := range shared {
		want, got := what.FindAllString(english, -1), what.FindAllString(chinese, -1)
		slices.Sort(want)
		if slices.Sort(got); !slices.Equal(got, want) {
			faults = append(faults, fmt.Sprintf("it has %q, want %q", got, want))
		}
	}
	known := words.FindAllString(strings.ToLower(english), -1)
	for _, word := range words.FindAllString(chinese, -1) {
		if lower := strings.ToLower(word); !slices.Contains(known, lower) && !slices.Contains(known, lower+"s") {
			faults = append(faults, fmt.Sprintf("the word %s is not in the English text", word))
		}
	}
	return faults
}

// readJSON reads a file of JSON.
func readJSON(t *testing.T, name string, into any) {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}
