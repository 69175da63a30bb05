package scenecast

import (
	"encoding/json"
	"fmt"
	"time"

	"scenecast/audience"
	"scenecast/label"
)

// RevocationsApp is the app of the pushes by which revocations go through the log. No page is of it, because no app can have this name.
const RevocationsApp = "@revocations"

// Revocation says that tokens of an app are not good any more: one by its ID, or those of a user, or those whose labels an audience matches,
// in both cases of those that were issued before a time. It is about tokens that end by themselves, and lasts until the last of them has.
type Revocation struct {
	App     string
	TokenID string        // of one token
	User    string        // … or of all of a user
	To      audience.Expr // … or of all that say so: of a token's labels and its user, not of labels that a page has besides
	Within  audience.Expr // of those, the tokens that say so: what its caller reaches. Zero: all
	Before  time.Time     // tokens that were issued then or later are good; zero where TokenID says which it is
	Until   time.Time     // when the last of these tokens has ended
}

// Matches reports whether a token is revoked: one of the app that brings these labels.
func (r *Revocation) Matches(labels label.Set, t Token) bool {
	switch {
	case r.TokenID != "":
		if t.ID != r.TokenID {
			return false
		}
	case !t.IssuedAt.Before(r.Before):
		return false
	case r.User != "":
		if !labels.Contains(LabelUser, r.User) {
			return false
		}
	case !r.To.Match(labels):
		return false
	}
	return r.Within.IsZero() || r.Within.Match(labels)
}

// revocationText is a revocation as it stands in the log: nodes of other versions read it.
type revocationText struct {
	App     string    `json:"app"`
	TokenID string    `json:"jti,omitempty"`
	User    string    `json:"user,omitempty"`
	To      string    `json:"to,omitempty"`
	Within  string    `json:"within,omitempty"`
	Before  time.Time `json:"before,omitzero"`
	Until   time.Time `json:"until"`
}

// MarshalJSON implements json.Marshaler.
func (r Revocation) MarshalJSON() ([]byte, error) {
	t := revocationText{App: r.App, TokenID: r.TokenID, User: r.User, Before: r.Before, Until: r.Until}
	if !r.To.IsZero() {
		t.To = r.To.String()
	}
	if !r.Within.IsZero() {
		t.Within = r.Within.String()
	}
	return json.Marshal(t)
}

// UnmarshalJSON implements json.Unmarshaler.
func (r *Revocation) UnmarshalJSON(text []byte) (err error) {
	var t revocationText
	if err := json.Unmarshal(text, &t); err != nil {
		return err
	}
	*r = Revocation{App: t.App, TokenID: t.TokenID, User: t.User, Before: t.Before, Until: t.Until}
	if t.TokenID == "" && t.User == "" && t.To == "" {
		return fmt.Errorf("a revocation of no token")
	}
	if t.To != "" {
		if r.To, err = audience.Parse(t.To); err != nil {
			return err
		}
	}
	if t.Within != "" {
		r.Within, err = audience.Parse(t.Within)
	}
	return err
}

// Push is the push by which the revocation goes through the log. Of those with one key only the first happens.
func (r Revocation) Push(id, key string) (Push, error) {
	text, err := json.Marshal(r)
	return Push{
		ID:             id,
		App:            RevocationsApp,
		To:             audience.Everybody(),
		Message:        Message{Event: "revocation", Data: text},
		IdempotencyKey: key,
	}, err
}
