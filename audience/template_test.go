package audience

import (
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"scenecast/problem"
)

func mustParseTemplate(t testing.TB, text string) Template {
	t.Helper()
	template, err := ParseTemplate(text)
	if err != nil {
		t.Fatalf("ParseTemplate(%s): %v", text, err)
	}
	return template
}

func TestBind(t *testing.T) {
	values := map[string]string{"order": "7", "user": `x" || has(page) || a == "`, "_": "", "unused": "\xff"}
	for _, test := range []struct {
		text   string
		params []string
		want   string
	}{
		{`page == "order" && order == $order`, []string{"order"}, `page == "order" && order == "7"`},
		{`order != $order || order == "$order"`, []string{"order"}, `order != "7" || order == "$order"`},
		{`order in ["1", $order, $_, "2", $order]`, []string{"_", "order"}, `order in ["1", "7", "", "2", "7"]`},
		{`order.startsWith($order)`, []string{"order"}, `order.startsWith("7")`},
		{`a == "0" && (b == $user || !(c in ["1", $order])) && d.startsWith($_)`, []string{"_", "order", "user"},
			`a == "0" && (b == "x\" || has(page) || a == \"" || !(c in ["1", "7"])) && d.startsWith("")`},
		{`(a == $order && b == "x") && c == $user`, []string{"order", "user"},
			`a == "7" && b == "x" && c == "x\" || has(page) || a == \""`},
		{`page == "home"`, nil, `page == "home"`},
		{`*`, nil, `*`},
	} {
		template := mustParseTemplate(t, test.text)
		if got := template.Params(); !slices.Equal(got, test.params) {
			t.Errorf("%s has the parameters %q, want %q", test.text, got, test.params)
		}
		e, err := template.Bind(values)
		if err != nil || e.String() != test.want {
			t.Errorf("%s is bound to %s, %v; want %s", test.text, e, err, test.want)
			continue
		}
		if want := mustParse(t, test.want); !reflect.DeepEqual(e, want) {
			t.Errorf("%s is bound to %+v, want %+v", test.text, e, want)
		}
	}
}

func TestBindJSON(t *testing.T) {
	values := map[string]string{"order": "7"}
	for data, want := range map[string]string{
		`{"page":"order","order":"$order"}`:            `page == "order" && order == "7"`,
		`{"order":[1,"$order","$$order","$$","a$b"]}`:  `order in ["1", "7", "$order", "$", "a$b"]`,
		`{"a":["$order",true],"b":"x","c":"$$$order"}`: `a in ["7", "true"] && b == "x" && c == "$$order"`,
		`"page == \"$order\" && order == $order"`:      `page == "$order" && order == "7"`,
		`{"order":"\u0024order"}`:                      `order == "7"`,
	} {
		template, err := ParseTemplateJSON([]byte(data))
		if err != nil {
			t.Errorf("ParseTemplateJSON(%s): %v", data, err)
			continue
		}
		if e, err := template.Bind(values); err != nil || e.String() != want {
			t.Errorf("%s is bound to %s, %v; want %s", data, e, err, want)
		}
	}
	for data, want := range map[string]string{
		`{"order":"$"}`:        `order: "$" is no parameter`,
		`{"order":"$5"}`:       `order: "$5" is no parameter`,
		`{"order":"$a b"}`:     `order: "$a b" is no parameter`,
		`{"order":"$a-b"}`:     `order: "$a-b" is no parameter`,
		`{"order":["$@user"]}`: `order: "$@user" is no parameter`,
		`{"$order":"7"}`:       `$order: "$order" is no label key`,
		`"order == $a-b"`:      `column 10: $a-b is no parameter`,
		`"$order"`:             `column 1: expected a label key, has(…), ! or (, found $order; a parameter stands for a string`,
	} {
		_, err := ParseTemplateJSON([]byte(data))
		checkProblem(t, data, err, problem.Invalid, want)
	}
}

func TestBindProblems(t *testing.T) {
	template := mustParseTemplate(t, `a == $one && b == $two`)
	_, err := template.Bind(map[string]string{"one": "1"})
	checkProblem(t, "two missing", err, problem.Invalid, "two: the parameter $two has no value")
	_, err = template.Bind(nil)
	checkProblem(t, "all missing", err, problem.Invalid, "one: the parameter $one has no value")
	_, err = template.Bind(map[string]string{"one": "1", "two": "\xff"})
	checkProblem(t, "no UTF-8", err, problem.Invalid, "two: the value of $two is not valid UTF-8")
}

func TestTemplateIsNotChangedByBind(t *testing.T) {
	template := mustParseTemplate(t, `a in ["x", $p] && !(b == $p || c == "y")`)
	template.Params()[0] = "changed"
	var wait sync.WaitGroup
	for _, value := range []string{"1", "2", "3", "4"} {
		wait.Go(func() {
			want := strings.ReplaceAll(`a in ["x", "P"] && !(b == "P" || c == "y")`, "P", value)
			for range 100 {
				if e, err := template.Bind(map[string]string{"p": value}); err != nil || e.String() != want {
					t.Errorf("bound to %s, %v; want %s", e, err, want)
				}
			}
		})
	}
	wait.Wait()
}

func TestZeroTemplate(t *testing.T) {
	var zero Template
	if e, err := zero.Bind(nil); !zero.IsZero() || !e.IsZero() || err != nil {
		t.Errorf("the zero template is zero: %v; is bound to %s, %v", zero.IsZero(), e, err)
	}
	if mustParseTemplate(t, `a == $b`).IsZero() {
		t.Error("a == $b is zero")
	}
}
