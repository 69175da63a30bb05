package jwt_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	gojwt "github.com/golang-jwt/jwt/v5"

	"scenecast"
	"scenecast/auth"
	"scenecast/auth/jwt"
)

func TestTokens(t *testing.T) {
	v := newVerifier()
	good := claims(nil)
	rsaPEM := public("rsa")
	hs := func(changes object) string { return sign("HS256", "", secret, claims(changes)) }
	swap := func(token string, part int, with string) string {
		parts := strings.Split(token, ".")
		parts[part] = with
		return strings.Join(parts, ".")
	}
	for _, c := range []struct{ name, token, want string }{
		{"HS256", sign("HS256", "", secret, good), ""},
		{"HS384", sign("HS384", "", secret, good), ""},
		{"HS512", sign("HS512", "any", secret, good), ""},
		{"RS256", sign("RS256", "r", "rsa", good), ""},
		{"RS512", sign("RS512", "r", "rsa", good), ""},
		{"PS256 of a key for all of RSA", sign("PS256", "r", "rsa", good), ""},
		{"PS256", sign("PS256", "ps", "rsa2", good), ""},
		{"ES256", sign("ES256", "e", "p256", good), ""},
		{"ES384", sign("ES384", "", "p384", good), ""},
		{"ES512", sign("ES512", "", "p521", good), ""},
		{"EdDSA", sign("EdDSA", "", "ed", good), ""},
		{"several audiences", hs(object{"aud": []string{"api", "pages"}}), ""},
		{"within the leeway", hs(object{"exp": unix(-5 * time.Second), "nbf": unix(5 * time.Second)}), ""},

		{"none", raw(`{"alg":"none"}`, `{"sub":"42","exp":9999999999}`, ""), "algorithm"},
		{"None", raw(`{"alg":"None"}`, `{"sub":"42","exp":9999999999}`, ""), "algorithm"},
		{"no algorithm", raw(`{"typ":"JWT"}`, `{}`, "x"), "algorithm"},
		{"an algorithm of no key", raw(`{"alg":"ES256K"}`, `{}`, "x"), "algorithm"},
		{"a public key as a secret", sign("HS256", "r", rsaPEM, good), "signed by none"},
		{"a public key as a secret, without the last line's end", sign("HS256", "r", strings.TrimSpace(rsaPEM), good), "signed by none"},
		{"another algorithm of the type than the key's", sign("RS256", "ps", "rsa2", good), "signed by none"},
		{"an unknown key ID", sign("RS256", "x", "rsa", good), "signed by none"},
		{"no key ID, of a key that has one", sign("RS256", "", "rsa", good), "signed by none"},
		{"another secret", sign("HS256", "", strings.ToUpper(secret), good), "signed by none"},
		{"a signature of something else", swap(hs(nil), 1, strings.Split(hs(object{"sub": "43"}), ".")[1]), "signed by none"},
		{"no signature", swap(hs(nil), 2, ""), "signed by none"},
		{"a signature in another spelling", hs(nil) + "=", "no JSON Web Token"},
		{"another part", sign("HS256", "", secret, good) + ".x", "invalid token"},
		{"critical", raw(`{"alg":"HS256","crit":["b64"],"b64":false}`, `{}`, "x"), "critical"},

		{"expired", hs(object{"exp": unix(-time.Minute)}), "has expired"},
		{"no end", hs(object{"exp": nil}), "has no end"},
		{"a far end", hs(object{"exp": unix(48 * time.Hour)}), "jwt.max_lifetime"},
		{"a long life, of which little is left", hs(object{"iat": unix(-48 * time.Hour)}), "jwt.max_lifetime"},
		{"an end beyond all time", hs(object{"exp": 1e300}), "exp"},
		{"not yet", hs(object{"nbf": unix(time.Minute)}), "not valid yet"},
		{"issued later", hs(object{"iat": unix(time.Minute)}), "not valid yet"},
		{"another issuer", hs(object{"iss": "https://evil.example"}), "another issuer"},
		{"no issuer", hs(object{"iss": nil}), "another issuer"},
		{"another audience", hs(object{"aud": "api"}), "another audience"},
		{"no audience", hs(object{"aud": nil}), "another audience"},
		{"another app's, with the claims of this one", sign("HS256", "", otherSecret, claims(object{"exp": unix(2 * time.Hour), "iss": "blog"})), "jwt.max_lifetime"},

		{"a label of the server", hs(object{"labels": object{"@user": "1"}}), "(labels)"},
		{"a label without a name", hs(object{"labels": object{"": "1"}}), "(labels)"},
		{"a label of a number", hs(object{"labels": object{"order": 7}}), "wrong type"},
		{"labels of a text", hs(object{"labels": "page"}), "wrong type"},
		{"may_set of a text", hs(object{"may_set": "page"}), "wrong type"},
		{"may_set of a key of the server", hs(object{"may_set": []string{"@user"}}), "(may_set)"},
		{"a subject of a number", hs(object{"sub": 42}), "wrong type"},
		{"an end of a text", hs(object{"exp": "tomorrow"}), "wrong type"},

		{"empty", "", "invalid token"},
		{"one part", "eyJ", "invalid token"},
		{"not Base64", "ey!.ey!.x", "no JSON Web Token"},
		{"header of no object", raw(`"x"`, `{}`, "x"), "invalid token"},
		{"claims of no object", "eyJhbGciOiJIUzI1NiJ9." + base64.RawURLEncoding.EncodeToString([]byte("[")) + ".eA", "no JSON Web Token"},
		{"four parts", hs(nil) + ".x", "invalid token"},
		{"huge", hs(object{"x": strings.Repeat("x", jwt.MaxToken)}), "longer than"},
		{"encrypted (JWE)", "eyJhbGciOiJkaXIifQ..a.b.c", "invalid token"},
	} {
		page, err := v.AuthenticatePage(t.Context(), c.token)
		switch {
		case c.want == "" && (err != nil || page.App != "shop" || !page.Labels.Contains(scenecast.LabelUser, "42")):
			t.Errorf("%s: %+v, %v", c.name, page, err)
		case c.want != "" && (!errors.Is(err, auth.ErrInvalidToken) || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, want an invalid token because of %q", c.name, err, c.want)
		}
		again, errAgain := v.AuthenticatePage(t.Context(), c.token)
		if (err == nil) != (errAgain == nil) || again.Labels.Len() != page.Labels.Len() || again.Token.Credential != page.Token.Credential {
			t.Errorf("%s, once more: %+v, %v", c.name, again, errAgain)
		}
	}
}

// TestRFC7515 verifies the example of RFC 7515, A.1, as it stands there.
func TestRFC7515(t *testing.T) {
	const token = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9" +
		".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ" +
		".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	k := must(base64.RawURLEncoding.DecodeString("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"))
	v := jwt.New([]jwt.App{{Name: "a", Issuer: "joe", MaxLifetime: time.Hour, Keys: []jwt.Key{key("", "", string(k))}}})
	jwt.SetNow(v, func() time.Time { return time.Unix(1300819000, 0) })
	page, err := v.AuthenticatePage(t.Context(), token)
	if err != nil || page.App != "a" || page.Labels.Len() != 0 || page.Token.ExpiresAt.Unix() != 1300819380 {
		t.Errorf("%+v, %v", page, err)
	}
	jwt.SetNow(v, func() time.Time { return time.Unix(1300819380, 0) })
	if _, err := v.AuthenticatePage(t.Context(), token); !errors.Is(err, auth.ErrInvalidToken) {
		t.Errorf("a token from the cache, when it has ended: %v", err)
	}
}

// TestOnLoop: a loop verifies what is quick, and nothing else, but gets from the cache whatever is there.
func TestOnLoop(t *testing.T) {
	v, loop := newVerifier(), scenecast.OnLoop(t.Context())
	if _, err := v.AuthenticatePage(loop, sign("HS256", "", secret, claims(nil))); err != nil {
		t.Error(err)
	}
	for _, token := range []string{sign("ES256", "e", "p256", claims(nil)), sign("RS256", "unknown", "rsa", claims(nil))} {
		if _, err := v.AuthenticatePage(loop, token); !errors.Is(err, scenecast.ErrDeferred) {
			t.Errorf("%v, want that it is deferred", err)
		}
		_, want := v.AuthenticatePage(t.Context(), token)
		if _, err := v.AuthenticatePage(loop, token); want == nil && err != nil {
			t.Errorf("verified before: %v", err)
		}
	}
	if _, err := v.AuthenticatePage(loop, raw(`{"alg":"none"}`, `{}`, "")); !errors.Is(err, auth.ErrInvalidToken) {
		t.Errorf("what needs no key: %v", err)
	}
}

// TestApps: a token is of the app whose key has signed it, and where several have the same key, of the one whose issuer or audience it names.
func TestApps(t *testing.T) {
	shared := key("", "", secret)
	v := jwt.New([]jwt.App{
		{Name: "a", Issuer: "a", MaxLifetime: time.Hour, Keys: []jwt.Key{shared}},
		{Name: "b", Issuer: "b", MaxLifetime: time.Hour, Keys: []jwt.Key{shared}},
		{Name: "c", Audience: "c", MaxLifetime: time.Hour, Keys: []jwt.Key{shared}},
		{Name: "d", Audience: "d", MaxLifetime: time.Hour, Keys: []jwt.Key{shared}},
		{Name: "e", MaxLifetime: time.Hour, Keys: []jwt.Key{key("", "", otherSecret)}},
	})
	for _, c := range []struct {
		secret string
		claims object
		want   string
	}{
		{secret, object{"iss": "a", "aud": nil}, "a"},
		{secret, object{"iss": "b", "aud": nil}, "b"},
		{secret, object{"iss": "x", "aud": "c"}, "c"},
		{secret, object{"iss": "x", "aud": "d"}, "d"},
		{secret, object{"iss": "x", "aud": "x"}, ""},
		{otherSecret, object{"iss": "a"}, "e"},
	} {
		c.claims["exp"] = unix(time.Minute)
		if page, err := v.AuthenticatePage(t.Context(), sign("HS256", "", c.secret, claims(c.claims))); page.App != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%v: app %q, %v, want %q", c.claims, page.App, err, c.want)
		}
	}
}

