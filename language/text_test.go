package language

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"testing"
)

// TestText: arguments are in the reader's language as well, also where an error is wrapped by what no catalogue has.
func TestText(t *testing.T) {
	inner := Errorf("%.40q is no position: it has the form epoch-seq, as in k3x9a-17", "x")
	const english, chinese = `"x" is no position: it has the form epoch-seq, as in k3x9a-17`, `"x" 不是位置：其形式为 epoch-seq，如 k3x9a-17`
	for _, c := range []struct {
		name             string
		err              error
		english, chinese string
	}{
		{"known", inner, english, chinese},
		{"an argument", Errorf("takes %s", Textf("a whole number from 0 to %d", 7)), "takes a whole number from 0 to 7", "须为 0 到 7 之间的整数"},
		{"another order", Errorf("%d of %d nodes have answered, and the connection %s is not on those", 1, 3, "5.7"),
			"1 of 3 nodes have answered, and the connection 5.7 is not on those", "3 个节点中有 1 个应答，连接 5.7 不在这些节点上"},
		{"wrapped by others", fmt.Errorf("dial: %w (%w)", inner, io.EOF), "dial: " + english + " (EOF)", "dial: " + chinese + " (EOF)"},
		{"joined", errors.Join(inner, io.EOF, inner), english + "\nEOF\n" + english, chinese + "\nEOF\n" + chinese},
		{"in a list", Join("; ", []error{inner, io.EOF}), english + "; EOF", chinese + "；EOF"},
		{"deep", fmt.Errorf("a: %w", errors.Join(fmt.Errorf("b: %w", inner))), "a: b: " + english, "a: b: " + chinese},
		{"of others", io.EOF, "EOF", "EOF"},
		{"no entry", Errorf("no catalogue has %d", 7), "no catalogue has 7", "no catalogue has 7"},
		{"a percent sign", Errorf("%s%%", "7"), "7%", "7%"},
	} {
		if got := c.err.Error(); got != c.english {
			t.Errorf("%s: %q, want %q", c.name, got, c.english)
		}
		if got := Error(c.err, English); got != c.english {
			t.Errorf("%s, in English: %q, want %q", c.name, got, c.english)
		}
		if got := Error(c.err, Chinese); got != c.chinese {
			t.Errorf("%s, in Chinese: %q, want %q", c.name, got, c.chinese)
		}
	}
	if err := Errorf("takes %w", inner); !errors.Is(err, inner) {
		t.Error("Errorf does not wrap what %w formats")
	}
	if got := fmt.Sprintf("%s|%v|%s", Phrase("100 %d"), Textf("takes %s", "x"), Text{}); got != "100 %d|takes x|" {
		t.Errorf("texts print as %q", got)
	}
}

// TestTextAsJSON: programs read English; what was read prints as it was.
func TestTextAsJSON(t *testing.T) {
	for want, text := range map[string]Text{`"takes 7 %"`: Textf("takes %d %%", 7), `""`: {}} {
		body, err := json.Marshal(text)
		var read Text
		if err != nil || string(body) != want || json.Unmarshal(body, &read) != nil || read.String() != text.String() || read.IsZero() != text.IsZero() {
			t.Errorf("%s (%v), read as %q; want %s", body, err, read, want)
		}
	}
}

// TestParsePO: a file that is not in the form fails, with the line.
func TestParsePO(t *testing.T) {
	for text, want := range map[string]string{
		"":                              "[] <nil>",
		"# a\nmsgid \"\"\nmsgstr \"x\"": "[] <nil>",
		"msgid \"a\"\nmsgstr \"b\"\n\n#: p\nmsgid \"\"\n\"c\\n\"\n\"d\"\nmsgstr \"\"\n\"e\"\n\"\\\"f\"": "[{a b} {c\nd e\"f}] <nil>",
		"msgid \"a\"\nmsgstr \"\"":        "[{a }] <nil>",
		"msgid a":                         "[] line 1: not a text in quotes",
		"msgid `a`":                       "[] line 1: not a text in quotes",
		"msgid \"a\"\nmsgid_plural \"b\"": "[] line 2: neither msgid, msgstr, a text nor a comment",
		"msgstr \"b\"":                    "[] line 1: neither msgid, msgstr, a text nor a comment",
		"\"b\"":                           "[] line 1: neither msgid, msgstr, a text nor a comment",
	} {
		entries, err := parsePO(text)
		if got := fmt.Sprint(entries, " ", err); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func FuzzParsePO(f *testing.F) {
	f.Add(chinesePO)
	f.Add("msgid \"\"\n\"c\\n\"\nmsgstr \"")
	f.Fuzz(func(t *testing.T, text string) {
		entries, err := parsePO(text)
		for _, e := range entries {
			if e.id == "" && err == nil {
				t.Errorf("%q has an entry without an ID", text)
			}
		}
	})
}
