package config_test

import (
	"fmt"
	"strings"
	"testing"

	"scenecast/config"
)

func TestJWTMistakes(t *testing.T) {
	const secret = "a secret of 32 bytes, or some more"
	check(t, []mistaken{
		{"jwt: {keys: [x]}", []string{"FILE:1: jwt.keys: an entry is {alg, kid, key} or {alg, kid, file}, not a single value"}},
		{"jwt: {keys: {key: x}}", []string{"FILE:1: jwt.keys: takes a list of {alg, kid, key} or {alg, kid, file}, not a mapping"}},
		{"jwt:\n  keys:\n  - {kid: a}", []string{"FILE:3: jwt.keys: a key needs either key (the secret, or a public key in PEM) or file (the name of a file with it)"}},
		{"jwt:\n  keys:\n  - {key: '" + secret + "', file: x}", []string{"FILE:3: jwt.keys: a key needs either key (the secret, or …"}},
		{"jwt:\n  keys:\n  - {key: short}", []string{"FILE:3: jwt.keys.key: is a secret of 5 bytes, and one of an HMAC has 32 at least (RFC 7518, 3.2)"}},
		{"jwt:\n  keys:\n  - {key: '" + secret + "', alg: RS256}", []string{"FILE:3: jwt.keys.key: is a secret, which RS256 cannot use; it takes HS256, HS384, HS512"}},
		{"jwt:\n  keys:\n  - {key: '" + secret + "', alg: none}", []string{"FILE:3: jwt.keys.key: is a secret, which none cannot use; it takes HS256, HS384, HS512"}},
		{"jwt:\n  keys:\n  - key: |\n      -----BEGIN PRIVATE KEY-----\n      AAAA\n      -----END PRIVATE KEY-----", []string{
			"FILE:3: jwt.keys.key: is a private key; verifying takes the public one, and whoever has the private one can make tokens"}},
		{"jwt: {jwks_url: login.example.com}", []string{"FILE:1: jwt.jwks_url: is no URL of the form https://login.example.com/.well-known/jwks.json"}},
		{"jwt: {jwks_url: 'file:///etc/passwd'}", []string{"FILE:1: jwt.jwks_url: is no URL of the form …"}},
		{"jwt: {max_lifetime: 0}", []string{"FILE:1: jwt.max_lifetime: must be more than 0"}},
		{"apps:\n  a:\n    jwt: {max_lifetime: 0}", []string{"FILE:3: apps.a.jwt.max_lifetime: must be more than 0"}},
		{"jwt: {secret: x}", []string{"FILE:1: jwt.secret: there is no such setting; there are keys, jwks_url, issuer, audience, leeway, max_lifetime and expiry_notice"}},
		{"jwt: {keys: [{key: '" + secret + "'}]}\napps:\n  a:\n    jwt: {keys: [{key: '" + secret + "'}]}", []string{
			"FILE:4: apps.a.jwt.keys: is also in jwt.keys, with the same issuer and audience, so a token does not say of which app its page is"}},
		{"jwt: {jwks_url: 'https://a.example', issuer: a}\napps:\n  a:\n    jwt: {jwks_url: 'https://a.example', issuer: a}", []string{
			"FILE:4: apps.a.jwt.jwks_url: is also in jwt.jwks_url, with the same issuer and audience, so a token does not say of which app its page is"}},
		{"jwt: {keys: [{key: '" + secret + "'}]}\nclient_tokens: ['" + secret + "']", []string{
			"FILE:1: jwt.keys: key 1 is also token 1 in client_tokens, and everybody who opens a page can read a token"}},
	})
}

// TestKeySetURLIsHidden: a password or a key in the URL of a key set is not printed, and counts.
func TestKeySetURLIsHidden(t *testing.T) {
	const given = "https://me:secret-of-mine@login.example.com/jwks.json?key=secret-of-mine"
	c, err := config.Load(config.Sources{File: write(t, "jwt: {jwks_url: '"+given+"'}")})
	if err != nil || string(c.JWT.JWKSURL) != given {
		t.Fatalf("%s, %v", string(c.JWT.JWKSURL), err)
	}
	for what, text := range map[string]string{"printed": config.Print(c), "formatted": fmt.Sprintf("%+v", c)} {
		if strings.Contains(text, "secret-of-mine") || !strings.Contains(text, "login.example.com/jwks.json") {
			t.Errorf("%s:\n%s", what, text)
		}
	}
}
