package jwt_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"time"

	gojwt "github.com/golang-jwt/jwt/v5"

	"scenecast/auth/jwt"
)

const (
	secret      = "a secret of an app, which has 32 bytes at least"
	otherSecret = "another secret, which is as long as the first is"
)

// The keys of the tests, by what they are.
var private = map[string]crypto.Signer{
	"rsa":   must(rsa.GenerateKey(rand.Reader, 2048)),
	"rsa2":  must(rsa.GenerateKey(rand.Reader, 2048)),
	"p256":  must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)),
	"p384":  must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)),
	"p521":  must(ecdsa.GenerateKey(elliptic.P521(), rand.Reader)),
	"ed":    func() crypto.Signer { _, k, _ := ed25519.GenerateKey(rand.Reader); return k }(),
	"small": must(rsa.GenerateKey(rand.Reader, 1024)),
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// public is the public key of one of the tests, in PEM.
func public(name string) string {
	der := must(x509.MarshalPKIXPublicKey(private[name].Public()))
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

type object = map[string]any

// sign makes a token: with is the name of a key, or a secret.
func sign(algorithm, kid, with string, claims object) string {
	token := gojwt.NewWithClaims(gojwt.GetSigningMethod(algorithm), gojwt.MapClaims(claims))
	if kid != "" {
		token.Header["kid"] = kid
	}
	var key any = []byte(with)
	if k, ok := private[with]; ok {
		key = k
	}
	return must(token.SignedString(key))
}

// raw makes a token of these bytes.
func raw(header, claims, signature string) string {
	e := base64.RawURLEncoding.EncodeToString
	return e([]byte(header)) + "." + e([]byte(claims)) + "." + e([]byte(signature))
}

func unix(after time.Duration) int64 { return time.Now().Add(after).Unix() }

// claims are those of a token that is good, but for what is changed; a value of nil takes the claim away.
func claims(changes object) object {
	c := object{"sub": "42", "exp": unix(time.Hour), "iss": "https://login.example", "aud": "pages"}
	for name, value := range changes {
		if c[name] = value; value == nil {
			delete(c, name)
		}
	}
	return c
}

func key(id, algorithm, text string) jwt.Key { return must(jwt.ParseKey(id, algorithm, text)) }

// newVerifier is that of an app with all kinds of keys, and of another one.
func newVerifier() *jwt.Verifier {
	return jwt.New([]jwt.App{
		{
			Name: "shop", Issuer: "https://login.example", Audience: "pages", Leeway: 10 * time.Second, MaxLifetime: 24 * time.Hour, Notice: 30 * time.Second,
			Keys: []jwt.Key{
				key("", "", secret), key("r", "", public("rsa")), key("ps", "PS256", public("rsa2")), key("e", "ES256", public("p256")),
				key("", "", public("p384")), key("", "", public("p521")), key("", "EdDSA", public("ed")),
			},
		},
		{Name: "blog", Issuer: "blog", MaxLifetime: time.Hour, Keys: []jwt.Key{key("", "", otherSecret)}},
	})
}
