package language

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode"
)

var update = flag.Bool("update", false, "write zh-CN.po anew, by the formats of the sources")

const catalogueFile = "zh-CN.po"

// TestCatalogue compares the catalogue with the sources: each text that they tell has its translation, no other one is there, and what
// is formatted agrees.
func TestCatalogue(t *testing.T) {
	sources := readSources(t, "..")
	for _, status := range sources.statuses {
		sources.add("problem", http.StatusText(status))
	}
	for _, fault := range sources.faults {
		t.Error(fault)
	}
	if len(sources.texts) < 300 {
		t.Fatalf("the sources have %d texts: this test does not find them any more", len(sources.texts))
	}
	entries, err := parsePO(chinesePO)
	if err != nil {
		t.Fatalf("%s: %v", catalogueFile, err)
	}
	if *update {
		writeCatalogue(t, sources, entries)
		return
	}
	known := make(map[string]bool)
	for _, e := range entries {
		if known[e.id] {
			t.Errorf("%s has %q twice", catalogueFile, e.id)
		}
		known[e.id] = true
		if _, used := sources.texts[e.id]; !used {
			t.Errorf("%s has %q, which nothing tells", catalogueFile, e.id)
		}
		for _, fault := range faultsOf(e, sources.phrases[e.id]) {
			t.Errorf("%s: %q: %s", catalogueFile, e.id, fault)
		}
	}
	for _, id := range sources.order {
		if !known[id] {
			t.Errorf("%s lacks %q (%s). `go test ./language -run TestCatalogue -update` adds it; then write its Chinese text there",
				catalogueFile, id, sources.texts[id])
		}
	}
}

// faultsOf is what is wrong with a translation; in a phrase, % is no verb.
func faultsOf(e entry, phrase bool) (faults []string) {
	if e.translation == "" {
		return []string{"is not translated"}
	}
	words := strings.ContainsFunc(verbs.ReplaceAllString(e.id, ""), unicode.IsLetter)
	if words && !strings.ContainsFunc(e.translation, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
		faults = append(faults, "is not Chinese: "+e.translation)
	}
	if strings.Count(e.id, "`") != strings.Count(e.translation, "`") {
		faults = append(faults, "has another number of backquotes, which the help of flags takes as a name")
	}
	if strings.Count(e.id, "|") != strings.Count(e.translation, "|") {
		faults = append(faults, "has another number of words between |")
	}
	if strings.HasSuffix(e.id, "\n") != strings.HasSuffix(e.translation, "\n") {
		faults = append(faults, "ends a line in one language alone")
	}
	if english, chinese := formatted(e.id), formatted(e.translation); !phrase && !slices.Equal(english, chinese) {
		faults = append(faults, fmt.Sprintf("formats %v, and its translation %v", english, chinese))
	}
	return faults
}

// formatted are the arguments that a format takes, each with how it is formatted, in the order of the arguments.
func formatted(format string) (arguments []string) {
	next := 1
	for _, m := range verbs.FindAllStringSubmatch(format, -1) {
		if m[5] == "%" {
			continue
		}
		if m[4] != "" {
			_, _ = fmt.Sscan(m[4], &next)
		}
		arguments = append(arguments, fmt.Sprintf("%d:%%%s%s%s%s", next, m[1], m[2], m[3], m[5]))
		next++
	}
	slices.Sort(arguments)
	return slices.Compact(arguments)
}

func TestFormatted(t *testing.T) {
	for _, c := range []struct {
		one, other string
		agree      bool
	}{
		{"%d of %s", "%[2]s 的 %[1]d", true},
		{"%d of %s", "%s 的 %d", false},
		{"%.80q is none", "%.80q 不是", true},
		{"%.80q is none", "%q 不是", false},
		{"%.80[2]q is none of %[1]d", "%[1]d：%.80[2]q", true},
		{"100 %% of %d", "%d 的 100 %%", true},
		{"%s", "", false},
		{"%s and %[1]s", "%s", true},
	} {
		if got := slices.Equal(formatted(c.one), formatted(c.other)); got != c.agree {
			t.Errorf("%q and %q agree: %v", c.one, c.other, got)
		}
	}
}

// writeCatalogue writes the texts of the sources, package by package, with the translations that there are.
func writeCatalogue(t *testing.T, s *sources, entries []entry) {
	translations := make(map[string]string)
	for _, e := range entries {
		translations[e.id] = e.translation
	}
	header, _, ok := strings.Cut(chinesePO, "\n\n")
	if !ok {
		header = strings.TrimSuffix(chinesePO, "\n")
	}
	var b strings.Builder
	b.WriteString(header + "\n")
	for _, id := range s.order {
		fmt.Fprintf(&b, "\n#: %s\n", s.texts[id])
		writePO(&b, "msgid", id)
		writePO(&b, "msgstr", translations[id])
	}
	if err := os.WriteFile(catalogueFile, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// writePO writes one text, one of several lines line by line.
func writePO(b *strings.Builder, keyword, text string) {
	b.WriteString(keyword + " ")
	if strings.Count(text, "\n") > 0 {
		b.WriteString("\"\"\n")
		for line := range strings.Lines(text) {
			fmt.Fprintf(b, "%q\n", line)
		}
		return
	}
	fmt.Fprintf(b, "%q\n", text)
}
