package auth_test

import (
	"errors"
	"net/http"
	"regexp"
	"slices"
	"testing"

	"scenecast/auth"
	"scenecast/label"
)

func TestPageTokens(t *testing.T) {
	for _, c := range []struct {
		tokens []string
		given  string
		want   bool
	}{
		{nil, "", false},
		{nil, "a", false},
		{[]string{"a"}, "a", true},
		{[]string{"a", "b", "c"}, "a", true},
		{[]string{"a", "b", "c"}, "b", true},
		{[]string{"a", "b", "c"}, "c", true},
		{[]string{"a", "b", "c"}, "d", false},
		{[]string{"a", "a"}, "a", true},
		{[]string{"a"}, "", false},
		{[]string{"a"}, "A", false},
		{[]string{"a"}, "a ", false},
		{[]string{"ab"}, "a", false},
		{[]string{"a"}, "ab", false},
		{[]string{"a\x00"}, "a", false},
		{[]string{""}, "", true}, // somebody asked for it; package config does not let them
		{[]string{""}, "a", false},
	} {
		var tokens auth.PageTokens
		for _, token := range c.tokens {
			tokens.Add(token, auth.Page{App: "of " + token, Labels: label.New(label.Label{Key: "token", Value: token})})
		}
		page, err := tokens.AuthenticatePage(t.Context(), c.given)
		got := err == nil
		if got != c.want || !got && !errors.Is(err, auth.ErrInvalidToken) {
			t.Errorf("of the tokens %q, %q is valid: %v, want %v", c.tokens, c.given, err, c.want)
		}
		if want := "of " + c.given; got && (page.App != want || !page.Labels.Contains("token", c.given)) {
			t.Errorf("of the tokens %q, %q says %+v", c.tokens, c.given, page)
		}
	}
}

// TestZero: what nobody has configured lets nobody in.
func TestZero(t *testing.T) {
	for _, secret := range []string{"", "a", "\x00"} {
		if _, err := new(auth.PageTokens).AuthenticatePage(t.Context(), secret); !errors.Is(err, auth.ErrInvalidToken) {
			t.Errorf("the zero PageTokens take %q", secret)
		}
		if key, ok := new(auth.Keys).Find(secret); ok {
			t.Errorf("the zero Keys find %+v by %q", key, secret)
		}
	}
	for _, scope := range append([]auth.Scope{""}, auth.Scopes...) {
		if (auth.Key{}).May(scope) {
			t.Errorf("the zero Key may %q", scope)
		}
	}
}

func TestKeys(t *testing.T) {
	var keys auth.Keys
	keys.Add(auth.Key{Name: "backend", Scopes: []auth.Scope{auth.Push, auth.Trigger}}, "s1")
	keys.Add(auth.Key{Name: "cron", Scopes: []auth.Scope{auth.Trigger}}, "s2")
	keys.Add(auth.Key{Name: "nothing"}, "s3")
	for _, c := range []struct {
		secret, name  string
		push, trigger bool
	}{
		{"s1", "backend", true, true},
		{"s2", "cron", false, true},
		{"s3", "nothing", false, false},
		{"", "", false, false},
		{"s", "", false, false},
		{"s11", "", false, false},
		{"backend", "", false, false},
	} {
		key, ok := keys.Find(c.secret)
		if ok != (c.name != "") || key.Name != c.name {
			t.Errorf("Find(%q) = %+v, %v, want the key %q", c.secret, key, ok, c.name)
		}
		if key.May(auth.Push) != c.push || key.May(auth.Trigger) != c.trigger || key.May("") {
			t.Errorf("Find(%q) = %+v, want push %v, trigger %v and nothing else", c.secret, key, c.push, c.trigger)
		}
	}
}

func TestScopes(t *testing.T) {
	if want := []auth.Scope{"push", "trigger", "read", "manage", "admin"}; !slices.Equal(auth.Scopes, want) {
		t.Errorf("the scopes are %q, want %q: their names stand in configurations", auth.Scopes, want)
	}
}

func TestBearer(t *testing.T) {
	for _, c := range []struct {
		header []string
		want   string
	}{
		{nil, ""},
		{[]string{""}, ""},
		{[]string{"Bearer abc"}, "abc"},
		{[]string{"bearer abc"}, "abc"},
		{[]string{"BEARER   abc "}, "abc"},
		{[]string{"Bearer"}, ""},
		{[]string{"Bearer "}, ""},
		{[]string{"Bearerabc"}, ""},
		{[]string{"abc"}, ""},
		{[]string{"Basic abc"}, ""},
		{[]string{" Bearer abc"}, ""},
		{[]string{"Bearer a b"}, "a b"}, // no credential has this form, so no key is found
		{[]string{"Bearer abc", "Bearer def"}, "abc"},
		{[]string{"Basic abc", "Bearer def"}, ""},
	} {
		r := &http.Request{Header: http.Header{"Authorization": c.header}}
		if got := auth.Bearer(r); got != c.want {
			t.Errorf("Bearer of %q = %q, want %q", c.header, got, c.want)
		}
	}
}

// TestNewSecret: secrets differ, and can stand in a URL, a header and a file as they are.
func TestNewSecret(t *testing.T) {
	form := regexp.MustCompile(`^[A-Z0-9]{26,}$`)
	seen := make(map[string]bool)
	for range 100 {
		s := auth.NewSecret()
		if !form.MatchString(s) || seen[s] {
			t.Errorf("the secret %q is not of the form %v, or was drawn twice", s, form)
		}
		seen[s] = true
	}
}

// TestCredentials: a page's credential is known to whatever set of tokens has its token, and to no other.
func TestCredentials(t *testing.T) {
	var before, after, elsewhere auth.PageTokens
	before.Add("a", auth.Page{App: "shop"})
	before.Add("b", auth.Page{App: "shop"})
	after.Add("b", auth.Page{App: "shop", Labels: label.New(label.Label{Key: "plan", Value: "pro"})})
	elsewhere.Add("b", auth.Page{App: "blog"})
	page, err := before.AuthenticatePage(t.Context(), "b")
	if err != nil {
		t.Fatal(err)
	}
	c := page.Token.Credential
	if !before.HasCredential(c) || !after.HasCredential(c) || elsewhere.HasCredential(c) || new(auth.PageTokens).HasCredential(c) {
		t.Errorf("the credential of b: before %t, after %t, another app's %t", before.HasCredential(c), after.HasCredential(c), elsewhere.HasCredential(c))
	}
	if page, err = before.AuthenticatePage(t.Context(), "a"); err != nil || after.HasCredential(page.Token.Credential) {
		t.Errorf("the credential of a is known where a is gone (%v)", err)
	}
}
