// Package webhook makes HTTP calls to backends that the configuration names, signed as Standard Webhooks says
// (https://www.standardwebhooks.com).
package webhook

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"scenecast/language"
)

// Secret signs calls. The zero value signs nothing.
type Secret struct{ signer *standardwebhooks.Webhook }

// The lengths that a secret may have, in bytes behind its prefix and base64 (Standard Webhooks, "Signature scheme").
const (
	secretPrefix = "whsec_"
	minSecret    = 24
	maxSecret    = 64
)

// ParseSecret reads a secret: whsec_ and 24 to 64 bytes in base64.
func ParseSecret(text string) (Secret, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(text, secretPrefix))
	if err != nil || !strings.HasPrefix(text, secretPrefix) || len(key) < minSecret || len(key) > maxSecret {
		return Secret{}, language.Errorf("a secret is %s and %d to %d bytes in base64", secretPrefix, minSecret, maxSecret)
	}
	signer, err := standardwebhooks.NewWebhookRaw(key)
	return Secret{signer}, err
}

// NewSecret draws a random secret.
func NewSecret() string {
	key := make([]byte, minSecret)
	_, _ = rand.Read(key) // never fails
	return secretPrefix + base64.StdEncoding.EncodeToString(key)
}

// Options are what is settable about a client.
type Options struct {
	URL     string
	Secrets []Secret // each signs each call, so that the receiver may know the old one or the new one
	Timeout time.Duration
	// DenyPrivate refuses addresses that are not of the public Internet: whoever can change a name's addresses could otherwise reach
	// what only this machine can.
	DenyPrivate bool
	MaxResponse int64 // bytes; a longer one is an error. Defaults to 64 KiB.
	// StatusOnly leaves the body of a success unread: the status has said everything.
	StatusOnly bool
	UserAgent  string
	// Transport makes the transport that calls go by of another one. Nil: they go by that one.
	Transport func(by http.RoundTripper) http.RoundTripper
	// Sign sets the headers by which the backend knows a call. Nil: those of Standard Webhooks, by Secrets.
	Sign func(header http.Header, body []byte)
}

// Client calls one URL. Safe for concurrent use.
type Client struct {
	o    Options
	http http.Client
}

// defaultMaxResponse bounds a response, which is the answer of a connect or a call hook, or says what is wrong.
const defaultMaxResponse = 64 << 10

// NewClient makes a client. Redirects are not followed: the configuration says where calls go, and nobody else.
func NewClient(o Options) *Client {
	if o.MaxResponse == 0 {
		o.MaxResponse = defaultMaxResponse
	}
	dialer := &net.Dialer{Timeout: o.Timeout, KeepAlive: 30 * time.Second}
	if o.DenyPrivate {
		dialer.Control = denyPrivate
	}
	transport := http.RoundTripper(&http.Transport{
		DialContext:         dialer.DialContext,
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: 16,
		IdleConnTimeout:     90 * time.Second,
		TLSHandshakeTimeout: o.Timeout,
	})
	if o.Transport != nil {
		transport = o.Transport(transport)
	}
	return &Client{o: o, http: http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Close closes the connections that are idle. A nil client has none.
func (c *Client) Close() {
	if c != nil {
		c.http.CloseIdleConnections()
	}
}

// errPrivate is the error for an address that DenyPrivate refuses.
var errPrivate = errors.New("an address of a private network, which the settings deny")

// denyPrivate is asked with the address that is really dialed, so no name can lead past it.
func denyPrivate(_, address string, _ syscall.RawConn) error {
	a, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	if IsPrivate(a.Addr()) {
		return errPrivate
	}
	return nil
}

// IsPrivate reports whether DenyPrivate refuses an address.
func IsPrivate(a netip.Addr) bool {
	a = a.Unmap()
	return !a.IsGlobalUnicast() || a.IsPrivate() || sharedAddresses.Contains(a)
}

// sharedAddresses are those of carrier-grade NAT (RFC 6598), which the standard library does not count as private.
var sharedAddresses = netip.MustParsePrefix("100.64.0.0/10")

// StatusError says that the backend answered, and not by success (2xx).
type StatusError struct {
	Status     int
	RetryAfter time.Duration // 0: it did not say
	Body       string        // at most the bytes that a response may have
}

// Error implements error.
func (e *StatusError) Error() string {
	text := "answered " + strconv.Itoa(e.Status) + " " + http.StatusText(e.Status)
	if e.Body != "" {
		text += ": " + strconv.Quote(strings.ToValidUTF8(e.Body[:min(len(e.Body), maxExcerpt)], ""))
	}
	return text
}

// ErrTooLarge is the error for a response that is longer than MaxResponse.
var ErrTooLarge = errors.New("the response is too large")

// maxExcerpt bounds what an error repeats of a response.
const maxExcerpt = 200

// Post posts JSON under an ID, which is the same when the same is posted again. It returns the body of a response of success. Errors
// name neither the URL nor anything that is in it.
func (c *Client) Post(ctx context.Context, id string, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, c.o.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.o.URL, bytes.NewReader(body))
	if err != nil {
		return nil, withoutURL(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", c.o.UserAgent)
	if c.o.Sign != nil {
		c.o.Sign(request.Header, body)
	} else {
		c.sign(request.Header, id, time.Now(), body)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, withoutURL(err)
	}
	defer func() { _ = response.Body.Close() }()
	if c.o.StatusOnly && response.StatusCode/100 == 2 {
		_, _ = io.CopyN(io.Discard, response.Body, 4<<10) // so that the connection can be used again
		return nil, nil
	}
	read, err := io.ReadAll(io.LimitReader(response.Body, c.o.MaxResponse+1))
	switch {
	case response.StatusCode/100 != 2:
		return nil, &StatusError{response.StatusCode, retryAfter(response.Header), string(read[:min(int64(len(read)), c.o.MaxResponse)])}
	case err != nil:
		return nil, withoutURL(err)
	case int64(len(read)) > c.o.MaxResponse:
		return nil, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, c.o.MaxResponse)
	}
	return read, nil
}

// sign sets the headers that Standard Webhooks wants.
func (c *Client) sign(header http.Header, id string, at time.Time, body []byte) {
	header.Set(standardwebhooks.HeaderWebhookID, id)
	header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(at.Unix(), 10))
	var signatures []string
	for _, s := range c.o.Secrets {
		signature, _ := s.signer.Sign(id, at, body) // its error is always nil
		signatures = append(signatures, signature)
	}
	if len(signatures) > 0 {
		header.Set(standardwebhooks.HeaderWebhookSignature, strings.Join(signatures, " "))
	}
}

// retryAfter reads the header of that name (RFC 9110, 10.2.3); of its two forms, the one in seconds.
func retryAfter(header http.Header) time.Duration {
	seconds, err := strconv.Atoi(header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return time.Duration(seconds) * time.Second
}

// withoutURL is the error without the URL, which may have a secret in it.
func withoutURL(err error) error {
	if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() { // also of a body that does not end
		return errors.New("no answer in time")
	}
	var of *url.Error
	if errors.As(err, &of) {
		return of.Err
	}
	return err
}
