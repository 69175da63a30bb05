package api

import (
	"bytes"
	"encoding/json"
	"mime"
	"net/http"

	"scenecast"
	"scenecast/problem"
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

// MaxBatch is how many pushes one request may hold.
const MaxBatch = 1000

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
	result, err := a.o.Pusher.Push(r.Context(), r.app, asked)
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

// pushArray answers an array of pushes by an array of answers, in the same order. One that is refused is answered by its
// problem document, and the others go on.
func (a *API) pushArray(r *request, body []byte) (any, error) {
	if err := checkJSON(body, 1); err != nil {
		return nil, err
	}
	var items []json.RawMessage
	_ = json.Unmarshal(body, &items) // checked, and begins with [
	if err := checkBatch(r, len(items)); err != nil {
		return nil, err
	}
	answers := make([]any, len(items))
	for i, item := range items {
		answers[i] = a.pushItem(r, item, 1)
	}
	return answers, nil
}

// pushLines answers lines of JSON by lines of JSON, each as soon as its push is done. Empty lines have no answer.
func (a *API) pushLines(r *request, body []byte) (any, error) {
	lines := bytes.Split(body, []byte("\n"))
	n := 0
	for i := range lines {
		if lines[i] = bytes.TrimRight(lines[i], " \t\r"); len(lines[i]) > 0 {
			n++
		}
	}
	if err := checkBatch(r, n); err != nil {
		return nil, err
	}
	r.w.Header().Set("Content-Type", "application/x-ndjson")
	r.w.Header().Set("Cache-Control", "no-store")
	e := json.NewEncoder(r.w)
	e.SetEscapeHTML(false)
	for i, line := range lines {
		if len(line) == 0 {
			continue
		}
		_ = e.Encode(a.pushItem(r, line, i+1)) // fails only when the client has gone
		_ = http.NewResponseController(r.w).Flush()
	}
	return written{}, nil
}

// pushItem is the answer to one push of a batch, which begins in this line of the body. It waits for no receipt, because
// the pushes behind it would wait as well.
func (a *API) pushItem(r *request, item []byte, line int) any {
	asked, err := readPush(item, line)
	if err == nil && asked.Receipt != scenecast.ReceiptQueued {
		err = problem.New(problem.Invalid, "a batch waits for no receipts: send this push by itself").At("receipt")
	}
	if err != nil {
		return a.document(r.Request, err)
	}
	result, err := a.o.Pusher.Push(r.Context(), r.app, asked)
	if err != nil {
		return a.document(r.Request, err)
	}
	return newPushed(result)
}

func checkBatch(r *request, n int) error {
	if n > MaxBatch {
		return problem.New(problem.LimitExceeded, "a batch of %d pushes, and it may have %d", n, MaxBatch)
	}
	if r.Header.Get(push.IdempotencyHeader) != "" {
		return problem.New(problem.Invalid, "is for one push; each push of a batch may have an id").At(push.IdempotencyHeader)
	}
	return nil
}

// trigger answers POST /v1/triggers/{name}: the body is an object of parameters, or empty.
func (a *API) trigger(r *request) (any, error) {
	params, err := a.object(r)
	if err != nil {
		return nil, err
	}
	result, err := a.o.Pusher.Trigger(r.Context(), r.app, r.PathValue("name"), r.Header.Get(push.IdempotencyHeader), push.JSONArgs(params))
	if err != nil {
		return nil, err
	}
	return r.answer(result), nil
}
