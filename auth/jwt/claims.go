package jwt

import (
	"encoding/base64"
	"encoding/json"
	"errors"
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
	Algorithm string   `json:"alg"`
	KeyID     string   `json:"kid"`
	Critical  []string `json:"crit"`
}

// claims are what is read of a token's. They are decoded into plain types, which takes half of the time that those of jwt.RegisteredClaims
// take.
type claims struct {
	Issuer    string         `json:"iss"`
	Subject   string         `json:"sub"`
	Audience  any            `json:"aud"` // a text, or several
	ExpiresAt *float64       `json:"exp"` // seconds, as the others
	NotBefore *float64       `json:"nbf"`
	IssuedAt  *float64       `json:"iat"`
	ID        string         `json:"jti"`
	Labels    map[string]any `json:"labels"` // each a text, or several
	MaySet    []string       `json:"may_set"`
}

// registered are the claims of RFC 7519, 4.1.
func (c *claims) registered() (r jwt.RegisteredClaims, err error) {
	r = jwt.RegisteredClaims{Issuer: c.Issuer, Subject: c.Subject, ID: c.ID}
	if c.Audience != nil {
		if r.Audience, err = texts(c.Audience); err != nil {
			return r, err
		}
	}
	r.ExpiresAt, r.NotBefore, r.IssuedAt = date(c.ExpiresAt), date(c.NotBefore), date(c.IssuedAt)
	return r, nil
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

// texts reads what is a text, or several.
func texts(value any) ([]string, error) {
	switch value := value.(type) {
	case string:
		return []string{value}, nil
	case []any:
		all := make([]string, len(value))
		for i := range value {
			text, ok := value[i].(string)
			if !ok {
				return nil, errClaims
			}
			all[i] = text
		}
		return all, nil
	default:
		return nil, errClaims
	}
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
	if text, err := decode(head); err != nil || json.Unmarshal(text, &u.header) != nil {
		return nil, errMalformed
	}
	switch {
	case !slices.Contains(algorithms, u.Algorithm): // none is not among them
		return nil, errAlgorithm
	case u.Critical != nil: // RFC 7515, 4.1.11
		return nil, errCritical
	}
	u.method = jwt.GetSigningMethod(u.Algorithm)
	text, err := decode(body)
	if err != nil {
		return nil, errMalformed
	}
	if err := json.Unmarshal(text, &u.claims); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return nil, errMalformed
		}
		return nil, errClaims
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
	for key, value := range c.Labels {
		if !mayBeLabel(key) {
			return labels, token, errLabelKey
		}
		if value == nil {
			continue
		}
		values, err := texts(value)
		if err != nil {
			return labels, token, err
		}
		for _, v := range values {
			own = append(own, label.Label{Key: key, Value: v})
		}
	}
	for _, key := range c.MaySet {
		if !mayBeLabel(key) {
			return labels, token, errMaySet
		}
	}
	return label.New(own...), scenecast.Token{ID: c.ID, MaySet: c.MaySet}, nil
}

func mayBeLabel(key string) bool { return !label.Reserved(key) && label.ValidKey(key) }
