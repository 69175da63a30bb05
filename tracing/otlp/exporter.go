// Package otlp sends spans to a collector: OTLP over HTTP, in its JSON encoding (https://opentelemetry.io/docs/specs/otlp/). The exporter of
// the OpenTelemetry project would bring gRPC and Protobuf along (docs/adr/0026).
package otlp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/trace"
)

var _ sdk.SpanExporter = (*Exporter)(nil)

// Options say where spans go.
type Options struct {
	URL       string            // all of it, as in http://127.0.0.1:4318/v1/traces
	Headers   map[string]string // of each request
	Timeout   time.Duration     // of a batch, with its repetitions. Defaults to 10 s.
	UserAgent string

	// Exported is told what has become of a batch: how many spans the collector has taken, how many were lost, and why. It must not wait.
	Exported func(taken, lost int, err error)
}

// Exporter sends batches of spans. Its methods may be called concurrently.
type Exporter struct {
	o      Options
	http   http.Client
	ctx    context.Context //nolint:containedctx // ends what is under way at Shutdown
	cancel context.CancelFunc
}

// New makes an exporter. Redirects are not followed: the headers, which may be secret, are for the URL alone.
func New(o Options) *Exporter {
	if o.Timeout <= 0 {
		o.Timeout = 10 * time.Second
	}
	e := &Exporter{o: o, http: http.Client{
		Transport: &http.Transport{
			DialContext:            (&net.Dialer{Timeout: o.Timeout}).DialContext,
			TLSHandshakeTimeout:    o.Timeout,
			ForceAttemptHTTP2:      true,
			MaxIdleConnsPerHost:    1,
			IdleConnTimeout:        90 * time.Second,
			DisableCompression:     true, // an answer that grows when it is unpacked is not read
			MaxResponseHeaderBytes: 64 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	e.ctx, e.cancel = context.WithCancel(context.Background())
	return e
}

// How often a batch is sent at most, and the pause before it is sent again, which doubles.
const (
	attempts   = 4
	firstPause = 250 * time.Millisecond
)

// ExportSpans implements sdk.SpanExporter. A batch that the collector cannot take just now is sent again as long as Timeout lasts, and then
// lost. Exported is told of failures, and the error is always nil: the SDK would print it.
func (e *Exporter) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	if len(spans) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, e.o.Timeout)
	defer cancel()
	defer context.AfterFunc(e.ctx, cancel)()
	rejected, err := e.export(ctx, spans)
	if partly := errPartial(""); err != nil && !errors.As(err, &partly) {
		rejected = len(spans)
	}
	e.o.Exported(len(spans)-rejected, rejected, err)
	return nil
}

func (e *Exporter) export(ctx context.Context, spans []sdk.ReadOnlySpan) (rejected int, err error) {
	body, err := encode(spans)
	if err != nil {
		return 0, fmt.Errorf("encode spans: %w", err)
	}
	pause := firstPause
	for attempt := 1; ; attempt++ {
		var after time.Duration
		if rejected, after, err = e.post(ctx, body, len(spans)); err == nil || after < 0 || attempt == attempts {
			return rejected, err
		}
		wait := max(after, pause/2+rand.N(pause))
		pause *= 2
		if deadline, _ := ctx.Deadline(); time.Until(deadline) < wait {
			return 0, err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return 0, err
		}
	}
}

// never is the pause behind a request that is not to be sent again.
const never time.Duration = -1

// post sends a request once. Of an error, after says how long the collector wants to be left alone before it is sent again, or never.
func (e *Exporter) post(ctx context.Context, body []byte, spans int) (rejected int, after time.Duration, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, e.o.URL, bytes.NewReader(body))
	if err != nil {
		return 0, never, withoutURL(err)
	}
	for name, value := range e.o.Headers {
		request.Header.Set(name, value)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", e.o.UserAgent)
	response, err := e.http.Do(request)
	if err != nil {
		return 0, 0, withoutURL(err)
	}
	defer response.Body.Close()
	answer, _ := io.ReadAll(io.LimitReader(response.Body, maxAnswer)) // what broke off says nothing
	if response.StatusCode/100 == 2 {
		rejected, err = partialSuccess(answer, spans)
		return rejected, never, err
	}
	err = fmt.Errorf("the collector answered %d", response.StatusCode)
	switch response.StatusCode { // OTLP, "Retryable Response Codes"
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		seconds, _ := strconv.Atoi(response.Header.Get("Retry-After"))
		return 0, time.Duration(min(max(seconds, 0), 3600)) * time.Second, err
	}
	return 0, never, err
}

// maxAnswer bounds what is read of an answer.
const maxAnswer = 64 << 10

// errPartial is the error of a batch of which the collector has not taken everything.
type errPartial string

func (e errPartial) Error() string { return "the collector rejected spans: " + string(e) }

// partialSuccess is how many spans an answer says were rejected (ExportTracePartialSuccess). What cannot be read says that all were taken.
func partialSuccess(answer []byte, spans int) (rejected int, err error) {
	var said struct {
		PartialSuccess struct {
			RejectedSpans json.RawMessage `json:"rejectedSpans"`
			ErrorMessage  string          `json:"errorMessage"`
		} `json:"partialSuccess"`
	}
	if json.Unmarshal(answer, &said) != nil {
		return 0, nil
	}
	n, err := strconv.Atoi(string(bytes.Trim(said.PartialSuccess.RejectedSpans, `"`)))
	if err != nil || n <= 0 {
		return 0, nil
	}
	return min(n, spans), errPartial(strconv.QuoteToASCII(fmt.Sprintf("%.200s", said.PartialSuccess.ErrorMessage)))
}

// Shutdown implements sdk.SpanExporter: what is under way breaks off, and what comes later is lost at once.
func (e *Exporter) Shutdown(context.Context) error {
	e.cancel()
	e.http.CloseIdleConnections()
	return nil
}

// withoutURL is the error without the URL, which may have a secret in it.
func withoutURL(err error) error {
	if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() {
		return errors.New("no answer in time")
	}
	var of *url.Error
	if errors.As(err, &of) {
		return of.Err
	}
	return err
}
