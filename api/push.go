package api

import (
	"bytes"
	"encoding/json"
	"mime"
	"sync"

	"scenecast"
	"scenecast/language"
	"scenecast/problem"
	"scenecast/push"
)

// tally is what has become of a push, or of a dry run.
type tally struct {
	Matched  int  `json:"matched"`
	Queued   int  `json:"queued"`
	Dropped  int  `json:"dropped"`
	Written  *int `json:"written,omitempty"` // this and the next two where the push's receipt asks for them
	Acked    *int `json:"acked,omitempty"`
	TimedOut *int `json:"timed_out,omitempty"`
	answered
}

// answered says whether an answer is the whole of it.
type answered struct {
	Nodes int `json:"nodes"`       // that have answered
	Known int `json:"nodes_known"` // of so many
}

func answeredBy(r scenecast.Reply) answered { return answered{r.Tally.Nodes, r.Known} }

func newTally(r scenecast.Receipt, t scenecast.Tally, known int) tally {
	counts := tally{Matched: t.Matched, Queued: t.Queued, Dropped: t.Dropped, answered: answered{t.Nodes, known}}
	if r >= scenecast.ReceiptWritten {
		counts.Written, counts.TimedOut = &t.Written, &t.TimedOut
	}
	if r >= scenecast.ReceiptAcked {
		counts.Acked = &t.Acked
	}
	return counts
}

// pushResponse is the answer to a push.
type pushResponse struct {
	ID       string `json:"id,omitempty"`
	Position string `json:"position,omitempty"`
	tally
	Replayed bool `json:"replayed,omitempty"`
	DryRun   bool `json:"dry_run,omitempty"`
}

func newPushResponse(r push.Result) pushResponse {
	response := pushResponse{ID: r.ID, tally: newTally(r.Receipt, r.Tally, r.Known), Replayed: r.Replayed, DryRun: r.ID == ""}
	if !response.DryRun {
		response.Position = positionText(r.Position)
	}
	return response
}

// replayedHeader tells that the answer is that of an earlier call with the same idempotency key.
const replayedHeader = "Idempotency-Replayed"

// respond is the answer to a call of one push.
func (r *request) respond(result push.Result) pushResponse {
	if result.Replayed {
		r.w.Header().Set(replayedHeader, "true")
	}
	return newPushResponse(result)
}

// push answers POST /v1/push: one push, or a batch.
func (a *API) push(r *request) (any, error) {
	text, err := a.body(r)
	if err != nil {
		return nil, err
	}
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case media == "application/x-ndjson":
		return a.pushLines(r, text)
	case bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("[")):
		return a.pushArray(r, text)
	}
	body, err := readPush(text, 1)
	if err != nil {
		return nil, err
	}
	body.IdempotencyKey = r.Header.Get(push.IdempotencyHeader)
	r.dry = body.DryRun
	byPerson := via(r.Context()) != ""
	if byPerson {
		r.audit = append(r.audit, "to", body.To.String())
	}
	pending, err := a.o.Pusher.Submit(r.Context(), r.caller, body)
	if err != nil {
		return nil, err
	}
	result, err := pending.Wait(r.Context())
	if err != nil {
		return nil, err
	}
	if byPerson {
		r.audit = append(r.audit, "id", result.ID, "matched", result.Tally.Matched)
	}
	return r.respond(result), nil
}

// pushReader reads pushes, one after the other. A batch has hundreds, and its fields are a dozen functions.
type pushReader struct {
	request push.Request
	fields  fields
}

var pushReaders = sync.Pool{New: func() any {
	r := new(pushReader)
	r.fields = pushFields(&r.request)
	return r
}}

// readPush reads the push that the text says, which begins in this line of the body.
func readPush(text []byte, line int) (push.Request, error) {
	object, err := parseObject(text, line)
	if err != nil {
		return push.Request{}, err
	}
	r := pushReaders.Get().(*pushReader)
	defer pushReaders.Put(r)
	r.request = push.Request{}
	err = r.fields.read(object)
	read := r.request
	r.request = push.Request{} // of which the pool shall keep nothing
	return read, err
}

// pushFields are the fields of a push. What may be in them is the push service's to check.
func pushFields(r *push.Request) fields {
	return fields{
		"to":       asAudience(&r.To),
		"except":   asExcept(&r.Except),
		"event":    as(&r.Event, aText),
		"message":  func(raw json.RawMessage) error { r.Message = bytes.Clone(raw); return nil }, // the log shall not keep the body
		"ttl":      asDuration(&r.TTL),
		"coalesce": as(&r.Coalesce, aText),
		"retain":   as(&r.Retain, aText),
		"receipt":  asReceipt(&r.Receipt),
		"timeout":  asDuration(&r.Timeout),
		"id":       as(&r.ID, aText),
		"dry_run":  as(&r.DryRun, language.Textf("true or false")),
	}
}

// trigger answers POST /v1/triggers/{name}: the body is an object of parameters, or empty.
func (a *API) trigger(r *request) (any, error) {
	params, err := a.object(r)
	if err != nil {
		return nil, err
	}
	byPerson := via(r.Context()) != ""
	if byPerson {
		r.audit = append(r.audit, "trigger", r.PathValue("name"))
	}
	result, err := a.o.Pusher.Trigger(r.Context(), r.caller, r.PathValue("name"), r.Header.Get(push.IdempotencyHeader), push.JSONArgs(params))
	if err != nil {
		a.refused(r.Request, problem.Of(err))
		return nil, err
	}
	if byPerson {
		r.audit = append(r.audit, "id", result.ID, "matched", result.Tally.Matched)
	}
	return r.respond(result), nil
}
