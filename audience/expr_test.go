package audience

import (
	"strings"
	"testing"
)

func TestWithout(t *testing.T) {
	for _, c := range []struct{ to, except, want string }{
		{`page == "home"`, `user == "42"`, `page == "home" && user != "42"`},
		{`a == "1" && b == "2"`, `c == "3" || d == "4"`, `a == "1" && b == "2" && !(c == "3" || d == "4")`},
		{`a == "1" || b == "2"`, `!has(c)`, `(a == "1" || b == "2") && !!has(c)`},
		{`*`, `user == "42"`, `user != "42"`},
	} {
		got, err := mustParse(t, c.to).Without(mustParse(t, c.except))
		if err != nil || got.String() != c.want {
			t.Errorf("%s without %s: %s, %v; want %s", c.to, c.except, got, err, c.want)
		}
	}
	home := mustParse(t, `page == "home"`)
	if got, err := home.Without(Expr{}); err != nil || got.String() != home.String() {
		t.Errorf("without nobody: %s, %v", got, err)
	}
	if _, err := home.Without(Everybody()); err == nil || !strings.Contains(err.Error(), "leaves nobody") {
		t.Errorf("without everybody: %v", err)
	}
	long := mustParse(t, `page == "`+strings.Repeat("x", 3000)+`"`)
	if _, err := long.Without(long); err == nil || !strings.Contains(err.Error(), "may have 4096") {
		t.Errorf("together over the limit: %v", err)
	}
}

func TestAnd(t *testing.T) {
	for _, c := range []struct{ a, b, want string }{
		{`page == "home"`, `user == "42"`, `page == "home" && user == "42"`},
		{`a == "1" && b == "2"`, `c == "3" && d == "4"`, `a == "1" && b == "2" && c == "3" && d == "4"`},
		{`a == "1" || b == "2"`, `c == "3" || d == "4"`, `(a == "1" || b == "2") && (c == "3" || d == "4")`},
		{`a == "1"`, `!(b == "2" || has(c))`, `a == "1" && !(b == "2" || has(c))`},
		{`*`, `user == "42"`, `user == "42"`},
		{`user == "42"`, `*`, `user == "42"`},
		{`*`, `*`, `*`},
	} {
		got, err := mustParse(t, c.a).And(mustParse(t, c.b))
		if err != nil || got.String() != c.want {
			t.Errorf("%s and %s: %s, %v; want %s", c.a, c.b, got, err, c.want)
		}
	}
	home := mustParse(t, `page == "home"`)
	for _, nobody := range []func() (Expr, error){func() (Expr, error) { return home.And(Expr{}) }, func() (Expr, error) { return Expr{}.And(home) },
		func() (Expr, error) { return Expr{}.And(Everybody()) }, func() (Expr, error) { return Everybody().And(Expr{}) }} {
		if got, err := nobody(); err != nil || !got.IsZero() {
			t.Errorf("with nobody: %s, %v", got, err)
		}
	}
	long := mustParse(t, `page == "`+strings.Repeat("x", 3000)+`"`)
	if _, err := long.And(long); err == nil || !strings.Contains(err.Error(), "may have 4096") {
		t.Errorf("together over the limit: %v", err)
	}
}
