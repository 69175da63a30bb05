package jwt

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"slices"
	"strings"

	"scenecast"
	"scenecast/language"
)

// Key verifies the signatures of tokens. Each has a type, and only algorithms of that type can be used with it: so no public key can be
// taken for a secret.
type Key struct {
	id         string // the tokens that it is for have the same (kid); empty: it is for tokens without, and with any
	algorithms []string
	value      any                  // as golang-jwt takes it
	identity   string               // tells keys apart, and is no secret
	credential scenecast.Credential // that the app's pages have by it
}

// The least that keys may have.
const (
	minSecret = 32   // bytes, of an HMAC's secret: the length of the hash (RFC 7518, 3.2)
	minRSA    = 2048 // bits (RFC 7518, 3.3)
)

// The algorithms, by type of key.
var (
	hmacAlgorithms = []string{"HS256", "HS384", "HS512"}
	rsaAlgorithms  = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
	ecAlgorithms   = map[int]string{256: "ES256", 384: "ES384", 521: "ES512"} // by bits of the curve
	edAlgorithms   = []string{"EdDSA"}
)

// algorithms are all algorithms that a token's header may name.
var algorithms = slices.Concat(hmacAlgorithms, rsaAlgorithms, []string{"ES256", "ES384", "ES512"}, edAlgorithms)

// ParseKey reads a key: a public key or a certificate in PEM, or the secret of an HMAC. Without an algorithm all are allowed that
// belong to the key's type. The error says what is wrong, and nothing of the key.
func ParseKey(id, algorithm, text string) (Key, error) {
	if !strings.HasPrefix(strings.TrimSpace(text), "-----BEGIN ") {
		return newSecret(id, algorithm, text)
	}
	block, rest := pem.Decode([]byte(text))
	switch {
	case block == nil:
		return Key{}, language.Errorf("is no valid PEM")
	case strings.TrimSpace(string(rest)) != "":
		return Key{}, language.Errorf("goes on behind its first block of PEM: a key is one")
	case strings.Contains(block.Type, "PRIVATE KEY"):
		return Key{}, language.Errorf("is a private key; verifying takes the public one, and whoever has the private one can make tokens")
	}
	public, err := parsePublic(block)
	if err != nil {
		return Key{}, err
	}
	return newPublic(id, algorithm, public)
}

func parsePublic(block *pem.Block) (any, error) {
	switch block.Type {
	case "PUBLIC KEY":
		if public, err := x509.ParsePKIXPublicKey(block.Bytes); err == nil {
			return public, nil
		}
	case "RSA PUBLIC KEY":
		if public, err := x509.ParsePKCS1PublicKey(block.Bytes); err == nil {
			return public, nil
		}
	case "CERTIFICATE":
		if certificate, err := x509.ParseCertificate(block.Bytes); err == nil {
			return certificate.PublicKey, nil
		}
	default:
		return nil, language.Errorf("is PEM of the type %.40q; there are PUBLIC KEY, RSA PUBLIC KEY and CERTIFICATE", block.Type)
	}
	return nil, language.Errorf("is no valid %s", block.Type)
}

func newSecret(id, algorithm, secret string) (Key, error) {
	if len(secret) < minSecret {
		return Key{}, language.Errorf("is a secret of %d bytes, and one of an HMAC has %d at least (RFC 7518, 3.2)", len(secret), minSecret)
	}
	return newKey(id, algorithm, []byte(secret), "a secret", hmacAlgorithms)
}

// newPublic makes a key of a public key.
func newPublic(id, algorithm string, public any) (Key, error) {
	switch public := public.(type) {
	case *rsa.PublicKey:
		if bits := public.N.BitLen(); bits < minRSA {
			return Key{}, language.Errorf("is an RSA key of %d bits, and one has %d at least (RFC 7518, 3.3)", bits, minRSA)
		}
		return newKey(id, algorithm, public, "an RSA key", rsaAlgorithms)
	case *ecdsa.PublicKey:
		a, ok := ecAlgorithms[public.Curve.Params().BitSize]
		if !ok {
			return Key{}, language.Errorf("is of the curve %s; there are P-256, P-384 and P-521", public.Curve.Params().Name)
		}
		return newKey(id, algorithm, public, "a key of the curve "+public.Curve.Params().Name, []string{a})
	case ed25519.PublicKey:
		return newKey(id, algorithm, public, "an Ed25519 key", edAlgorithms)
	default:
		return Key{}, language.Errorf("is a key of a type that no algorithm takes; there are RSA, EC and Ed25519")
	}
}

func newKey(id, algorithm string, value any, what string, algorithms []string) (Key, error) {
	if algorithm != "" {
		if !slices.Contains(algorithms, algorithm) {
			return Key{}, language.Errorf("is %s, which %s cannot use; it takes %s", what, algorithm, strings.Join(algorithms, ", "))
		}
		algorithms = []string{algorithm}
	}
	return Key{id: id, algorithms: algorithms, value: value, identity: identityOf(value)}, nil
}

// identityOf is a digest of a key.
func identityOf(value any) string {
	text, secret := value.([]byte)
	if !secret {
		text, _ = x509.MarshalPKIXPublicKey(value) // of types that it takes
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// fits reports whether the key may verify a token with this header.
func (k Key) fits(h header) bool {
	return (k.id == "" || k.id == h.KeyID) && slices.Contains(k.algorithms, h.Algorithm)
}
