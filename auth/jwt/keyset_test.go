package jwt_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/MicahParks/jwkset"

	"scenecast/auth"
	"scenecast/auth/jwt"
	"scenecast/leaktest"
	"scenecast/problem"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// setServer serves a key set over HTTP.
type setServer struct {
	*httptest.Server

	mu     sync.Mutex
	text   string
	status int
	reads  int
}

func newSetServer(t *testing.T, text string) *setServer {
	s := &setServer{text: text, status: http.StatusOK}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.reads++
		w.WriteHeader(s.status)
		_, _ = w.Write([]byte(s.text))
	}))
	t.Cleanup(func() {
		s.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	return s
}

func (s *setServer) serve(status int, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status, s.text = status, text
}

func (s *setServer) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reads
}

// set is a key set of the public keys of these names, whose IDs are their names.
func set(names ...string) string {
	var keys []jwkset.JWKMarshal
	for _, name := range names {
		k := must(jwkset.NewJWKFromKey(private[name].Public(), jwkset.JWKOptions{Metadata: jwkset.JWKMetadataOptions{KID: name, USE: jwkset.UseSig}}))
		keys = append(keys, k.Marshal())
	}
	return string(must(json.Marshal(jwkset.JWKSMarshal{Keys: keys})))
}

// newSets is a registry of key sets that are read again at once when a token asks for it.
func newSets(t *testing.T) *jwt.KeySets {
	sets := &jwt.KeySets{Log: slog.New(slog.DiscardHandler)}
	jwt.SetPause(sets, time.Millisecond)
	t.Cleanup(sets.Close)
	return sets
}

func ofSet(s *jwt.KeySet) *jwt.Verifier {
	return jwt.New([]jwt.App{{Name: "a", MaxLifetime: 24 * time.Hour, KeySet: s}})
}

