package api

import (
	"encoding/json"
	"fmt"

	"scenecast"
	"scenecast/audience"
	"scenecast/label"
	"scenecast/problem"
)

// relabelled is the answer to a change of labels.
type relabelled struct {
	Matched int `json:"matched"`
	Changed int `json:"changed"` // fewer where the change would put connections over labels.max_count
}

// relabelling is the body of POST /v1/labels.
type relabelling struct {
	to     audience.Expr
	set    label.Change
	remove []string
}

func (c *relabelling) fields() fields {
	return fields{
		"to":     asAudience(&c.to),
		"set":    func(raw json.RawMessage) error { return json.Unmarshal(raw, &c.set) },
		"remove": as(&c.remove, "an array of keys"),
	}
}

// relabel answers POST /v1/labels. The keys that it sets are trusted from then on: the page cannot change them.
func (a *API) relabel(r *request) (any, error) {
	object, err := a.object(r)
	if err != nil {
		return nil, err
	}
	var asked relabelling
	if err := asked.fields().read(object); err != nil {
		return nil, err
	}
	if asked.to.IsZero() {
		return nil, missingTo()
	}
	change, err := asked.change(a.o.Rules(r.caller.App).Limits)
	if err != nil {
		return nil, err
	}
	reply, err := a.ask(r, scenecast.Query{
		To: asked.to, Relabel: &scenecast.Relabel{Change: change},
	})
	if err != nil {
		return nil, err
	}
	return relabelled{reply.Tally.Matched, reply.Changed}, nil
}

// change puts what is set and what is removed into one change.
func (c *relabelling) change(limits label.Limits) (label.Change, error) {
	change := make(label.Change)
	for _, key := range c.set.Keys() {
		switch {
		case label.Reserved(key):
			return nil, reservedKey(key).At("set")
		case len(c.set[key]) == 0:
			return nil, problem.New(problem.Invalid, "has no value; a key is taken away by remove").At("set." + key)
		}
		change[key] = c.set[key]
	}
	if err := limits.Check(label.Set{}.Apply(change)); err != nil {
		return nil, problem.At(err, "set")
	}
	for _, key := range c.remove {
		switch _, twice := change[key]; {
		case label.Reserved(key):
			return nil, reservedKey(key).At("remove")
		case !label.ValidKey(key):
			return nil, problem.New(problem.Invalid, "%.80q is no label key", key).At("remove")
		case twice:
			return nil, problem.New(problem.Invalid, "%.80s is to be changed twice", key).At("remove")
		}
		change[key] = nil
	}
	if len(change) == 0 {
		return nil, problem.New(problem.Invalid, "nothing to change: say what to set or to remove")
	}
	return change, nil
}

func reservedKey(key string) *problem.Problem {
	return problem.New(problem.Invalid, "%.80q: label keys with @ are the server's own", key)
}

// disconnected is the answer to a goodbye.
type disconnected struct {
	Matched int `json:"matched"`
}

// The codes that an application may close a WebSocket with besides 1000 (RFC 6455, 7.4.2), and how much a close frame has
// room for beside its code (5.5).
const (
	minCode   = 3000
	maxCode   = 4999
	maxReason = 123
)

var (
	codeForm   = fmt.Sprintf("%d, or a code from %d to %d (RFC 6455, 7.4.2)", scenecast.CloseNormal, minCode, maxCode)
	reasonForm = fmt.Sprintf("a text of at most %d bytes", maxReason)
)

// disconnectRequest is the body of POST /v1/disconnect.
type disconnectRequest struct {
	to     audience.Expr
	code   scenecast.CloseCode
	reason string
}

func (d *disconnectRequest) fields() fields {
	return fields{
		"to":     asAudience(&d.to),
		"code":   as(&d.code, codeForm),
		"reason": as(&d.reason, reasonForm),
	}
}

// disconnect answers POST /v1/disconnect.
func (a *API) disconnect(r *request) (any, error) {
	object, err := a.object(r)
	if err != nil {
		return nil, err
	}
	asked := disconnectRequest{code: scenecast.CloseNormal}
	switch err := asked.fields().read(object); {
	case err != nil:
		return nil, err
	case asked.to.IsZero():
		return nil, missingTo()
	case asked.code != scenecast.CloseNormal && (asked.code < minCode || asked.code > maxCode):
		return nil, problem.New(problem.Invalid, "takes %s", codeForm).At("code")
	case len(asked.reason) > maxReason:
		return nil, problem.New(problem.Invalid, "takes %s", reasonForm).At("reason")
	}
	ending := scenecast.Ending{Cause: scenecast.CauseDisconnected, Code: asked.code, Detail: asked.reason}
	reply, err := a.ask(r, scenecast.Query{To: asked.to, Disconnect: &scenecast.Disconnect{Ending: ending}})
	if err != nil {
		return nil, err
	}
	return disconnected{reply.Tally.Matched}, nil
}
