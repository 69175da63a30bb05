package config_test

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"scenecast/auth"
	"scenecast/config"
)

const digest = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" // of abc: FIPS 180-2, B.1

// TestKeyMistakes: what a key cannot be, each with its line.
func TestKeyMistakes(t *testing.T) {
	check(t, []mistaken{
		{"api_keys:\n- name: a\n  key: sha256:ba78", []string{
			"FILE:3: api_keys.key: begins with sha256:, and what follows is no SHA-256: that has 64 hexadecimal digits, as `scenecast token key` prints it"}},
		{"api_keys:\n- name: a\n  key: " + strings.Replace(digest, "ba", "xy", 1), []string{"FILE:3: api_keys.key: begins with sha256:, …"}},
		{"api_keys:\n- {name: a, key: " + digest + "}\n- {name: b, key: abc}", []string{
			"FILE:3: api_keys: the key of b is also the key of a in api_keys, so it does not say which of them is meant"}},
		{"api_keys:\n- {name: a, key: 'sha256:" + fmt.Sprintf("%x", sha256.Sum256([]byte("KEY"))) + "'}", []string{"FILE:2: api_keys: …"}},
		{"api_keys:\n- {name: a, key: k, within: 'tenant = \"7\"'}", []string{"FILE:2: api_keys.within: …"}},
		{"api_keys:\n- {name: a, key: k, within: }", []string{"FILE:2: api_keys.within: is empty; leave it out for all of the app's"}},
		{"api_keys:\n- {name: a, key: k, within: ''}", []string{"FILE:2: api_keys.within: …"}},
		{"api_keys:\n- {name: a, key: k, within: '*'}", []string{"FILE:2: api_keys.within: is everybody, which confines to nothing; leave it out"}},
		{"api_keys:\n- {name: a, key: k, within: 7}", []string{"FILE:2: api_keys.within: …"}},
		{"api_keys:\n- name: a\n  key: k\n  within: {tenant: \"7\"}\n  allow: [push, admin]", []string{
			"FILE:5: api_keys.allow: admin is of the whole server, and the key is confined to an audience (within)"}},
		{"labels: {max_value_bytes: 4}\napi_keys:\n- {name: a, key: k, within: {tenant: \"12345\"}}", []string{
			"FILE:3: api_keys.within: no page can ever match: the value \"12345\"… of tenant has 5 bytes, and may have 4 (labels.max_value_bytes)"}},
		{"api_keys:\n- {name: a, key: k, triggers: }", []string{"FILE:2: api_keys.triggers: is empty; leave it out for all of the app's"}},
		{"api_keys:\n- {name: a, key: k, triggers: ['']}", []string{"FILE:2: api_keys.triggers: holds an empty name"}},
		{"api_keys:\n- name: a\n  key: k\n  allow: [push]\n  triggers: [t]", []string{"FILE:5: api_keys.triggers: needs the scope trigger, and allow is [push]"}},
		{"api_keys:\n- {name: a, key: k, rate: {pushes: -1}}", []string{`FILE:2: api_keys.rate.pushes: takes a whole number, not "-1"`}},
		{"api_keys:\n- {name: a, key: k}\n- {name: a, key: l}\n- {name: a, key: m}", []string{
			"FILE:4: api_keys: the name a is there 3 times; a key has 2 secrets at most, the one in use and the next"}},
		{"api_keys:\n- {name: a, key: k}\n- {name: a, key: l, allow: [push]}", []string{
			"FILE:3: api_keys: the name a is there before with other rights; two secrets of one key differ in nothing else, and another key has another name"}},
		{"api_keys:\n- {name: a, key: k}\n- {name: a, key: l, within: {a: b}}", []string{"FILE:3: api_keys: the name a is there before with other rights; …"}},
		{"api_keys:\n- {name: a, key: k}\n- {name: a, key: l, rate: {pushes: 1}}", []string{"FILE:3: api_keys: the name a is there before with other rights; …"}},
	})
}

