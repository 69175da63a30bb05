package client

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// PushRequest is a push. What its texts may be is the server's to say: docs/api.md.
type PushRequest struct {
	// To says which pages. A string is an audience's text, as in page == "order" && order == "7", and "*" is everybody; Labels and
	// maps are labels of which each must match, by one of its values. []byte and json.RawMessage are either of these in JSON.
	To any

	// Except says which of those pages not: as To, or the ID of one connection.
	Except any

	// Message is what pages get. []byte and json.RawMessage are JSON that reaches them byte for byte; any other value is encoded
	// by package json. It may be missing in a dry run.
	Message any

	Event    string        // a name for the message; may be empty
	TTL      time.Duration // pages that come to match within it get the message too; 0: only those that match now
	Coalesce string        // a key: of the messages that wait for a slow page, an older one with this key is dropped
	Retain   string        // a key: pages that come to match within the TTL get only the newest message with this key
	Receipt  string        // what the answer waits for: queued, written or acked. Defaults to queued
	Timeout  time.Duration // of the receipt. 0: as the server's API has it
	DryRun   bool          // count the pages and send nothing

	// ID names the push, and with one ID it is published once. Defaults to one that the server makes.
	ID string

	// IdempotencyKey is by what the server knows a retry, and sends nothing twice, where there is no ID. Defaults to a random one,
	// which Push's own retry has as well.
	IdempotencyKey string
}

// PushResult is what became of a push, over all nodes that have answered in time. Of a dry run, Matched, Queued and Dropped say what a push would
// do now, and ID and Position are empty.
type PushResult struct {
	ID         string `json:"id"`          // PushRequest.ID, or the one that the server has made
	Position   string `json:"position"`    // of the push in the log; empty for a key that is confined
	Matched    int    `json:"matched"`     // pages that the audience chose
	Queued     int    `json:"queued"`      // of those, the ones that are being sent the message
	Dropped    int    `json:"dropped"`     // of those, the ones that were too slow
	Written    int    `json:"written"`     // of those that are queued, the ones to whose connection it was written; with the receipts written and acked
	Acked      int    `json:"acked"`       // of those that are queued, the ones that have shown it; with the receipt acked
	TimedOut   int    `json:"timed_out"`   // of those that are queued, the ones of which Timeout has passed without what Receipt asks for
	Nodes      int    `json:"nodes"`       // servers whose pages are in these figures
	NodesKnown int    `json:"nodes_known"` // servers of the cluster; where fewer have answered, the figures are theirs
	Replayed   bool   `json:"replayed"`    // the result is that of an earlier call
	DryRun     bool   `json:"dry_run"`     // nothing was sent

	Raw json.RawMessage `json:"-"` // the answer as it came
}

// Audience is an audience's text in JSON, for programs that keep audiences so; PushRequest.To takes the text as well.
func Audience(text string) json.RawMessage {
	quoted, _ := json.Marshal(text) // a string always encodes
	return quoted
}

const pushPath = "/v1/push"

// Push pushes a message. Where no answer comes, it tries once more, and the message is sent once. The error is an *Error where the server
// refuses the push; then no page gets it, unless the kind is KindUncertain. The key's scope must hold push.
func (b *Backend) Push(ctx context.Context, r PushRequest) (PushResult, error) {
	if r.ID == "" && r.IdempotencyKey == "" && !r.DryRun {
		r.IdempotencyKey = rand.Text()
	}
	body, err := r.encode()
	if err != nil {
		return PushResult{}, err
	}
	return b.pushed(ctx, pushPath, r.IdempotencyKey, body)
}

// pushed makes a call that is answered as a push is.
func (b *Backend) pushed(ctx context.Context, path, key string, body []byte) (result PushResult, err error) {
	header := make(http.Header)
	if key != "" {
		header.Set("Idempotency-Key", key)
	}
	raw, err := b.call(ctx, http.MethodPost, path, header, body, true)
	if err != nil {
		return result, err
	}
	if err := json.Unmarshal(raw, &result); err != nil {
		return result, fmt.Errorf("the answer is none to a push: %.80q", raw)
	}
	result.Raw = raw
	return result, nil
}

// BatchResult is what became of a push of a batch. Err is nil, or the *Error by which it was refused.
type BatchResult struct {
	PushResult
	Err error
}

