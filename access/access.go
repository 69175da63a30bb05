// Package access is the one way by which a backend's call reaches the engine. A Caller says what its credential reaches; an Engine
// does nothing for a caller beyond that, and tells nothing of it.
//
// A credential reaches the pages of its app, and one that is confined those of them that are within an audience. What a confined
// caller asks for is cut down to that audience. What an answer would tell of the rest is left out of it: which nodes there are, and
// positions, which count everybody's pushes. Of the log it sees the pushes that were made with the same confinement, because of any other
// one nobody can say whom it was for. Its idempotency keys, and the keys of its pushes that replace each other, are apart from those of
// others.
package access

import (
	"context"
	"slices"

	"scenecast"
	"scenecast/audience"
	"scenecast/auth"
	"scenecast/label"
	"scenecast/language"
	"scenecast/problem"
)

// SettingKeys is the setting that decides what an API key reaches.
const SettingKeys = "api_keys"

// Caller is on whose behalf a call is made.
type Caller struct {
	App string // whose pages it reaches
	// Credential separates idempotency keys: the same text used with two credentials is two keys. Empty: the program itself.
	Credential string

	// Within is the audience to which the caller is confined. Zero: it reaches all pages of its app.
	Within audience.Expr
	// Triggers are the names of those that the caller may run. Nil: all of its app.
	Triggers []string
	// Rate bounds what the caller publishes, together with others of this credential.
	Rate auth.Rate
}

// KeyCaller is whoever shows this API key. API keys of one name have their idempotency keys in common, so one can take the place of
// the other.
func KeyCaller(k auth.Key) Caller {
	c := Caller{App: k.App, Credential: "key " + k.Name, Within: k.Within, Triggers: k.Triggers, Rate: k.Rate}
	if c.Confined() {
		c.Credential += " within " + c.confinement()
	}
	return c
}

// PageCaller is whoever shows a page's token.
func PageCaller(app string) Caller { return Caller{App: app, Credential: "page"} }

// Confined reports whether there may be pages of the app that the caller does not reach.
func (c Caller) Confined() bool { return !c.Within.IsZero() }

// confinement is what the caller's pushes carry of it.
func (c Caller) confinement() string {
	if !c.Confined() {
		return ""
	}
	return c.Within.String()
}

// Reach is the part of an audience that the caller reaches. A problem says that both together are over a limit of audiences.
func (c Caller) Reach(to audience.Expr) (audience.Expr, error) {
	if !c.Confined() {
		return to, nil
	}
	reached, err := to.And(c.Within)
	if err != nil {
		return audience.Expr{}, problem.At(err, "to")
	}
	return reached, nil
}

// Explain says why labels match an audience of the caller's, cut down to those whom the caller reaches: of one that is confined, its
// confinement is a part of its own. Together they must be within the limits of an audience. The reasons are in the language.
func (c Caller) Explain(to audience.Expr, labels label.Set, tag language.Tag) (audience.Explanation, error) {
	reached, err := c.Reach(to)
	if err != nil || !c.Confined() {
		return to.Explain(labels, tag), err
	}
	return to.Explain(labels, tag).And(reached, c.Within.Explain(labels, tag)), nil
}

// CheckTrigger returns a problem where the caller may not run a trigger of this name, whether there is one or not.
func (c Caller) CheckTrigger(name string) error {
	if c.Triggers == nil || slices.Contains(c.Triggers, name) {
		return nil
	}
	return problem.New(problem.Forbidden, "this API key may not run a trigger named %.80q", name).DecidedBy(SettingKeys)
}

// IdempotencyKey is the engine's key for a caller's. A caller's has no spaces, so no two of these are the same by chance.
func (c Caller) IdempotencyKey(key string) string {
	if key == "" || c.Credential == "" {
		return key
	}
	return key + " " + c.Credential
}

// Submitter takes pushes; a scenecast.Engine does.
type Submitter interface {
	Submit(p scenecast.Push) (scenecast.Pending, error)
}

// Asker answers queries for all nodes; a scenecast.Engine does.
type Asker interface {
	Ask(ctx context.Context, q scenecast.Query) (scenecast.Reply, error)
}
