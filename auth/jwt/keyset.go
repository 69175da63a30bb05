package jwt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"scenecast/problem"
)

// When a key set is read.
const (
	refreshEvery  = 10 * time.Minute // in any case
	refreshAtMost = 5 * time.Second  // between two times that a token names a key that is not known
	retryEvery    = 30 * time.Second // after a failure
	fetchTimeout  = 5 * time.Second
)

// The most that a key set may have.
const (
	maxSetBytes = 1 << 20
	maxSetKeys  = 100
)

// KeySet is a JSON Web Key Set (RFC 7517) at a URL, which is read again from time to time, and when a token names a key that is not known. Where it
// cannot be read, the keys stay that were read last. Its methods may be called concurrently.
type KeySet struct {
	url    string
	client *http.Client
	log    *slog.Logger
	stop   context.CancelFunc
	done   chan struct{} // closed when the reading has stopped
	wanted chan struct{} // somebody waits for it to be read again
	read   atomic.Pointer[[]Key]
	readAt atomic.Int64 // when, in ns of Unix time; before: when the set was made
	counts *counts

	pause time.Duration // refreshAtMost, but for tests

	mu      sync.Mutex
	reading chan struct{} // closed when the reading that is under way has ended, whatever came of it; nil: none is
	next    chan struct{} // … the one that comes after that
	changed []func()      // called when keys have changed
}

// newKeySet begins to read the key set at a URL, until Close.
func newKeySet(url string, client *http.Client, log *slog.Logger, pause time.Duration, c *counts) *KeySet {
	ctx, stop := context.WithCancel(context.Background())
	s := &KeySet{
		url: url, client: client, log: log, stop: stop, pause: pause, counts: c,
		done: make(chan struct{}), wanted: make(chan struct{}, 1), next: make(chan struct{}),
	}
	s.readAt.Store(time.Now().UnixNano())
	go s.run(ctx)
	return s
}

// close stops the reading, and waits for its end. The keys stay.
func (s *KeySet) close() {
	s.stop()
	<-s.done
}

// keys are those that were read last.
func (s *KeySet) keys() []Key {
	if keys := s.read.Load(); keys != nil {
		return *keys
	}
	return nil
}

// has reports whether a key of this ID is known. Without one, a token is verified by any key that is there.
func (s *KeySet) has(id string) bool {
	for _, k := range s.keys() {
		if k.id == id || id == "" {
			return true
		}
	}
	return false
}

// onChange has a function called when keys have changed.
func (s *KeySet) onChange(changed func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changed = append(s.changed, changed)
}

// shown is the URL as the log has it: without a password and a query, which may be secret.
func (s *KeySet) shown() string {
	u, err := url.Parse(s.url)
	if err != nil {
		return "a URL that is none"
	}
	u.User, u.RawQuery = nil, ""
	return u.String()
}

// withoutURL is an error of a request without its URL.
func withoutURL(err error) error {
	var of *url.Error
	if !errors.As(err, &of) {
		return err
	}
	if of.Timeout() {
		return errors.New("no answer in time")
	}
	return of.Err
}

// await waits until the key set has been read once more, or for the first time. The error is ctx's, or says that it could never be read.
func (s *KeySet) await(ctx context.Context) error {
	s.mu.Lock()
	next := s.next
	if s.read.Load() == nil && s.reading != nil {
		next = s.reading
	}
	s.mu.Unlock()
	select {
	case s.wanted <- struct{}{}:
	default:
	}
	select {
	case <-next:
	case <-s.done:
	case <-ctx.Done():
		return ctx.Err()
	}
	if s.read.Load() == nil {
		return problem.New(problem.Unavailable, "the keys that tokens are signed by could not be fetched yet").DecidedBy("jwt.jwks_url")
	}
	return nil
}

// run reads the key set again and again.
func (s *KeySet) run(ctx context.Context) {
	defer close(s.done)
	for {
		s.mu.Lock()
		read := s.next
		s.reading, s.next = read, make(chan struct{})
		s.mu.Unlock()
		again := refreshEvery
		if err := s.refresh(ctx); err == nil {
			s.counts.read.Add(1)
			s.readAt.Store(time.Now().UnixNano())
		} else if ctx.Err() == nil {
			s.counts.notRead.Add(1)
			s.log.Warn("the keys of jwt.jwks_url could not be read; those that were read before stay in force", "url", s.shown(), "err", withoutURL(err))
			again = retryEvery
		}
		s.mu.Lock()
		s.reading = nil
		s.mu.Unlock()
		close(read)
		if !sleep(ctx, s.pause, nil) || !sleep(ctx, again-s.pause, s.wanted) {
			return
		}
	}
}

// sleep waits, until it is woken; false: the context has ended.
func sleep(ctx context.Context, d time.Duration, woken <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-woken:
		return true
	case <-ctx.Done():
		return false
	}
}

// refresh reads the key set once.
func (s *KeySet) refresh(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return err
	}
	r.Header.Set("Accept", "application/jwk-set+json, application/json")
	response, err := s.client.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("it is answered %s", response.Status)
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, maxSetBytes+1))
	switch {
	case err != nil:
		return err
	case len(text) > maxSetBytes:
		return fmt.Errorf("it has more than %d bytes", maxSetBytes)
	}
	keys, skipped, err := parseSet(text)
	if err != nil {
		return err
	}
	for _, why := range skipped {
		s.log.Warn("a key of jwt.jwks_url cannot be used", "url", s.shown(), "why", why)
	}
	before := s.read.Swap(&keys)
	if before == nil || !sameKeys(*before, keys) {
		s.log.Info("keys read", "url", s.shown(), "keys", len(keys))
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, changed := range s.changed {
			changed()
		}
	}
	return nil
}
