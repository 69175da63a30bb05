package jwt

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/MicahParks/jwkset"

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

	pause time.Duration // refreshAtMost, but for tests

	mu      sync.Mutex
	reading chan struct{} // closed when the reading that is under way has ended, whatever came of it; nil: none is
	next    chan struct{} // … the one that comes after that
	changed []func()      // called when keys have changed
}

// newKeySet begins to read the key set at a URL, until Close.
func newKeySet(url string, client *http.Client, log *slog.Logger, pause time.Duration) *KeySet {
	ctx, stop := context.WithCancel(context.Background())
	s := &KeySet{
		url: url, client: client, log: log, stop: stop, pause: pause,
		done: make(chan struct{}), wanted: make(chan struct{}, 1), next: make(chan struct{}),
	}
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
		if err := s.refresh(ctx); err != nil && ctx.Err() == nil {
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

// parseSet reads a key set. A key that cannot be used is left out, because sets also have keys for other purposes; it says why.
func parseSet(text []byte) (keys []Key, skipped []error, err error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	switch err := json.Unmarshal(text, &set); {
	case err != nil || set.Keys == nil:
		return nil, nil, fmt.Errorf("it is no JSON Web Key Set")
	case len(set.Keys) > maxSetKeys:
		return nil, nil, fmt.Errorf("it has %d keys, and may have %d", len(set.Keys), maxSetKeys)
	}
	keys = []Key{}
	for i, text := range set.Keys {
		k, err := parseSetKey(text)
		switch {
		case err != nil:
			skipped = append(skipped, fmt.Errorf("keys[%d] %w", i, err))
		case k.value != nil:
			keys = append(keys, k)
		}
	}
	return keys, skipped, nil
}

// parseSetKey reads a key of a set. Without a value: it is not for verifying.
func parseSetKey(text []byte) (Key, error) {
	var m jwkset.JWKMarshal
	if json.Unmarshal(text, &m) != nil {
		return Key{}, fmt.Errorf("is no JSON Web Key")
	}
	switch {
	case m.USE != "" && m.USE != jwkset.UseSig:
		return Key{}, nil
	case m.KTY == jwkset.KtyOct:
		return Key{}, fmt.Errorf("is a secret, and whoever can read the set could make tokens")
	}
	// No URL that a key names is fetched, and nothing counts but the key itself.
	m = jwkset.JWKMarshal{KTY: m.KTY, KID: m.KID, ALG: m.ALG, CRV: m.CRV, X: m.X, Y: m.Y, N: m.N, E: m.E}
	algorithm := string(m.ALG)
	m.ALG = ""
	k, err := jwkset.NewJWKFromMarshal(m, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{})
	if err != nil {
		return Key{}, fmt.Errorf("is no valid key of the type %.20q", m.KTY)
	}
	return newPublic(m.KID, algorithm, k.Key())
}

func sameKeys(a, b []Key) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].id != b[i].id || a[i].identity != b[i].identity || !slices.Equal(a[i].algorithms, b[i].algorithms) {
			return false
		}
	}
	return true
}

// KeySets are the key sets that are read, by URL, so that configurations which follow each other share them. The zero value is ready for use.
// Methods may be called concurrently.
type KeySets struct {
	Log *slog.Logger // defaults to slog.Default()

	pause time.Duration // between two readings that tokens ask for; defaults to refreshAtMost

	mu   sync.Mutex
	sets map[string]*KeySet
}

// Get is the key set at a URL, which is read from now on.
func (s *KeySets) Get(url string) *KeySet {
	s.mu.Lock()
	defer s.mu.Unlock()
	set := s.sets[url]
	if set == nil {
		log := s.Log
		if log == nil {
			log = slog.Default()
		}
		set = newKeySet(url, &http.Client{Timeout: fetchTimeout}, log, cmp.Or(s.pause, refreshAtMost))
		if s.sets == nil {
			s.sets = make(map[string]*KeySet)
		}
		s.sets[url] = set
	}
	return set
}

// Keep closes all key sets but those that a verifier uses. It is called when a configuration has taken another one's place.
func (s *KeySets) Keep(v *Verifier) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for url, set := range s.sets {
		if v == nil || !v.uses(set) {
			set.close()
			delete(s.sets, url)
		}
	}
	if v == nil {
		return
	}
	for _, set := range s.sets {
		set.mu.Lock()
		set.changed = []func(){v.cache.clear} // those of verifiers before are garbage
		set.mu.Unlock()
	}
}

// Close closes all key sets.
func (s *KeySets) Close() { s.Keep(nil) }

func (v *Verifier) uses(set *KeySet) bool {
	for _, a := range v.apps {
		if a.KeySet == set {
			return true
		}
	}
	return false
}
