package api

import (
	"encoding/json"

	"scenecast"
	"scenecast/audience"
	"scenecast/label"
	"scenecast/language"
	"scenecast/problem"
)

// relabelRequest is the body of POST /v1/labels.
type relabelRequest struct {
	to     audience.Expr
	set    label.Change
	remove []string
}

func (q *relabelRequest) fields() fields {
	return fields{
		"to":     asAudience(&q.to),
		"set":    func(raw json.RawMessage) error { return json.Unmarshal(raw, &q.set) },
		"remove": as(&q.remove, language.Textf("an array of keys")),
	}
}

// relabelResponse is the answer to POST /v1/labels.
type relabelResponse struct {
	Matched int `json:"matched"`
	Changed int `json:"changed"` // fewer where the change would put connections over labels.max_count
	answered
}

// relabel answers POST /v1/labels. The keys that it sets are trusted from then on: the page cannot change them.
func (a *API) relabel(r *request) (any, error) {
	object, err := a.object(r)
	if err != nil {
		return nil, err
	}
	var body relabelRequest
	if err := body.fields().read(object); err != nil {
		return nil, err
	}
	if body.to.IsZero() {
		return nil, missingTo()
	}
	r.audit = append(r.audit, "to", body.to.String())
	change, err := body.change(a.o.Rules(r.caller.App).Limits)
	if err != nil {
		return nil, err
	}
	reply, err := a.ask(r, scenecast.Query{To: body.to, Relabel: &scenecast.Relabel{Change: change}})
	r.audit = append(r.audit, "labels", change.Keys(), "matched", reply.Tally.Matched, "changed", reply.Changed)
	if err != nil {
		return nil, err
	}
	return relabelResponse{reply.Tally.Matched, reply.Changed, answeredBy(reply)}, nil
}

// change puts what is set and what is removed into one change.
func (q *relabelRequest) change(limits label.Limits) (label.Change, error) {
	change := make(label.Change)
	for _, key := range q.set.Keys() {
		switch {
		case label.Reserved(key) && !label.Grantable(key):
			return nil, reservedKey(key).At("set")
		case len(q.set[key]) == 0:
			return nil, problem.New(problem.Invalid, "has no value; a key is taken away by remove").At("set." + key)
		}
		change[key] = q.set[key]
	}
	if err := limits.Check(label.Set{}.Apply(change)); err != nil {
		return nil, problem.At(err, "set")
	}
	for _, key := range q.remove {
		switch _, twice := change[key]; {
		case label.Reserved(key) && !label.Grantable(key):
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

// The codes that an application may close a WebSocket with besides 1000 (RFC 6455, 7.4.2), and how much a close frame has
// room for beside its code (5.5).
const (
	minCode   = 3000
	maxCode   = 4999
	maxReason = 123
)

var (
	codeForm   = language.Textf("%d, or a code from %d to %d (RFC 6455, 7.4.2)", scenecast.CloseNormal, minCode, maxCode)
	reasonForm = language.Textf("a text of at most %d bytes", maxReason)
)

// disconnectRequest is the body of POST /v1/disconnect.
type disconnectRequest struct {
	to     audience.Expr
	code   scenecast.CloseCode
	reason string
}

func (q *disconnectRequest) fields() fields {
	return fields{
		"to":     asAudience(&q.to),
		"code":   as(&q.code, codeForm),
		"reason": as(&q.reason, reasonForm),
	}
}

// disconnectResponse is the answer to POST /v1/disconnect.
type disconnectResponse struct {
	Matched int `json:"matched"`
	answered
}

// disconnect answers POST /v1/disconnect.
func (a *API) disconnect(r *request) (any, error) {
	object, err := a.object(r)
	if err != nil {
		return nil, err
	}
	body := disconnectRequest{code: scenecast.CloseNormal}
	switch err := body.fields().read(object); {
	case err != nil:
		return nil, err
	case body.to.IsZero():
		return nil, missingTo()
	case body.code != scenecast.CloseNormal && (body.code < minCode || body.code > maxCode):
		return nil, problem.New(problem.Invalid, "takes %s", codeForm).At("code")
	case len(body.reason) > maxReason:
		return nil, problem.New(problem.Invalid, "takes %s", reasonForm).At("reason")
	}
	r.audit = append(r.audit, "to", body.to.String(), "code", body.code)
	ending := scenecast.Ending{Cause: scenecast.CauseDisconnected, Code: body.code, Detail: body.reason}
	reply, err := a.ask(r, scenecast.Query{To: body.to, Disconnect: &scenecast.Disconnect{Ending: ending}})
	r.audit = append(r.audit, "matched", reply.Tally.Matched)
	if err != nil {
		return nil, err
	}
	return disconnectResponse{reply.Tally.Matched, answeredBy(reply)}, nil
}
