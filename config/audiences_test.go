package config_test

import (
	"fmt"
	"strings"
	"testing"
)

// TestUnmatchableTriggers: an audience that no page can ever belong to, because its labels would be over the limits, is a
// mistake; one that a page may belong to is none.
func TestUnmatchableTriggers(t *testing.T) {
	const limits = "labels: {max_count: 3, max_key_bytes: 5, max_value_bytes: 4}\n"
	const key, value = "the key abcdef… has 6 bytes, and may have 5 (labels.max_key_bytes)", `the value "abcde"… of k has 5 bytes, and may have 4 (labels.max_value_bytes)`
	for to, want := range map[string]string{
		`k == "abcde"`:                                             value,
		`k in ["abcde", "abcdefg"]`:                                value,
		`k.startsWith("abcde")`:                                    value,
		`has(abcdef)`:                                              key,
		`abcdef == "a"`:                                            key,
		`abcdef == $p`:                                             key,
		`k == $p && k == "abcde"`:                                  value,
		`(k == "abcde" || abcdef == "a") && x == $p`:               value,
		`a == "1" && b == "1" && c == "1" && d == "1"`:             "it needs 4 labels, and a connection may have 3 (labels.max_count)",
		`a == "1" && a == "2" && has(b) && c.startsWith("1")`:      "it needs 4 labels, and a connection may have 3 (labels.max_count)",
		`has(a) && (a == "1" && a == "2" && a == "3" && a == "4")`: "it needs 4 labels, and a connection may have 3 (labels.max_count)",

		`*`:                                "",
		`k == "abcd"`:                      "",
		`k == $p`:                          "",
		`k in ["abcde", "abcd"]`:           "",
		`k in ["abcde", $p]`:               "",
		`k != "abcde"`:                     "",
		`!has(abcdef)`:                     "",
		`!(k == "abcde" && abcdef == "a")`: "",
		`k == "abcde" || has(k)`:           "",
		`@user == "abcdefgh"`:              "",
		`has(@protocol)`:                   "",
		`a == $p && a == "1" && a == "2" && a == $q`:                   "", // $p may be 1
		`has(a) && has(b) && has(c) && @user == "x"`:                   "",
		`has(a) && a == "1" && a in ["1", "2"] && has(b) && has(c)`:    "",
		`has(a) && has(b) && has(c) && (has(d) || has(a))`:             "",
		`has(a) && has(b) && has(c) && !has(d)`:                        "",
		`(has(a) && has(b) && has(c) && has(d)) || (has(a) && has(b))`: "",
		`k == "四"`:  "",
		`k == "四五"`: `the value "四五"… of k has 6 bytes, and may have 4 (labels.max_value_bytes)`,
	} {
		file := limits + "triggers:\n  t:\n    params: {p: string, q: string}\n    to: '" + to + "'\n    message: [$p, $q]\n"
		var lines []string
		if want != "" {
			lines = []string{"FILE:5: triggers.t.to: no page can ever match: " + want}
		}
		check(t, []mistaken{{file, lines}})
	}
	check(t, []mistaken{
		{limits + "triggers:\n  t:\n    to: {k: [abcde, abcdef]}\n    message: 1\n", []string{"FILE:4: triggers.t.to: no page can ever match: …"}},
		{limits + "apps:\n  a:\n    triggers: {t: {to: {k: abcde}, message: 1}}\n", []string{"FILE:4: apps.a.triggers.t.to: no page can ever match: …"}},
		{"triggers:\n  t:\n    to: " + fmt.Sprintf("{k: %s}", strings.Repeat("x", 257)) + "\n    message: 1\n", []string{"FILE:3: triggers.t.to: no page can ever match: …"}},
		{"labels: {max_value_bytes: 4B!}\ntriggers:\n  t:\n    to: " + fmt.Sprintf("{k: %s}", strings.Repeat("x", 257)) + "\n    message: 1\n", []string{
			`FILE:1: labels.max_value_bytes: "4B!" is no size up to 1GiB; write it as 512, 64KiB or 1MiB`}}, // what could not be read is not compared
	})
}
