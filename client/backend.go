package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// DefaultTimeout bounds a call whose context does not end sooner. It is longer than a server lets a receipt take, unless
// somebody has set that so.
const DefaultTimeout = time.Minute

// maxAnswer bounds the body of an answer.
const maxAnswer = 16 << 20

// Backend calls the HTTP API. It is safe for concurrent use.
type Backend struct {
	URL  string       // of the server, as in https://push.example.com; a path is a proxy's prefix
	Key  string       // the API key
	HTTP *http.Client // Defaults to http.DefaultClient
}

// PushRequest is a push. What its texts may be is the server's to say: docs/api.md.
type PushRequest struct {
	To       json.RawMessage `json:"to"`               // an audience: its text as a JSON string, or an object of labels
	Except   json.RawMessage `json:"except,omitempty"` // a connection, or an audience
	Message  json.RawMessage `json:"-"`                // reaches the pages byte for byte
	Event    string          `json:"event,omitempty"`
	TTL      string          `json:"ttl,omitempty"` // as in 5m
	Coalesce string          `json:"coalesce,omitempty"`
	Retain   string          `json:"retain,omitempty"`
	Receipt  string          `json:"receipt,omitempty"` // queued, written or acked
	Timeout  string          `json:"timeout,omitempty"` // of the receipt, as in 10s
	ID       string          `json:"id,omitempty"`
	DryRun   bool            `json:"dry_run,omitempty"` // count the pages and send nothing

	IdempotencyKey string `json:"-"` // by which the server knows a retry, and sends nothing twice
}

// PushResult is what became of a push.
type PushResult struct {
	ID         string `json:"id"`
	Position   string `json:"position"`
	Matched    int    `json:"matched"`     // pages that the audience chose
	Queued     int    `json:"queued"`      // of those, the ones that are being sent the message
	Dropped    int    `json:"dropped"`     // of those, the ones that were too slow
	Written    int    `json:"written"`     // with a receipt
	Acked      int    `json:"acked"`       // with the receipt acked
	TimedOut   int    `json:"timed_out"`   // with a receipt
	Nodes      int    `json:"nodes"`       // servers whose pages are in these figures
	NodesKnown int    `json:"nodes_known"` // servers of the cluster; where fewer have answered, the figures are theirs
	Replayed   bool   `json:"replayed"`    // the result is that of an earlier call
	DryRun     bool   `json:"dry_run"`

	Raw json.RawMessage `json:"-"` // the answer as it came
}

// Audience is an audience's text as PushRequest has it.
func Audience(text string) json.RawMessage {
	quoted, _ := json.Marshal(text) // a string always encodes
	return quoted
}

// Push pushes a message. The error is an *Error where the server refuses it.
func (b *Backend) Push(ctx context.Context, r PushRequest) (PushResult, error) {
	var result PushResult
	header := make(http.Header)
	if r.IdempotencyKey != "" {
		header.Set("Idempotency-Key", r.IdempotencyKey)
	}
	body, err := r.encode()
	if err != nil {
		return result, err
	}
	raw, err := b.call(ctx, http.MethodPost, "/v1/push", header, body)
	if err != nil {
		return result, err
	}
	if err := json.Unmarshal(raw, &result); err != nil {
		return result, fmt.Errorf("the answer is none to a push: %.80q", raw)
	}
	result.Raw = raw
	return result, nil
}

// encode is the push in JSON, with the message as it is: package json would drop its spaces.
func (r *PushRequest) encode() ([]byte, error) {
	body, err := json.Marshal(r)
	if err != nil || r.Message == nil {
		return body, err
	}
	if !json.Valid(r.Message) {
		return nil, fmt.Errorf("the message is not JSON: %.80q", r.Message)
	}
	body = append(body[:len(body)-1], `,"message":`...)
	return append(append(body, r.Message...), '}'), nil
}

// Call makes any call of the API, as in Call(ctx, "GET", "/v1/connections?limit=10", nil, &answer). The body is what encodes to
// the JSON that is sent; nil: none. The error is an *Error where the server refuses it.
func (b *Backend) Call(ctx context.Context, method, path string, body, answer any) error {
	var sent []byte
	if body != nil {
		var err error
		if sent, err = json.Marshal(body); err != nil {
			return err
		}
	}
	raw, err := b.call(ctx, method, path, make(http.Header), sent)
	if err != nil || answer == nil {
		return err
	}
	return json.Unmarshal(raw, answer)
}

func (b *Backend) call(ctx context.Context, method, path string, header http.Header, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, DefaultTimeout)
	defer cancel()
	base, err := parseURL(b.URL)
	if err != nil {
		return nil, err
	}
	target, err := url.Parse(path)
	if err != nil {
		return nil, err
	}
	to := base.JoinPath(target.Path)
	to.RawQuery = target.RawQuery
	r, err := http.NewRequestWithContext(ctx, method, to.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	header.Set("Content-Type", "application/json")
	header.Set("Authorization", "Bearer "+b.Key)
	r.Header = header
	client := b.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	response, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode/100 != 2 {
		return nil, responseError(response)
	}
	return io.ReadAll(io.LimitReader(response.Body, maxAnswer))
}

// parseURL reads the address of a server.
func parseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%q is no address of a server; it looks like http://localhost:9502", text)
	}
	return u, nil
}