// TestCredentials: a page's credential stays good as long as its key is there, for the same issuer and audience.
func TestCredentials(t *testing.T) {
	app := func(change func(*jwt.App)) *jwt.Verifier {
		a := jwt.App{Name: "a", Issuer: "i", MaxLifetime: time.Hour, Keys: []jwt.Key{key("", "", secret), key("", "", otherSecret)}}
		change(&a)
		return jwt.New([]jwt.App{a})
	}
	v := app(func(*jwt.App) {})
	page, err := v.AuthenticatePage(t.Context(), sign("HS256", "", secret, object{"iss": "i", "exp": unix(time.Minute)}))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*jwt.App)
		want   bool
	}{
		"nothing":     {func(*jwt.App) {}, true},
		"leeway":      {func(a *jwt.App) { a.Leeway = time.Minute }, true},
		"another key": {func(a *jwt.App) { a.Keys = a.Keys[:1] }, true},
		"this key":    {func(a *jwt.App) { a.Keys = a.Keys[1:] }, false},
		"the issuer":  {func(a *jwt.App) { a.Issuer = "j" }, false},
		"the app":     {func(a *jwt.App) { a.Name = "b" }, false},
	} {
		if got := app(c.change).HasCredential(page.Token.Credential); got != c.want {
			t.Errorf("with %s changed the credential is good: %t, want %t", name, got, c.want)
		}
	}
}

