package api

import (
	"bytes"
	"encoding/json"
	"mime"

	"scenecast"
	"scenecast/push"
)

// pushed is the answer to a push.
type pushed struct {
	ID       string `json:"id,omitempty"`
	Position string `json:"position,omitempty"`
	Matched  int    `json:"matched"`
	Queued   int    `json:"queued"`
	Dropped  int    `json:"dropped"`
	Written  *int   `json:"written,omitempty"` // this and the next two where a receipt asks for them
	Acked    *int   `json:"acked,omitempty"`
	TimedOut *int   `json:"timed_out,omitempty"`
	Nodes    int    `json:"nodes"`
	Replayed bool   `json:"replayed,omitempty"`
	DryRun   bool   `json:"dry_run,omitempty"`
}

func newPushed(r push.Result) pushed {
	p := pushed{
		ID:       r.ID,
		Matched:  r.Tally.Matched,
		Queued:   r.Tally.Queued,
		Dropped:  r.Tally.Dropped,
		Nodes:    r.Tally.Nodes,
		Replayed: r.Replayed,
		DryRun:   r.ID == "",
	}
	if !p.DryRun {
		p.Position = r.Position.String()
	}
	p.Written, p.Acked, p.TimedOut = asked(r.Receipt, r.Tally)
	return p
}

// asked are the parts of a tally that a receipt asks for; nil: it does not.
func asked(r scenecast.Receipt, t scenecast.Tally) (written, acked, timedOut *int) {
	if r >= scenecast.ReceiptWritten {
		written, timedOut = &t.Written, &t.TimedOut
	}
	if r >= scenecast.ReceiptAcked {
		acked = &t.Acked
	}
	return written, acked, timedOut
}

// replayedHeader tells that the answer is that of an earlier call with the same idempotency key.
const replayedHeader = "Idempotency-Replayed"

// answer is the answer to the one push of a call.
func (r *request) answer(result push.Result) pushed {
	if result.Replayed {
		r.w.Header().Set(replayedHeader, "true")
	}
	return newPushed(result)
}

// push answers POST /v1/push: one push, or a batch.
func (a *API) push(r *request) (any, error) {
	body, err := a.body(r)
	if err != nil {
		return nil, err
	}
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case media == "application/x-ndjson":
		return a.pushLines(r, body)
	case bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("[")):
		return a.pushArray(r, body)
	}
	asked, err := readPush(body, 1)
	if err != nil {
		return nil, err
	}
	asked.IdempotencyKey = r.Header.Get(push.IdempotencyHeader)
	pending, err := a.o.Pusher.Submit(r.caller, asked)
	if err != nil {
		return nil, err
	}
	result, err := pending.Wait(r.Context())
	if err != nil {
		return nil, err
	}
	return r.answer(result), nil
}

// readPush reads the push that the text says, which begins in this line of the body.
func readPush(text []byte, line int) (r push.Request, err error) {
	object, err := parseObject(text, line)
	if err != nil {
		return push.Request{}, err
	}
	return r, pushFields(&r).read(object)
}

// pushFields are the fields of a push. What may be in them is the push service's to check.
func pushFields(r *push.Request) fields {
	return fields{
		"to":       asAudience(&r.To),
		"except":   asExcept(&r.Except),
		"event":    as(&r.Event, "a text"),
		"message":  func(raw json.RawMessage) error { r.Message = raw; return nil },
		"ttl":      asDuration(&r.TTL),
		"coalesce": as(&r.Coalesce, "a text"),
		"retain":   as(&r.Retain, "a text"),
		"receipt":  asReceipt(&r.Receipt),
		"timeout":  asDuration(&r.Timeout),
		"id":       as(&r.ID, "a text"),
		"dry_run":  as(&r.DryRun, "true or false"),
	}
}

// trigger answers POST /v1/triggers/{name}: the body is an object of parameters, or empty.
func (a *API) trigger(r *request) (any, error) {
	params, err := a.object(r)
	if err != nil {
		return nil, err
	}
	result, err := a.o.Pusher.Trigger(r.Context(), r.caller, r.PathValue("name"), r.Header.Get(push.IdempotencyHeader), push.JSONArgs(params))
	if err != nil {
		return nil, err
	}
	return r.answer(result), nil
}