// TestKeyTurnover: a key that appears is found when a token names it, one that is gone lets nobody in any more, and a server that is down
// changes nothing.
func TestKeyTurnover(t *testing.T) {
	s := newSetServer(t, set("p256"))
	v := ofSet(newSets(t).Get(s.URL))
	old, next := sign("ES256", "p256", "p256", claims(nil)), sign("RS256", "rsa", "rsa", claims(nil))
	check := func(name, token string, want error) {
		t.Helper()
		if _, err := v.AuthenticatePage(t.Context(), token); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
	check("the key of the beginning", old, nil)
	check("a key that is not there yet", next, auth.ErrInvalidToken)
	s.serve(http.StatusOK, set("p256", "rsa"))
	check("a key that has appeared", next, nil)
	s.serve(http.StatusServiceUnavailable, "")
	unknown := sign("EdDSA", "ed", "ed", claims(nil))
	check("a key that is unknown, while the server is down", unknown, auth.ErrInvalidToken)
	check("a known key, while the server is down", sign("ES256", "p256", "p256", claims(object{"jti": "2"})), nil)
	s.serve(http.StatusOK, "<html>")
	check("a key that is unknown, while the server says something else", unknown, auth.ErrInvalidToken)
	check("a known key, while the server says something else", next, nil)
	s.serve(http.StatusOK, strings.Repeat(" ", 1<<20)+set("ed"))
	check("a key that is unknown, while the set is longer than one may be", unknown, auth.ErrInvalidToken)
	check("a known key, while the set is longer than one may be", next, nil)
	s.serve(http.StatusOK, set("ed"))
	check("a key in the place of others", unknown, nil)
	check("a key that is gone, and whose token was verified before", old, auth.ErrInvalidToken)
}

// TestKeySetNeverRead: a page whose token cannot be verified yet is told to come back, not that its token is wrong.
func TestKeySetNeverRead(t *testing.T) {
	s := newSetServer(t, "")
	s.serve(http.StatusInternalServerError, "")
	sets := newSets(t)
	v := ofSet(sets.Get(s.URL))
	sets.Count(v)
	_, err := v.AuthenticatePage(t.Context(), sign("ES256", "p256", "p256", claims(nil)))
	if stats := sets.Stats(); stats.Refreshes["failed"] == 0 || stats.Refreshes["read"] != 0 || stats.Age <= 0 || stats.Verifications["unavailable"] != 1 {
		t.Errorf("%+v", stats)
	}
	if p := problem.Of(err); p.Kind != problem.Unavailable || p.Setting != "jwt.jwks_url" {
		t.Errorf("%v", err)
	}
}

// TestUnknownKeysAreAskedForRarely: tokens with made-up key IDs have the key set read no more often than the pause allows.
func TestUnknownKeysAreAskedForRarely(t *testing.T) {
	s := newSetServer(t, set("p256"))
	sets := newSets(t)
	jwt.SetPause(sets, 500*time.Millisecond)
	v := ofSet(sets.Get(s.URL))
	began := time.Now()
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			token := sign("ES256", "made-up-"+strconv.Itoa(i), "p256", claims(nil))
			if _, err := v.AuthenticatePage(t.Context(), token); !errors.Is(err, auth.ErrInvalidToken) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if most := int(time.Since(began)/(500*time.Millisecond)) + 2; s.count() > most {
		t.Errorf("the key set was read %d times, want %d at most", s.count(), most)
	}
}

// TestMadeUpKeysKeepNobodyWaiting: as many tokens as may wait for keys that nobody has, and a token of a known key is verified all the same.
func TestMadeUpKeysKeepNobodyWaiting(t *testing.T) {
	const most = 1024
	s := newSetServer(t, set("p256"))
	sets := newSets(t)
	jwt.SetPause(sets, time.Hour)
	v := ofSet(sets.Get(s.URL))
	if _, err := v.AuthenticatePage(t.Context(), sign("ES256", "p256", "p256", claims(nil))); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	madeUp := sign("ES256", "made-up", "p256", claims(nil))
	var wg sync.WaitGroup
	var busy atomic.Int64
	for range most + 1 {
		wg.Go(func() {
			_, err := v.AuthenticatePage(ctx, madeUp)
			if problem.Of(err).Kind == problem.Unavailable {
				busy.Add(1)
			}
		})
	}
	for jwt.Keyless(v) < most || busy.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	if _, err := v.AuthenticatePage(t.Context(), sign("ES256", "p256", "p256", claims(object{"jti": "2"}))); err != nil {
		t.Errorf("a token of a known key: %v", err)
	}
	cancel()
	wg.Wait()
}

// TestAlgorithmOfSetChanges: a key that is narrowed to another algorithm does not let in by its earlier one, also not tokens that were
// verified before.
func TestAlgorithmOfSetChanges(t *testing.T) {
	of := func(algorithm string) string {
		return strings.Replace(set("rsa"), `"kid"`, `"alg":"`+algorithm+`","kid"`, 1)
	}
	s := newSetServer(t, of("RS256"))
	v := ofSet(newSets(t).Get(s.URL))
	before, after := sign("RS256", "rsa", "rsa", claims(nil)), sign("PS256", "rsa", "rsa", claims(nil))
	if _, err := v.AuthenticatePage(t.Context(), before); err != nil {
		t.Fatal(err)
	}
	s.serve(http.StatusOK, of("PS256"))
	if _, err := v.AuthenticatePage(t.Context(), sign("ES256", "made-up", "p256", claims(nil))); !errors.Is(err, auth.ErrInvalidToken) {
		t.Fatal(err) // this one had the set read again
	}
	if _, err := v.AuthenticatePage(t.Context(), before); !errors.Is(err, auth.ErrInvalidToken) {
		t.Errorf("by the earlier algorithm: %v", err)
	}
	if _, err := v.AuthenticatePage(t.Context(), after); err != nil {
		t.Errorf("by the later one: %v", err)
	}
}

// TestURLOfKeySetIsNotTold: a password or a key in the URL of a key set is in no line of the log.
func TestURLOfKeySetIsNotTold(t *testing.T) {
	s := newSetServer(t, set("p256", "small"))
	var log strings.Builder
	sets := &jwt.KeySets{Log: slog.New(slog.NewTextHandler(&log, nil))}
	jwt.SetPause(sets, time.Millisecond)
	v := ofSet(sets.Get(strings.Replace(s.URL, "http://", "http://me:secret-of-mine@", 1) + "/keys?key=secret-of-mine"))
	for _, status := range []int{http.StatusOK, http.StatusForbidden, http.StatusOK} {
		s.serve(status, set("p256", "small"))
		_, _ = v.AuthenticatePage(t.Context(), sign("ES256", "made-up", "p256", claims(nil)))
	}
	s.Close()
	_, _ = v.AuthenticatePage(t.Context(), sign("ES256", "made-up", "p256", claims(nil)))
	sets.Close()
	if text := log.String(); strings.Contains(text, "secret-of-mine") || strings.Contains(text, "me:") || !strings.Contains(text, "/keys") || !strings.Contains(text, "could not be read") {
		t.Errorf("the log has\n%s", text)
	}
}

// TestKeysOfSet: what in a set is no key for verifying is left out, and the rest counts.
func TestKeysOfSet(t *testing.T) {
	good := set("rsa")[len(`{"keys":[`):]
	good = good[:len(good)-len(`]}`)]
	encryption := strings.Replace(good, `"use":"sig"`, `"use":"enc"`, 1)
	for _, c := range []struct {
		name, set string
		keys      int
		isSet     bool
	}{
		{"none", `{"keys":[]}`, 0, true},
		{"one", `{"keys":[` + good + `]}`, 1, true},
		{"a secret", `{"keys":[{"kty":"oct","k":"c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA"},` + good + `]}`, 1, true},
		{"for encryption", `{"keys":[` + encryption + `,` + good + `]}`, 1, true},
		{"an unknown type", `{"keys":[{"kty":"X"},` + good + `]}`, 1, true},
		{"a curve that nobody knows", `{"keys":[{"kty":"EC","crv":"P-999","x":"AA","y":"AA"},` + good + `]}`, 1, true},
		{"a point that is not on the curve", `{"keys":[{"kty":"EC","crv":"P-256","x":"AAAA","y":"AAAA"},` + good + `]}`, 1, true},
		{"no object", `{"keys":[7,` + good + `]}`, 1, true},
		{"a small key", set("small"), 0, true},
		{"another algorithm than the type's", strings.Replace(set("rsa"), `"kid"`, `"alg":"HS256","kid"`, 1), 0, true},
		{"the algorithm of the type", strings.Replace(set("rsa"), `"kid"`, `"alg":"PS256","kid"`, 1), 1, true},
		{"no list", `{"keys":{}}`, 0, false},
		{"nothing", ``, 0, false},
		{"null", `null`, 0, false},
		{"many", `{"keys":[` + strings.Repeat(good+",", 200) + good + `]}`, 0, false},
	} {
		n, err := jwt.ParseSet([]byte(c.set))
		if n != c.keys || (err == nil) != c.isSet {
			t.Errorf("%s: %d keys, %v, want %d keys", c.name, n, err, c.keys)
		}
	}
}

// FuzzKeySet: whatever a server says, it is a set or it is not.
func FuzzKeySet(f *testing.F) {
	f.Add([]byte(set("rsa", "p256", "ed")))
	f.Add([]byte(`{"keys":[{"kty":"RSA","n":"AA","e":"AAAAAAAAAAAAAAAA"},{"kty":"OKP","crv":"Ed25519","x":"AA"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if n, err := jwt.ParseSet(text); n > 0 && err != nil {
			t.Errorf("%d keys, and %v", n, err)
		}
	})
}

// TestKeySetsAreShared: configurations that follow each other share a key set, and one that no configuration uses any more is not read.
func TestKeySetsAreShared(t *testing.T) {
	s := newSetServer(t, set("p256"))
	sets := newSets(t)
	first, other := sets.Get(s.URL), sets.Get(s.URL+"/other")
	if sets.Get(s.URL) != first || first == other {
		t.Error("a key set is there twice")
	}
	before := ofSet(first)
	token := sign("ES256", "p256", "p256", claims(nil))
	page, err := before.AuthenticatePage(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	after := ofSet(first)
	sets.Keep(after)
	if !after.HasCredential(page.Token.Credential) {
		t.Error("a page that was let in by a key set is not known after a reload")
	}
	if sets.Get(s.URL) != first || sets.Get(s.URL+"/other") == other {
		t.Error("a reload keeps another key set than the one that is used")
	}
	s.serve(http.StatusOK, set("ed"))
	_, _ = after.AuthenticatePage(t.Context(), sign("EdDSA", "ed", "ed", claims(nil)))
	if _, err := after.AuthenticatePage(t.Context(), token); !errors.Is(err, auth.ErrInvalidToken) {
		t.Errorf("after a reload, a key that is gone: %v", err)
	}
}
