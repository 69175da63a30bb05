package load

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// answerTimeout bounds one HTTP call.
const answerTimeout = 30 * time.Second

// publisher is a backend.
type publisher struct {
	client *http.Client
	url    string
	key    string
}

// newPublisher makes a backend that keeps as many connections as it makes calls at a time.
func newPublisher(o *Options, calls int) *publisher {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConns, t.MaxIdleConnsPerHost = calls, calls
	t.DisableCompression = true
	t.Proxy = nil
	if o.TLS != nil {
		t.TLSClientConfig = o.TLS.Clone()
	}
	return &publisher{client: &http.Client{Transport: t, Timeout: answerTimeout}, url: o.URL.JoinPath("/v1/push").String(), key: o.Key}
}

func (p *publisher) close() { p.client.CloseIdleConnections() }

// answer is what the server says to a push.
type answer struct{ Matched, Queued, Dropped int }

// push publishes a message. The audience is JSON.
func (p *publisher) push(ctx context.Context, to, message []byte) (answer, error) {
	body := fmt.Appendf(nil, `{"to":%s,"message":%s}`, to, message)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	r.Header.Set("Authorization", "Bearer "+p.key)
	r.Header.Set("Content-Type", "application/json")
	response, err := p.client.Do(r)
	if err != nil {
		return answer{}, fmt.Errorf("push: %w", err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	if err != nil {
		return answer{}, fmt.Errorf("push: %w", err)
	}
	var a struct {
		answer
		Detail string
	}
	if err := json.Unmarshal(text, &a); err != nil && response.StatusCode == http.StatusOK {
		return answer{}, fmt.Errorf("push: the server's answer is no JSON: %.200q", text)
	}
	if response.StatusCode != http.StatusOK {
		return answer{}, fmt.Errorf("push: the server answers %s: %s", response.Status, a.Detail)
	}
	return a.answer, nil
}
