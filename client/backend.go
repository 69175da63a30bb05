package client

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// DefaultTimeout bounds a call whose context does not end sooner. It is longer than a server lets a receipt take, unless
// somebody has set that so.
const DefaultTimeout = time.Minute

// maxAnswer bounds the body of an answer.
const maxAnswer = 64 << 20

// Backend calls the HTTP API. It is safe for concurrent use; its fields are not changed once it is in use.
//
// What is refused is an *Error. Where no answer comes, because a connection breaks or a proxy says that the server is gone (502, 504), each
// call but Call is made once more, unless the context has ended. That does no harm: pushes and triggers have an idempotency key, and the
// others come to the same twice.
type Backend struct {
	URL string // of the server, as in https://push.example.com; a path is a proxy's prefix
	Key string // the API key; no error shows it

	// HTTP makes the calls. Defaults to a client that all backends share: it keeps up to 64 connections per server open, gives up
	// connecting after 5 s, heeds HTTP_PROXY, and follows no redirects.
	HTTP *http.Client

	Language string // in which people read errors, as in Accept-Language: zh-CN or en. Empty: the server's default, English

	Attempts int // how often a call is made at most that gets no answer. Defaults to 2; 1: no retry
}

// defaultHTTP is Backend.HTTP where there is none.
var defaultHTTP = &http.Client{
	Transport: &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		ForceAttemptHTTP2:   true,
		MaxIdleConns:        256,
		MaxIdleConnsPerHost: 64,
		IdleConnTimeout:     90 * time.Second,
		TLSHandshakeTimeout: 5 * time.Second,
	},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // a redirected POST becomes a GET
}

// Call makes any call of the API, as in Call(ctx, "GET", "/v1/connections?limit=10", nil, &answer). The body is what encodes to
// the JSON that is sent; nil: none. GET and DELETE are retried, and nothing else. The error is an *Error where the server refuses it.
func (b *Backend) Call(ctx context.Context, method, path string, body, answer any) error {
	return b.exchange(ctx, method, path, body, answer, method == http.MethodGet || method == http.MethodDelete)
}

// get makes a call that reads.
func (b *Backend) get(ctx context.Context, path string, query url.Values, answer any) error {
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return b.exchange(ctx, http.MethodGet, path, nil, answer, true)
}

// post makes a call that comes to the same when it is made twice.
func (b *Backend) post(ctx context.Context, path string, body, answer any) error {
	return b.exchange(ctx, http.MethodPost, path, body, answer, true)
}

func (b *Backend) exchange(ctx context.Context, method, path string, body, answer any, again bool) error {
	var sent []byte
	if body != nil {
		var err error
		if sent, err = json.Marshal(body); err != nil {
			return err
		}
	}
	raw, err := b.call(ctx, method, path, make(http.Header), sent, again)
	if err != nil || answer == nil {
		return err
	}
	if err := json.Unmarshal(raw, answer); err != nil {
		return fmt.Errorf("the answer to %s %s is not what this version knows: %w", method, path, err)
	}
	return nil
}

// pauseBetween is how long a call waits before it is made again.
const pauseBetween = 100 * time.Millisecond

// call makes a call, again where there was no answer and it may be, and returns the answer's body.
func (b *Backend) call(ctx context.Context, method, path string, header http.Header, body []byte, again bool) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, DefaultTimeout)
	defer cancel()
	for left := cmp.Or(b.Attempts, 2); ; {
		answer, err := b.attempt(ctx, method, path, header, body)
		if left--; err == nil || !again || left <= 0 || !isUnanswered(err) {
			return answer, err
		}
		select {
		case <-time.After(pauseBetween):
		case <-ctx.Done():
			return nil, err
		}
	}
}

// unanswered is the error of a call to which no whole answer has come.
type unanswered struct{ error }

func (u unanswered) Unwrap() error { return u.error }

// isUnanswered reports whether a call has had no answer of the server's.
func isUnanswered(err error) bool {
	var e *Error
	if errors.As(err, &e) {
		return e.Status == http.StatusBadGateway || e.Status == http.StatusGatewayTimeout
	}
	return errors.As(err, new(unanswered))
}

func (b *Backend) attempt(ctx context.Context, method, path string, header http.Header, body []byte) ([]byte, error) {
	response, err := b.send(ctx, method, path, header, body)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, unanswered{fmt.Errorf("%s %s: the answer broke off: %w", method, path, err)}
	case len(answer) > maxAnswer:
		return nil, fmt.Errorf("%s %s: the answer is longer than %d MiB", method, path, maxAnswer>>20)
	}
	return answer, nil
}

// send makes a call and returns the response where it is a success. The caller closes its body.
func (b *Backend) send(ctx context.Context, method, path string, header http.Header, body []byte) (*http.Response, error) {
	base, err := parseURL(b.URL)
	if err != nil {
		return nil, err
	}
	target, err := url.Parse(path)
	if err != nil {
		return nil, err
	}
	to := base.JoinPath(target.EscapedPath())
	to.RawQuery = target.RawQuery
	r, err := http.NewRequestWithContext(ctx, method, to.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header = header.Clone()
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+b.Key)
	if b.Language != "" {
		r.Header.Set("Accept-Language", b.Language)
	}
	response, err := cmp.Or(b.HTTP, defaultHTTP).Do(r)
	if err != nil {
		return nil, unanswered{err}
	}
	if response.StatusCode/100 != 2 {
		defer response.Body.Close()
		return nil, responseError(response)
	}
	return response, nil
}

// parseURL reads the address of a server. What is no address is not shown where there may be a password in it.
func parseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		if strings.Contains(text, "@") {
			text = "the URL"
		} else {
			text = strconv.Quote(text)
		}
		return nil, fmt.Errorf("%s is no address of a server; it looks like http://localhost:9502", text)
	}
	return u, nil
}