func TestKeys(t *testing.T) {
	pkcs8 := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: must(x509.MarshalPKCS8PrivateKey(private["p256"]))}))
	for _, c := range []struct{ name, algorithm, text, want string }{
		{"a short secret", "", "short", "5 bytes"},
		{"a secret for RSA", "RS256", secret, "is a secret, which RS256 cannot use"},
		{"a public key for HMAC", "HS256", public("rsa"), "an RSA key, which HS256 cannot use"},
		{"a curve for another algorithm", "ES384", public("p256"), "which ES384 cannot use"},
		{"an unknown algorithm", "none", secret, "which none cannot use"},
		{"a private key", "", pkcs8, "private key"},
		{"a small key", "", public("small"), "1024 bits"},
		{"broken PEM", "", "-----BEGIN PUBLIC KEY-----\nAAAA", "no valid PEM"},
		{"PEM of nothing", "", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "no valid PUBLIC KEY"},
		{"two keys", "", public("rsa") + public("p256"), "goes on"},
		{"something else in PEM", "", "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----", "there are PUBLIC KEY"},
	} {
		_, err := jwt.ParseKey("k", c.algorithm, c.text)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	template := &x509.Certificate{SerialNumber: must(rand.Int(rand.Reader, private["rsa"].Public().(*rsa.PublicKey).N))}
	der := must(x509.CreateCertificate(rand.Reader, template, template, private["rsa"].Public(), private["rsa"]))
	certificate := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	pkcs1 := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(private["rsa"].Public().(*rsa.PublicKey))}))
	for _, text := range []string{certificate, pkcs1} {
		v := jwt.New([]jwt.App{{Name: "a", MaxLifetime: 24 * time.Hour, Keys: []jwt.Key{key("", "", text)}}})
		if _, err := v.AuthenticatePage(t.Context(), sign("RS256", "", "rsa", claims(nil))); err != nil {
			t.Errorf("%.30s: %v", text, err)
		}
	}
}

