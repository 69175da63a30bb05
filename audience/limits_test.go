package audience

import (
	"fmt"
	"strings"
	"testing"

	"scenecast/problem"
)

// list is `a in ["", "", …]` with n values, which has n+1 nodes.
func list(n int) string { return "a in [" + strings.Repeat(`"", `, n-1) + `""]` }

func TestLimits(t *testing.T) {
	fill := func(bytes int) string { return strings.Repeat("x", bytes) }
	chain := func(n int) string { return strings.Repeat(`has(a) && `, n-1) + `has(a)` }
	const nodes, text = "nodes (operators and values), and may have 128", "bytes of text, and may have 4096"
	for _, test := range []struct{ name, within, over, want string }{
		{"text", `a == "` + fill(MaxText-7) + `"`, `a == "` + fill(MaxText-6) + `"`, "the audience has 4097 " + text},
		{"space", fmt.Sprintf("%-4096s", `has(a)`), fmt.Sprintf("%-4097s", `has(a)`), "4097 " + text},
		{"canonical text", `a == '` + strings.Repeat(`"`, (MaxText-7)/2) + `'`, `a == '` + strings.Repeat(`"`, (MaxText-7)/2+1) + `'`,
			"the audience has 4097 " + text},
		{"values", list(MaxNodes - 1), list(MaxNodes), "the audience has 129 " + nodes},
		{"chain", chain(MaxNodes - 1), chain(MaxNodes), "the audience has 129 " + nodes},
		{"equal is 2, unequal 3", list(MaxNodes-7) + ` && b == "" && c != ""`, list(MaxNodes-6) + ` && b == "" && c != ""`, "129 " + nodes},
		{"parentheses", nest("(", 16, ")"), nest("(", 17, ")"), "column 17: parentheses and ! may be nested 16 deep"},
		{"negations", nest("!", 16, ""), nest("!", 17, ""), "column 17: parentheses and ! may be nested 16 deep"},
		{"both", nest("!(", 8, ")"), nest("!(", 8, ")")[:16] + "!" + nest("!(", 8, ")")[16:], "column 17: parentheses and ! may be nested"},
		{"unclosed", nest("(", 16, ")") + ` && ` + nest("(", 16, ")"), strings.Repeat("(", MaxText), "column 17: parentheses and !"},
		{"unended", nest("!", 16, "") + ` && ` + nest("!", 16, ""), strings.Repeat("!", MaxText), "column 17: parentheses and !"},
	} {
		e, err := Parse(test.within)
		if err != nil {
			t.Errorf("%s, within the limit: %v", test.name, err)
		} else if _, err := Parse(e.String()); err != nil {
			t.Errorf("%s, its canonical text: %v", test.name, err)
		}
		_, err = Parse(test.over)
		checkProblem(t, test.name, err, problem.LimitExceeded, test.want)
		_, err = ParseTemplate(test.over)
		checkProblem(t, test.name+", a template", err, problem.LimitExceeded, test.want)
		_, err = ParseJSON(appendQuoted(nil, test.over))
		checkProblem(t, test.name+", in JSON", err, problem.LimitExceeded, test.want)
	}
}

// nest is has(a) with so many openings before it and closings behind.
func nest(opening string, n int, closing string) string {
	return strings.Repeat(opening, n) + "has(a)" + strings.Repeat(closing, n)
}

func TestLimitsJSON(t *testing.T) {
	object := func(bytes int) string { return `{"a":"` + strings.Repeat("x", bytes-8) + `"}` }
	array := func(values int) string { return `{"a":[` + strings.Repeat(`1,`, values-1) + `1]}` }
	for _, test := range []struct{ name, within, over, want string }{
		{"text", object(MaxText), object(MaxText + 1), "4097 bytes of text, and may have 4096"},
		{"canonical text", `{"a":"` + strings.Repeat("\u2028", (MaxText-7)/6) + `"}`, `{"a":"` + strings.Repeat("\u2028", (MaxText-7)/6+1) + `"}`,
			"4099 bytes of text, and may have 4096"},
		{"values", array(MaxNodes - 1), array(MaxNodes), "129 nodes (operators and values), and may have 128"},
		{"nesting", `{"a":1}`, strings.Repeat(`{"a":`, 1000) + `1` + strings.Repeat(`}`, 1000), "6001 bytes of text, and may have 4096"},
	} {
		if _, err := ParseJSON([]byte(test.within)); err != nil {
			t.Errorf("%s, within the limit: %v", test.name, err)
		}
		_, err := ParseJSON([]byte(test.over))
		checkProblem(t, test.name, err, problem.LimitExceeded, test.want)
	}
}

func TestMarshalledTextMayBeLonger(t *testing.T) {
	e := mustParse(t, `a == "`+strings.Repeat(`\"`, (MaxText-7)/2)+`"`)
	data, err := e.MarshalJSON()
	if err != nil || len(data) <= MaxText {
		t.Fatalf("%d bytes, %v; want more than %d", len(data), err, MaxText)
	}
	var again Expr
	if err := again.UnmarshalJSON(data); err != nil || again.String() != e.String() {
		t.Errorf("read again: %s, %v", again, err)
	}
}

func TestLimitOfBind(t *testing.T) {
	template := mustParseTemplate(t, `a == $p && b == $p`) // canonically 18 bytes and the two values
	within := strings.Repeat("x", (MaxText-18)/2)
	if _, err := template.Bind(map[string]string{"p": within}); err != nil {
		t.Errorf("%d bytes: %v", len(within), err)
	}
	_, err := template.Bind(map[string]string{"p": within + "x"})
	checkProblem(t, "a longer value", err, problem.LimitExceeded, "4098 bytes of text, and may have 4096")

	_, err = ParseTemplate(list(MaxNodes) + ` && b == $p`)
	checkProblem(t, "a template that no value makes small", err, problem.LimitExceeded, "132 nodes")
}