// PushBatch pushes at most 1000 messages by one call, and returns what became of each, in their order. One that is refused does not
// stop the others. Where no answer comes, it tries once more, and each message is sent once: a push without an ID gets one. The error says
// that nothing is known of any of them. The key's scope must hold push.
func (b *Backend) PushBatch(ctx context.Context, pushes []PushRequest) ([]BatchResult, error) {
	bodies := make([]json.RawMessage, 0, len(pushes))
	size := len("[]")
	for i, r := range pushes {
		switch {
		case r.IdempotencyKey != "":
			return nil, fmt.Errorf("push %d of the batch: IdempotencyKey is for a push by itself; in a batch it is ID", i)
		case r.ID == "" && !r.DryRun:
			r.ID = rand.Text()
		}
		body, err := r.encode()
		if err != nil {
			return nil, fmt.Errorf("push %d of the batch: %w", i, err)
		}
		bodies = append(bodies, body)
		size += len(body) + len(",")
	}
	body := append(make([]byte, 0, size), '[')
	for i, one := range bodies {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, one...)
	}
	raw, err := b.call(ctx, http.MethodPost, pushPath, make(http.Header), append(body, ']'), true)
	if err != nil {
		return nil, err
	}
	var answers []json.RawMessage
	if err := json.Unmarshal(raw, &answers); err != nil || len(answers) != len(pushes) {
		return nil, fmt.Errorf("the answer is none to a batch of %d pushes: %.80q", len(pushes), raw)
	}
	results := make([]BatchResult, len(answers))
	for i, answer := range answers {
		p, err := readProblem(answer)
		if err == nil && p.Status != 0 {
			results[i].Err = p.error(p.Status)
			continue
		}
		if err := json.Unmarshal(answer, &results[i].PushResult); err != nil {
			return nil, fmt.Errorf("the answer %d is none to a push: %.80q", i, answer)
		}
		results[i].Raw = answer
	}
	return results, nil
}

// TriggerRequest names a trigger of the server's configuration, or of the program that embeds it, and gives it parameters.
type TriggerRequest struct {
	Name   string // of the trigger
	Params any    // a map or a struct, whose members are the parameters; nil: none

	// IdempotencyKey is by what the server knows a retry. Defaults to a random one, which Trigger's own retry has as well.
	IdempotencyKey string
}

// Trigger runs a trigger once, and retries as Push does. The error's kind is KindNotFound where there is no such trigger, and KindInvalid, with
// the parameter's name in Where, where one is missing or of another type. The key's scope must hold trigger.
func (b *Backend) Trigger(ctx context.Context, r TriggerRequest) (PushResult, error) {
	if r.Params == nil {
		r.Params = struct{}{}
	}
	body, err := json.Marshal(r.Params)
	if err != nil {
		return PushResult{}, err
	}
	if r.IdempotencyKey == "" {
		r.IdempotencyKey = rand.Text()
	}
	return b.pushed(ctx, "/v1/triggers/"+url.PathEscape(r.Name), r.IdempotencyKey, body)
}

// pushBody is a push as the API takes it, without its message.
type pushBody struct {
	To       any    `json:"to"`
	Except   any    `json:"except,omitempty"`
	Event    string `json:"event,omitempty"`
	TTL      string `json:"ttl,omitempty"`
	Coalesce string `json:"coalesce,omitempty"`
	Retain   string `json:"retain,omitempty"`
	Receipt  string `json:"receipt,omitempty"`
	Timeout  string `json:"timeout,omitempty"`
	ID       string `json:"id,omitempty"`
	DryRun   bool   `json:"dry_run,omitempty"`
}

// encode is the push in JSON, with the message as it is: package json would drop its spaces.
func (r *PushRequest) encode() ([]byte, error) {
	body, err := json.Marshal(pushBody{
		asJSON(r.To), asJSON(r.Except), r.Event, duration(r.TTL), r.Coalesce, r.Retain, r.Receipt, duration(r.Timeout), r.ID, r.DryRun,
	})
	if err != nil {
		return nil, err
	}
	var message []byte
	switch m := asJSON(r.Message).(type) {
	case nil:
		return body, nil
	case json.RawMessage:
		message = m
	default:
		if message, err = json.Marshal(m); err != nil {
			return nil, fmt.Errorf("the message: %w", err)
		}
	}
	if !json.Valid(message) {
		return nil, errors.New("the message is not JSON: " + fmt.Sprintf("%.80q", message))
	}
	body = append(body[:len(body)-1], `,"message":`...)
	return append(append(body, message...), '}'), nil
}

// asJSON is what a value is for package json: bytes are JSON, and not to be encoded as base64. No bytes are no value.
func asJSON(value any) any {
	var raw json.RawMessage
	switch v := value.(type) {
	case []byte:
		raw = v
	case json.RawMessage:
		raw = v
	default:
		return value
	}
	if len(raw) == 0 {
		return nil
	}
	return raw
}

// duration is a length of time as the API takes it; 0 is left out.
func duration(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}
