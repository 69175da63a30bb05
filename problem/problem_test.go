package problem_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"scenecast/language"
	"scenecast/problem"
)

func TestError(t *testing.T) {
	plain := problem.New(problem.Invalid, "takes %d values, not %q", 1, "a")
	for _, c := range []struct {
		p    *problem.Problem
		want string
	}{
		{plain, `takes 1 values, not "a"`},
		{plain.At("page"), `page: takes 1 values, not "a"`},
		{plain.DecidedBy("labels.max_count"), `takes 1 values, not "a" (setting: labels.max_count)`},
		{plain.DecidedBy("labels.max_count").At("page"), `page: takes 1 values, not "a" (setting: labels.max_count)`},
	} {
		if got := c.p.Error(); got != c.want {
			t.Errorf("%#v prints\n\t%s, want\n\t%s", *c.p, got, c.want)
		}
	}
	if plain.Where != "" || plain.Setting != "" {
		t.Errorf("At and DecidedBy have changed their receiver: %#v", *plain)
	}
}

func TestAt(t *testing.T) {
	for _, c := range []struct {
		places []string // from the inside out
		want   string
	}{
		{nil, ""},
		{[]string{""}, ""},
		{[]string{"page"}, "page"},
		{[]string{"page", "to"}, "to.page"},
		{[]string{"page", ""}, "page"},
		{[]string{"", "to"}, "to"},
		{[]string{"column 9", "to", "orderShipped", "triggers"}, "triggers.orderShipped.to.column 9"},
	} {
		var method, function error = problem.New(problem.Invalid, "wrong"), problem.New(problem.Invalid, "wrong")
		for _, place := range c.places {
			method = method.(*problem.Problem).At(place)
			function = problem.At(function, place)
		}
		for _, err := range []error{method, function} {
			if got := problem.Of(err).Where; got != c.want {
				t.Errorf("a problem at %q lies at %q, want %q", c.places, got, c.want)
			}
		}
	}
}

// TestAtOther: what is no problem stays as it is, and a wrapped problem is found.
func TestAtOther(t *testing.T) {
	for _, err := range []error{nil, io.EOF} {
		if got := problem.At(err, "to"); got != err {
			t.Errorf("At(%v) = %v", err, got)
		}
	}
	wrapped := fmt.Errorf("read: %w", problem.New(problem.TooLarge, "big"))
	if got := problem.At(wrapped, "to"); got.Error() != "to: big" {
		t.Errorf("At(%v) = %v, want to: big", wrapped, got)
	}
}

func TestOf(t *testing.T) {
	if p := problem.Of(nil); p != nil {
		t.Errorf("Of(nil) = %v", p)
	}
	p := problem.New(problem.Forbidden, "no")
	for _, err := range []error{p, fmt.Errorf("push: %w", p), errors.Join(io.EOF, p)} {
		if got := problem.Of(err); got != p {
			t.Errorf("Of(%v) = %v, want the problem in it", err, got)
		}
	}
	secret := errors.New("dial redis://:hunter2@10.0.0.1")
	for _, err := range []error{secret, fmt.Errorf("publish: %w", secret)} {
		got := problem.Of(err)
		if want := *problem.New(problem.Internal, "internal error"); !reflect.DeepEqual(*got, want) {
			t.Errorf("Of(%v) = %#v, want %#v, without the cause", err, *got, want)
		}
	}
}

// TestStatuses compares every kind that the source declares with the status in its comment.
func TestStatuses(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "problem.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	names := make(map[problem.Kind]bool)
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || spec.Comment == nil {
			return true
		}
		if ident, ok := spec.Type.(*ast.Ident); !ok || ident.Name != "Kind" {
			return true
		}
		text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		kind := problem.Kind(text)
		if names[kind] {
			t.Errorf("two kinds are called %q", kind)
		}
		names[kind] = true
		comment := spec.Comment.Text()
		status := kind.Status()
		if !strings.HasPrefix(comment, fmt.Sprintf("%d: ", status)) {
			t.Errorf("%s has the status %d, and its comment says %q", spec.Names[0], status, comment)
		}
		if status == http.StatusInternalServerError && kind != problem.Internal {
			t.Errorf("%s has no status of its own", spec.Names[0])
		}
		return true
	})
	if !names[problem.Invalid] || !names[problem.Unavailable] {
		t.Errorf("found only the kinds %v: this test does not read the source any more", names)
	}
	if got := problem.Kind("nonsense").Status(); got != http.StatusInternalServerError {
		t.Errorf("a kind that does not exist has the status %d, want 500", got)
	}
}

// TestIn: the words are in the reader's language, also those of what is wrapped; place and setting are the same.
func TestIn(t *testing.T) {
	inner := problem.New(problem.LimitExceeded, "%d labels, and a connection may have %d", 40, 32).DecidedBy("labels.max_count").At("set")
	for _, c := range []struct {
		err              error
		english, chinese string
	}{
		{inner, "set: 40 labels, and a connection may have 32 (setting: labels.max_count)", "set: 有 40 个标签，而一个连接最多 32 个（设置：labels.max_count）"},
		{problem.New(problem.Invalid, "the audience is not JSON: %v", inner).At("to"),
			"to: the audience is not JSON: set: 40 labels, and a connection may have 32 (setting: labels.max_count)",
			"to: 受众不是 JSON：set: 有 40 个标签，而一个连接最多 32 个（设置：labels.max_count）"},
		{fmt.Errorf("page 7: %w (%w)", inner, io.EOF),
			"page 7: set: 40 labels, and a connection may have 32 (setting: labels.max_count) (EOF)",
			"page 7: set: 有 40 个标签，而一个连接最多 32 个（设置：labels.max_count） (EOF)"},
		{problem.Of(io.EOF), "internal error", "内部错误"},
		{problem.New(problem.Invalid, "%s", "said by a backend"), "said by a backend", "said by a backend"},
		{&problem.Problem{Kind: problem.Invalid, Detail: "told by another process", Where: "to"}, "to: told by another process", "to: told by another process"},
	} {
		if got := c.err.Error(); got != c.english {
			t.Errorf("%q, want %q", got, c.english)
		}
		if got := language.Error(c.err, language.English); got != c.english {
			t.Errorf("in English: %q, want %q", got, c.english)
		}
		if got := language.Error(c.err, language.Chinese); got != c.chinese {
			t.Errorf("in Chinese: %q, want %q", got, c.chinese)
		}
	}
}

// BenchmarkNew: what it costs to make a problem, which pages that are refused do.
func BenchmarkNew(b *testing.B) {
	b.Run("no arguments", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			sink = problem.New(problem.Unauthorized, "the page's token is missing or wrong")
		}
	})
	b.Run("one argument", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			sink = problem.New(problem.TooMany, "as many pages are connected as may be: %d", 1000)
		}
	})
}

var sink *problem.Problem
