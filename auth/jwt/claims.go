package jwt

import (
	"encoding/base64"
	"math"
	"slices"
	"strings"
	"time"

	jwt "github.com/golang-jwt/jwt/v5"

	"scenecast"
	"scenecast/auth"
	"scenecast/label"
)

// MaxToken bounds a token, in bytes. A longer one is refused unread.
const MaxToken = 8 << 10

// header is what is read of a token's (RFC 7515, 4.1).
type header struct {
	Algorithm  string
	KeyID      string
	isCritical bool // it has headers that must be understood (crit)
}

// claims are what is read of a token's. They are read member by member, each byte once: pages come by the thousand.
type claims struct {
	Issuer    string
	Subject   string
	Audience  []string // nil: there is none
	ExpiresAt *float64 // seconds, as the others
	NotBefore *float64
	IssuedAt  *float64
	ID        string
	Labels    []claimLabel
	MaySet    []string
}

// claimLabel is a key of the claim labels.
type claimLabel struct {
	key    string
	values []string
}

// registered are the claims of RFC 7519, 4.1.
func (c *claims) registered() jwt.RegisteredClaims {
	r := jwt.RegisteredClaims{Issuer: c.Issuer, Subject: c.Subject, ID: c.ID, Audience: c.Audience}
	r.ExpiresAt, r.NotBefore, r.IssuedAt = date(c.ExpiresAt), date(c.NotBefore), date(c.IssuedAt)
	return r
}

// The last second that counts, and the first: the year 9999, behind which times cannot be written.
const lastSecond = 253402300799

func date(seconds *float64) *jwt.NumericDate {
	if seconds == nil {
		return nil
	}
	whole, part := math.Modf(min(max(*seconds, -lastSecond), lastSecond))
	return &jwt.NumericDate{Time: time.Unix(int64(whole), int64(part*float64(time.Second)))}
}

// unverified is a token that has been taken apart, and of which nothing has been checked.
type unverified struct {
	header
	claims
	method    jwt.SigningMethod
	signed    string // what the signature is of
	signature []byte
}

// What is wrong with a token, as its page is told behind "the page's token".
var (
	errTooLong   = auth.Invalid("is longer than a token may be")
	errMalformed = auth.Invalid("is no JSON Web Token")
	errAlgorithm = auth.Invalid("is signed by an algorithm that is not allowed")
	errCritical  = auth.Invalid("has a critical header that is not understood (crit)")
	errClaims    = auth.Invalid("has a claim of a wrong type: sub, iss and jti are texts, exp, nbf and iat are numbers, aud is a text or several, " +
		"labels is an object whose values are texts or arrays of texts, may_set is an array of keys")
	errLabelKey = auth.Invalid("has a label whose key is none: a key is a letter or '_', then letters, digits, '_' or '-' (labels)")
	errMaySet   = auth.Invalid("lets the page set a label whose key is none (may_set)")
)

// isToken reports whether a text has the form of a token, so that its page may be told what is wrong with it.
func isToken(text string) bool { return strings.HasPrefix(text, "ey") && strings.Count(text, ".") == 2 }

// parse takes a token apart.
func parse(token string) (*unverified, error) {
	if len(token) > MaxToken {
		return nil, errTooLong
	}
	if !isToken(token) {
		return nil, auth.ErrInvalidToken
	}
	end := strings.LastIndexByte(token, '.')
	u := &unverified{signed: token[:end]}
	head, body, _ := strings.Cut(u.signed, ".")
	var err error
	if u.signature, err = decode(token[end+1:]); err != nil {
		return nil, errMalformed
	}
	if u.header, err = parseHeader(head); err != nil {
		return nil, err
	}
	switch {
	case !slices.Contains(algorithms, u.Algorithm): // none is not among them
		return nil, errAlgorithm
	case u.isCritical: // RFC 7515, 4.1.11
		return nil, errCritical
	}
	u.method = jwt.GetSigningMethod(u.Algorithm)
	text, err := decode(body)
	if err != nil {
		return nil, errMalformed
	}
	if u.claims, err = readClaims(text); err != nil {
		return nil, err
	}
	return u, nil
}

// decode is strict, so that one token has one spelling.
func decode(segment string) ([]byte, error) {
	return base64.RawURLEncoding.Strict().DecodeString(segment)
}

// page is what the claims say of a page, apart from its app and from times.
func (c *claims) page() (labels label.Set, token scenecast.Token, err error) {
	own := make([]label.Label, 0, len(c.Labels)+1)
	if c.Subject != "" {
		own = append(own, label.Label{Key: scenecast.LabelUser, Value: c.Subject})
	}
	for _, l := range c.Labels {
		if !mayBeLabel(l.key) {
			return labels, token, errLabelKey
		}
		for _, v := range l.values {
			own = append(own, label.Label{Key: l.key, Value: v})
		}
	}
	for _, key := range c.MaySet {
		if !mayBeLabel(key) {
			return labels, token, errMaySet
		}
	}
	return label.New(own...), scenecast.Token{ID: c.ID, MaySet: c.MaySet}, nil
}

func mayBeLabel(key string) bool { return label.Grantable(key) }
