package hook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"

	"scenecast/hook/webhook"
	"scenecast/problem"
)

// BackendOptions say who is asked, and how.
type BackendOptions struct {
	Name        string // as in connect, for the log
	App         string
	Post        func(ctx context.Context, id string, body []byte) ([]byte, error) // of a webhook.Client
	NewID       func() string                                                     // of calls
	Timeout     time.Duration                                                     // for a call to get its turn and its answer
	Concurrency int                                                               // calls that are under way at a time; others wait
	Logger      *slog.Logger
}

// Backend is a backend that is asked, and whose answer somebody waits for. While it fails again and again it is not asked at all, but for
// one call now and then that looks whether it does still (a circuit breaker). Safe for concurrent use.
type Backend struct {
	o       BackendOptions
	turns   chan struct{} // holds a value for each call that is under way
	breaker *gobreaker.CircuitBreaker[[]byte]
	stats   [outcomes]atomic.Int64
}

// outcome is how a call has ended.
type outcome int

const (
	answeredCall  outcome = iota // by success, or by saying what is wrong with the call
	failedCall                   // the backend could not be reached, or has not answered in time, or said that it is out of order
	skippedCall                  // the breaker was open
	busyCall                     // it did not get its turn in time
	abandonedCall                // the page was gone before the backend had answered
	unusableCall                 // it is among the answered too, but the answer says nothing that could be used
	outcomes
)

// outcomeNames are the outcomes in metrics.
var outcomeNames = [outcomes]string{"answered", "failed", "skipped", "busy", "abandoned", "unusable"}

// How many failures in a row open the breaker, and after how long a call looks whether the backend has recovered.
const (
	breakerFailures = 5
	breakerPause    = 5 * time.Second
)

// NewBackend makes a backend.
func NewBackend(o BackendOptions) *Backend {
	b := &Backend{o: o, turns: make(chan struct{}, o.Concurrency)}
	b.breaker = gobreaker.NewCircuitBreaker[[]byte](gobreaker.Settings{
		Name:         o.Name,
		Timeout:      breakerPause,
		ReadyToTrip:  func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= breakerFailures },
		IsSuccessful: func(err error) bool { return err == nil || isAnswer(err) },
		IsExcluded:   func(err error) bool { return errors.Is(err, errAbandoned) },
		OnStateChange: func(_ string, _, to gobreaker.State) {
			if to == gobreaker.StateOpen {
				o.Logger.Error("hooks: the backend fails again and again; it is left alone for a while", "hook", o.Name, "app", o.App, "for", breakerPause)
			} else if to == gobreaker.StateClosed {
				o.Logger.Info("hooks: the backend answers again", "hook", o.Name, "app", o.App)
			}
		},
	})
	return b
}

// errAbandoned is the error of a call that nobody waits for any more. It says nothing of the backend: pages that leave again and again must
// not keep others out.
var errAbandoned = errors.New("the page is gone")

// isAnswer reports whether a backend is well that has answered this: it is the caller who is wrong.
func isAnswer(err error) bool {
	var status *webhook.StatusError
	return errors.As(err, &status) && status.Status/100 == 4 &&
		status.Status != http.StatusRequestTimeout && status.Status != http.StatusTooManyRequests
}

// envelope is the body of a call, an event of Standard Webhooks.
type envelope struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      any       `json:"data"`
}

// Ask asks the backend, and returns the body of its answer. The error is a *webhook.StatusError where the backend has answered that the
// question is wrong, and otherwise a *problem.Problem of the kind Unavailable.
func (b *Backend) Ask(ctx context.Context, kind string, data any) ([]byte, error) {
	body, err := json.Marshal(envelope{kind, time.Now().UTC().Truncate(time.Millisecond), data})
	if err != nil {
		return nil, err
	}
	asking := ctx
	ctx, cancel := context.WithTimeout(ctx, b.o.Timeout)
	defer cancel()
	select {
	case b.turns <- struct{}{}:
		defer func() { <-b.turns }()
	case <-ctx.Done():
		if asking.Err() != nil {
			return nil, b.unavailable(abandonedCall, problem.New(problem.Unavailable, "the backend was not asked"), errAbandoned)
		}
		return nil, b.unavailable(busyCall, problem.New(problem.Unavailable, "the backend has as many calls under way as it may (concurrency)"), ctx.Err())
	}
	answer, err := b.breaker.Execute(func() ([]byte, error) {
		answer, err := b.o.Post(ctx, b.o.NewID(), body)
		if err != nil && !isAnswer(err) && asking.Err() != nil {
			err = errAbandoned
		}
		return answer, err
	})
	switch {
	case err == nil, isAnswer(err):
		b.stats[answeredCall].Add(1)
		return answer, err
	case errors.Is(err, gobreaker.ErrOpenState), errors.Is(err, gobreaker.ErrTooManyRequests):
		return nil, b.unavailable(skippedCall, problem.New(problem.Unavailable, "the backend is out of order"), err)
	case errors.Is(err, errAbandoned):
		return nil, b.unavailable(abandonedCall, problem.New(problem.Unavailable, "the backend has not answered"), err)
	}
	b.o.Logger.Warn("hooks: a call of the backend has failed", "hook", b.o.Name, "app", b.o.App, "err", err)
	return nil, b.unavailable(failedCall, problem.New(problem.Unavailable, "the backend does not answer"), err)
}

// unavailable counts a call that has no answer.
func (b *Backend) unavailable(o outcome, p *problem.Problem, err error) error {
	b.stats[o].Add(1)
	return fmt.Errorf("%w (%s)", p.DecidedBy("hooks."+b.o.Name), err.Error()) // without the cause itself: a caller shall not take it for an answer
}

// Outcomes are how the calls have ended so far, by names for metrics.
func (b *Backend) Outcomes() map[string]int64 {
	counts := make(map[string]int64, outcomes)
	for i, name := range outcomeNames {
		counts[name] = b.stats[i].Load()
	}
	return counts
}

// unusable counts an answer that says nothing that could be used, and returns the problem that the page gets; why is not for pages, but for the log.
func (b *Backend) unusable(p *problem.Problem, why error) error {
	b.stats[unusableCall].Add(1)
	b.o.Logger.Warn("hooks: "+p.Detail, "hook", b.o.Name, "app", b.o.App, "err", why)
	return p.DecidedBy("hooks." + b.o.Name)
}

// errNotUTF8 is the error for an answer that no page could be sent: JSON is UTF-8 (RFC 8259, 8.1).
var errNotUTF8 = errors.New("it is not UTF-8")

// maxReason bounds what a page is told of a backend's refusal, in bytes.
const maxReason = 300

// reasonOf is why a backend has refused, in its own words: the text of reason, detail, message or error in its JSON, whichever there is.
func reasonOf(status *webhook.StatusError) string {
	var said struct{ Reason, Detail, Message, Error any }
	_ = json.Unmarshal([]byte(status.Body), &said) // what is no JSON says nothing
	for _, text := range []any{said.Reason, said.Detail, said.Message, said.Error} {
		if text, ok := text.(string); ok && text != "" {
			return strings.ToValidUTF8(text[:min(len(text), maxReason)], "")
		}
	}
	return ""
}
