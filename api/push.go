package api

import (
	"bytes"
	"encoding/json"
	"mime"
	"net/http"

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
	Nodes    int    `json:"nodes"`
	DryRun   bool   `json:"dry_run,omitempty"`
}

func newPushed(r push.Result) pushed {
	p := pushed{
		ID:      r.ID,
		Matched: r.Tally.Matched,
		Queued:  r.Tally.Queued,
		Dropped: r.Tally.Dropped,
		Nodes:   r.Tally.Nodes,
		DryRun:  r.ID == "",
	}
	if !p.DryRun {
		p.Position = r.Position.String()
	}
	return p
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
	default:
		return a.pushOne(r, body, 1)
	}
}

// pushOne takes the push that the text says, which begins in this line of the body.
func (a *API) pushOne(r *request, text []byte, line int) (any, error) {
	object, err := parseObject(text, line)
	if err != nil {
		return nil, err
	}
	var request push.Request
	if err := pushFields(&request).read(object); err != nil {
		return nil, err
	}
	result, err := a.o.Pusher.Push(r.Context(), r.app, request)
	if err != nil {
		return nil, err
	}
	return newPushed(result), nil
}

// pushFields are the fields of a push. What may be in them is the push service's to check.
func pushFields(r *push.Request) fields {
	return fields{
		"to":      asAudience(&r.To),
		"except":  asExcept(&r.Except),
		"event":   as(&r.Event, "a text"),
		"message": func(raw json.RawMessage) error { r.Message = raw; return nil },
		"dry_run": as(&r.DryRun, "true or false"),
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
	if err := checkBatch(len(items)); err != nil {
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
	if err := checkBatch(n); err != nil {
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

// pushItem is the answer to one push of a batch, which begins in this line of the body.
func (a *API) pushItem(r *request, item []byte, line int) any {
	answer, err := a.pushOne(r, item, line)
	if err != nil {
		return a.document(r.Request, err)
	}
	return answer
}

func checkBatch(n int) error {
	if n > MaxBatch {
		return problem.New(problem.LimitExceeded, "a batch of %d pushes, and it may have %d", n, MaxBatch)
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
	return newPushed(result), nil
}