// TestKeys: what a key may be, and what the server is told of it.
func TestKeys(t *testing.T) {
	c := load(t, config.Sources{File: write(t, `
api_keys:
- {name: a, key: abc}
- {name: a, key: "sha256:`+strings.Repeat("0F", 32)+`", allow: [read, push, trigger, manage]}
- {name: b, key: k, within: 'tenant == "7" && @user != "1"', triggers: [x, z], rate: {pushes: 5, deliveries: 100}}
- {name: c, key: l, triggers: [], within: {tenant: "8"}}
- {name: d, key: m, allow: [admin]}
apps: {shop: {api_keys: [{name: a, key: n, allow: [push]}]}}
`)})
	var got []string
	for _, k := range c.APIKeys {
		a := k.Auth("app")
		got = append(got, fmt.Sprintf("%s %v %s %#v %v %v", a.Name, a.Scopes, a.Within, a.Triggers, a.Rate, k.IsDigest()))
	}
	want := []string{
		`a [push trigger read manage]  []string(nil) {0 0} false`,
		`a [read push trigger manage]  []string(nil) {0 0} true`,
		`b [push trigger read manage] tenant == "7" && @user != "1" []string{"x", "z"} {5 100} false`,
		`c [push trigger read manage] tenant == "8" []string{} {0 0} false`,
		`d [admin]  []string(nil) {0 0} false`,
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("key %d: %s, want %s", i, got[i], want[i])
		}
	}
	if c.APIKeys[0].Digest() != auth.DigestOf("abc") || "sha256:"+fmt.Sprintf("%x", c.APIKeys[0].Digest()) != digest {
		t.Errorf("the digest of abc is %x", c.APIKeys[0].Digest())
	}
	if want := strings.Repeat("0f", 32); fmt.Sprintf("%x", c.APIKeys[1].Digest()) != want {
		t.Errorf("the digest that was given is %x, want %s", c.APIKeys[1].Digest(), want)
	}
	printed := config.Print(c)
	for _, want := range []string{
		`{name: b, key: (hidden), allow: [push, trigger, read, manage], within: tenant == "7" && @user != "1", triggers: [x, z], rate: {pushes: 5, deliveries: 100}}`,
		`{name: c, key: (hidden), allow: [push, trigger, read, manage], within: tenant == "8", triggers: []}`,
	} {
		if !strings.Contains(printed, want) {
			t.Errorf("printed is\n%s\nwithout %s", printed, want)
		}
	}
	if strings.Contains(printed, strings.Repeat("0F", 32)) {
		t.Error("a digest was printed")
	}
}

// TestKeyWarnings: what is allowed, and confines less than it seems to.
func TestKeyWarnings(t *testing.T) {
	const claimed = "FILE: api_keys.within: the key a is confined by the label tenant, which pages whose token does not bring it set themselves; " +
		"list under labels.client the keys that they may set"
	for text, want := range map[string][]string{
		"{name: a, key: sixteen-letters-, within: {tenant: x}}":                                      {claimed},
		"{name: a, key: sixteen-letters-, within: {tenant: x}}]\nlabels: {client: [page]}\n#[":       nil,
		"{name: a, key: sixteen-letters-, within: {tenant: x}}]\nlabels: {client: [tenant]}\n#[":     {claimed},
		"{name: a, key: sixteen-letters-, within: {'@user': x}}":                                     nil,
		"{name: a, key: sixteen-letters-, triggers: [t]}":                                            {"FILE: api_keys.triggers: the key a may run t, and there is no trigger of this name under triggers"},
		"{name: a, key: sixteen-letters-, triggers: [t]}]\ntriggers: {t: {to: '*', message: 1}}\n#[": nil,
	} {
		l, err := config.Read(config.Sources{File: write(t, "api_keys: ["+text+"]\n")})
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		var got []string
		for _, w := range l.Warnings {
			got = append(got, "FILE: "+w.Key+": "+w.Detail.String())
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: the warnings are %q, want %q", text, got, want)
		}
	}
}