// TestCacheIsBounded: tokens that were verified are forgotten, those that nobody shows first.
func TestCacheIsBounded(t *testing.T) {
	v := jwt.New([]jwt.App{{Name: "a", MaxLifetime: 24 * time.Hour, Keys: []jwt.Key{key("", "", secret)}}})
	jwt.SetCacheSize(v, 100)
	for i := range 1000 {
		if _, err := v.AuthenticatePage(t.Context(), sign("HS256", "", secret, object{"exp": unix(time.Hour), "jti": string(rune('a'+i%26)) + strings.Repeat("x", i)})); err != nil {
			t.Fatal(err)
		}
		if n := jwt.Cached(v); n > 100 {
			t.Fatalf("%d tokens are kept", n)
		}
	}
}

// FuzzToken: whatever a page shows, nothing but a token with a signature of the key lets it in.
func FuzzToken(f *testing.F) {
	v := newVerifier()
	good := sign("HS256", "", secret, object{"sub": "1", "exp": unix(20 * time.Hour), "iss": "https://login.example", "aud": "pages"})
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Add(sign("RS256", "r", "rsa", claims(nil)))
	f.Add(raw(`{"alg":"none"}`, `{"sub":"1"}`, ""))
	f.Add(raw(`{"alg":"HS256","kid":["x"]}`, `{"exp":-1,"aud":{},"labels":{"a":[null]}}`, "x"))
	f.Fuzz(func(t *testing.T, token string) {
		page, err := v.AuthenticatePage(context.Background(), token)
		if err == nil {
			parts := strings.Split(token, ".")
			h := gojwt.SigningMethodHS256
			if len(parts) != 3 || page.App != "shop" {
				t.Fatalf("%q is let in", token)
			}
			signature, _ := base64.RawURLEncoding.DecodeString(parts[2])
			var head struct{ Alg string }
			text, _ := base64.RawURLEncoding.DecodeString(parts[0])
			_ = json.Unmarshal(text, &head)
			if head.Alg == "HS256" && h.Verify(parts[0]+"."+parts[1], signature, []byte(secret)) != nil {
				t.Fatalf("%q is let in", token)
			}
		} else if !errors.Is(err, auth.ErrInvalidToken) {
			t.Fatalf("%q: %v", token, err)
		}
	})
}

// BenchmarkWrongToken is what a token costs, at the most, that nobody has signed: its labels are read before its signature is checked.
func BenchmarkWrongToken(b *testing.B) {
	var many []string
	for i := range 740 {
		many = append(many, fmt.Sprintf(`"%c%c":""`, 'a'+i%26, 'A'+i/26))
	}
	token := raw(`{"alg":"HS256"}`, `{"iss":"https://login.example","labels":{`+strings.Join(many, ",")+`}}`, strings.Repeat("x", 32))
	v := newVerifier()
	for b.Loop() {
		if _, err := v.AuthenticatePage(b.Context(), token); !errors.Is(err, auth.ErrInvalidToken) {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	for _, c := range []struct{ name, algorithm, kid, with string }{
		{"HS256", "HS256", "", secret}, {"ES256", "ES256", "e", "p256"}, {"RS256", "RS256", "r", "rsa"}, {"EdDSA", "EdDSA", "", "ed"},
	} {
		token := sign(c.algorithm, c.kid, c.with, claims(object{"labels": object{"plan": "pro", "tag": []string{"a", "b"}}, "jti": "2f1c"}))
		b.Run(c.name, func(b *testing.B) {
			v := newVerifier()
			b.ReportAllocs()
			for b.Loop() {
				jwt.ClearCache(v)
				if _, err := v.AuthenticatePage(b.Context(), token); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(c.name+"/cached", func(b *testing.B) {
			v := newVerifier()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.AuthenticatePage(b.Context(), token); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
