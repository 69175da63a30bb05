package audience

import (
	"errors"
	"strings"
	"testing"

	"scenecast/problem"
)

// checkProblem complains unless the error is a problem of the kind whose text contains the wanted one.
func checkProblem(t *testing.T, input string, err error, kind problem.Kind, want string) {
	t.Helper()
	var p *problem.Problem
	switch {
	case !errors.As(err, &p):
		t.Errorf("%.80s: got error %v, want a problem with %q", input, err, want)
	case p.Kind != kind || !strings.Contains(p.Error(), want):
		t.Errorf("%.80s:\n got %s: %s\nwant %s: …%s…", input, p.Kind, p, kind, want)
	}
}

func TestParseProblems(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		// Nobody, everybody.
		{``, `column 1: an empty audience is refused; everybody is spelled "*"`},
		{" \n ", `line 2, column 2: an empty audience is refused; everybody is spelled "*"`},
		{`()`, `column 2: expected a label key, has(…), ! or (, found )`},
		{`* && a == "b"`, `column 3: expected the end after *, which is everybody and stands alone, found &&`},
		{`a == "b" || *`, `column 13: expected a label key, has(…), ! or (, found *; * is everybody and stands alone`},
		{`!*`, `column 2: expected a label key, has(…), ! or (, found *; * is everybody`},
		{`true`, `column 1: expected a label key, has(…), ! or (, found true; true is a word of the grammar; everybody is spelled *`},
		{`a == "b" || false`, `column 13: expected a label key, has(…), ! or (, found false; false is a word`},

		// Values.
		{`page == home`, `column 9: expected a string in quotes after ==, found home; write "home"`},
		{`page != home-2`, `column 9: expected a string in quotes after !=, found home-2; write "home-2"`},
		{`page == true`, `column 9: expected a string in quotes after ==, found true; write "true"`},
		{`order == 7`, `column 10: expected a string in quotes after ==, found 7; values are strings: write "7"`},
		{`order == -7.5e3`, `column 10: expected a string in quotes after ==, found -7.5e3; values are strings: write "-7.5e3"`},
		{`page == ("home")`, `column 9: expected a string in quotes after ==, found (`},
		{`page ==`, `column 8: expected a string in quotes after ==, found the end`},
		{`page === "home"`, `column 8: expected a string in quotes after ==, found =; equality is written ==`},
		{`page == “home”`, `column 9: expected a string in quotes after ==, found “; strings stand in straight quotes`},
		{`页面`, `column 1: expected a label key, has(…), ! or (, found 页`},
		{`a == "页面" & b == "c"`, `column 11: expected && or ||, found &; and is written &&`},
		{`order == $order`, `column 10: expected a string in quotes after ==, found $order; only a trigger's template has parameters; write "$order"`},
		{`order == $5`, `column 10: $5 is no parameter`},
		{`order == $a-b`, `column 10: $a-b is no parameter`},
		{`order == $`, `column 10: $ is no parameter`},

		// Lists.
		{`page in "home"`, `column 9: expected [ after in, found "home"`},
		{`page in []`, `column 10: an empty list is refused`},
		{`page in [,]`, `column 10: expected a string in quotes in the list, found ,`},
		{`page in ["a",,]`, `column 14: expected a string in quotes in the list, found ,`},
		{`page in ["a" "b"]`, `column 14: expected , or ] in the list, found "b"`},
		{`page in ["a"`, `column 13: expected , or ] in the list, found the end`},
		{`page in ["a", b]`, `column 15: expected a string in quotes in the list, found b; write "b"`},
		{`page not in ["a"]`, `column 6: expected ==, !=, in, or .startsWith after page, found not; not is written !`},

		// Comparisons.
		{`page`, `column 5: expected ==, !=, in, or .startsWith after page, found the end`},
		{`page "home"`, `column 6: expected ==, !=, in, or .startsWith after page, found "home"`},
		{`page = "home"`, `column 6: expected ==, !=, in, or .startsWith after page, found =; equality is written ==`},
		{`page "="`, `column 6: expected ==, !=, in, or .startsWith after page, found "="`},
		{`page < "home"`, `column 6: expected ==, !=, in, or .startsWith after page, found <`},
		{`"home" == page`, `column 1: expected a label key, has(…), ! or (, found "home"; in a comparison the key stands on the left`},
		{`7 == page`, `column 1: expected a label key, has(…), ! or (, found 7; in a comparison the key stands on the left`},
		{`page == "a" == "b"`, `column 13: expected && or ||, found ==; comparisons do not chain`},
		{`(page == "a" in ["b"])`, `column 14: expected &&, || or ), found in; comparisons do not chain`},
		{`in == "x"`, `column 1: expected a label key, has(…), ! or (, found in; in is a word of the grammar`},
		{`null == "x"`, `column 1: expected a label key, has(…), ! or (, found null; null is a word of the grammar`},
		{`$key == "x"`, `column 1: expected a label key, has(…), ! or (, found $key; a parameter stands for a string`},
		{"a\u00a0== \"x\"", `column 2: expected ==, !=, in, or .startsWith after a, found U+00A0`},

		// Operators.
		{`a == "1" and b == "2"`, `column 10: expected && or ||, found and; and is written &&`},
		{`a == "1" | b == "2"`, `column 10: expected && or ||, found |; or is written ||`},
		{`a == "1" &&`, `column 12: expected a label key, has(…), ! or (, found the end`},
		{`&& a == "1"`, `column 1: expected a label key, has(…), ! or (, found &&`},
		{`not page == "x"`, `column 5: expected ==, !=, in, or .startsWith after not, found page; not is written !`},
		{`!page == "x"`, `column 7: expected has(…) or ….startsWith(…) after !, found ==; a comparison is negated in parentheses, as in !(page == …)`},
		{`!page in ["x"]`, `column 7: expected has(…) or ….startsWith(…) after !, found in; a comparison is negated`},
		{`!`, `column 2: expected a label key, has(…), ! or (, found the end`},
		{`(page == "a"`, `column 13: expected &&, || or ), found the end`},
		{`page == "a")`, `column 12: expected && or ||, found )`},

		// Functions.
		{`has("page")`, `column 5: expected a label key in has(…), found "page"`},
		{`has()`, `column 5: expected a label key in has(…), found )`},
		{`has(page.x)`, `column 9: expected ) after has(page, found .`},
		{`has(in)`, `column 5: expected a label key in has(…), found in; in is a word of the grammar`},
		{`size(page) == "1"`, `column 5: expected ==, !=, in, or .startsWith after size, found (; the functions are has(key) and key.startsWith("…")`},
		{`page.endsWith("x")`, `column 6: expected startsWith after the dot, found endsWith`},
		{`page.startsWith "x"`, `column 17: expected ( after startsWith, found "x"`},
		{`page.startsWith("x", "y")`, `column 20: expected ) after the one string of startsWith, found ,`},
		{`page.startsWith(x)`, `column 17: expected a string in quotes in startsWith(…), found x; write "x"`},

		// Strings.
		{`page == "home`, `column 9: the string has no closing quote`},
		{`page == 'home"`, `column 9: the string has no closing quote`},
		{`page == "home\`, `column 9: the string has no closing quote`},
		{`page == "home\"`, `column 9: the string has no closing quote`},
		{`page == "a\x"`, `column 11: \x is no escape`},
		{`page == "\é"`, `column 10: \é is no escape`},
		{`page == "\u12"`, `column 10: \u takes four hexadecimal digits`},
		{`page == "\u+123"`, `column 10: \u takes four hexadecimal digits`},
		{`page == "\ud83d"`, `column 10: \ud83d is half a character`},
		{`page == "\ud83d\u0041"`, `column 10: \ud83d is half a character`},
		{`page == "\ude00\ud83d"`, `column 10: \ude00 is half a character`},
		{"page == \"a\tb\"", `column 11: a string cannot contain the character U+0009; write \t`},
		{"page == \"a\x01b\"", `column 11: a string cannot contain the character U+0001; write \u0001`},
		{"page == \"é\xff\"", `column 11: the text is not valid UTF-8`},
		{`a == "b" "` + strings.Repeat("é", 40) + `"`, `column 10: expected && or ||, found "` + strings.Repeat("é", 32) + `…"`},

		// Lines.
		{"a == \"1\" &&\n  é == \"2\"", `line 2, column 3: expected a label key`},
		{"a == \"1\" &&\r\n\r\nb = \"2\"", `line 3, column 3: expected ==`},
		{"a == b\n", `line 1, column 6: expected a string in quotes after ==, found b`},
	} {
		_, err := Parse(test.text)
		checkProblem(t, test.text, err, problem.Invalid, test.want)
	}
}
