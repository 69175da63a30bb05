package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"

	"scenecast/api"
	"scenecast/config"
)

// reloadable is a server whose configuration a test changes while it runs.
type reloadable struct {
	*running
	mu       sync.Mutex
	settings map[string]string
	level    slog.LevelVar
}

// startReloadable starts a server with these settings.
func startReloadable(t testing.TB, settings map[string]string) *reloadable {
	t.Helper()
	r := &reloadable{settings: harnessSettings(settings)}
	r.running = startWith(t, settings, func(o *options) {
		o.Load, o.LogLevel = r.load, &r.level
		o.Logger = slog.New(&levelled{o.Logger.Handler(), &r.level})
	})
	return r
}

func (r *reloadable) load() (*config.Loaded, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l, err := config.Read(config.Sources{Flags: r.settings})
	l.Warnings = nil // the harness's secrets are short
	return l, errors.Join(err, l.CheckFiles())
}

// set changes settings that the next reload finds.
func (r *reloadable) set(settings map[string]string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.settings = maps.Clone(r.settings)
	maps.Copy(r.settings, settings)
}

// reload has the server read its configuration anew, and wants it to be taken.
func (r *reloadable) reload(settings map[string]string) (done api.Reloaded) {
	r.t.Helper()
	r.set(settings)
	status, answer := r.call(http.MethodPost, "/v1/reload", adminKey, "", "")
	if err := json.Unmarshal([]byte(answer), &done); status != http.StatusOK || err != nil {
		r.t.Fatalf("reload with %v: %d %s", settings, status, answer)
	}
	return done
}

// refuse has the server read its configuration anew, and wants it to be refused.
func (r *reloadable) refuse(settings map[string]string, status int) string {
	r.t.Helper()
	r.set(settings)
	got, answer := r.call(http.MethodPost, "/v1/reload", adminKey, "", "")
	if got != status {
		r.t.Fatalf("reload with %v: %d %s, want %d", settings, got, answer, status)
	}
	return answer
}

// levelled is a handler with a level of its own.
type levelled struct {
	slog.Handler
	level slog.Leveler
}

// Handle implements slog.Handler. (WithAttrs and WithGroup would lose the level; no logger of the server's uses them.)
func (l *levelled) Handle(ctx context.Context, record slog.Record) error {
	if record.Level < l.level.Level() {
		return nil
	}
	return l.Handler.Handle(ctx, record)
}

// TestReload: pages of tokens and apps that are gone are closed with 4401, and nobody else notices.
func TestReload(t *testing.T) {
	s := startReloadable(t, map[string]string{
		"client_tokens": pageToken + ",token-of-old",
		"apps":          `{shop: {client_tokens: [shop-page]}, blog: {client_tokens: [blog-page]}}`,
	})
	stays, goes := s.nativePage("page=home"), s.pageAs("token-of-old", "page=home")
	streamGoes := s.events("page=home&token=token-of-old")
	streamGoes.expect(streamWelcome)
	shop, blog := s.pageAs("shop-page", ""), s.native("token=blog-page")
	s.read(blog) // the welcome
	done := s.reload(map[string]string{
		"client_tokens": pageToken + ",token-of-new",
		"apps":          `{blog: {client_tokens: [blog-page], max_connections: 5}}`,
		"listen":        "127.0.0.1:1",
	})
	if want := (api.Reloaded{Applied: []string{"client_tokens", "apps"}, Restart: []string{"listen"}, Closed: 3, Warnings: nil}); fmt.Sprint(done) != fmt.Sprint(want) {
		t.Errorf("the reload is answered %+v, want %+v", done, want)
	}
	for name, c := range map[string]*websocket.Conn{"the token": goes, "the app": shop} {
		if code := s.closeCode(c); code != 4401 {
			t.Errorf("a page where %s is gone is closed with %d, want 4401", name, code)
		}
	}
	if event := streamGoes.next(); !strings.Contains(event, `"code":4401`) {
		t.Errorf("a stream whose token is gone gets %q", event)
	}
	s.awaitConnections(2)
	s.publish(`{"to":"*","message":"still here"}`)
	stays.expect(`"still here"`)
	if answer := s.say(blog, `{"type":"ping"}`); !strings.Contains(answer, `"pong"`) {
		t.Errorf("a page of an app that stays: %s", answer)
	}
	for _, token := range []string{"token-of-old", "shop-page"} {
		if _, refusal := s.visit("127.0.0.1", "token="+token); !strings.Contains(refusal, `"code":401`) {
			t.Errorf("a page with %s: %q", token, refusal)
		}
	}
	_ = s.pageAs("token-of-new", "")
	if log := s.log.String(); !strings.Contains(log, `msg="configuration reloaded" applied=client_tokens,apps need_restart=listen pages_closed=3`) {
		t.Errorf("the log does not tell of the reload:\n%s", log)
	}

	// What needs a restart is told again, and what is in force is nothing new.
	if done := s.reload(nil); len(done.Applied) > 0 || !slices.Equal(done.Restart, []string{"listen"}) || done.Closed > 0 {
		t.Errorf("a second reload: %+v", done)
	}
}

// TestReloadWithMistakes changes nothing and tells every mistake, in the answer and in the log.
func TestReloadWithMistakes(t *testing.T) {
	s := startReloadable(t, nil)
	page := s.page("page=home")
	answer := s.refuse(map[string]string{
		"client_tokens":      "other-token",
		"limits.connections": "many",
		"triggers":           `{bad: {to: "page =", message: 1}}`,
		"tls.cert":           "/nonexistent/cert.pem",
	}, http.StatusUnprocessableEntity)
	var p struct {
		Kind     string
		Mistakes []string
	}
	if err := json.Unmarshal([]byte(answer), &p); err != nil || p.Kind != "invalid_configuration" || len(p.Mistakes) != 3 {
		t.Fatalf("answered %s", answer)
	}
	for _, want := range []string{"limits.connections", "triggers.bad", "tls.cert"} {
		if !slices.ContainsFunc(p.Mistakes, func(m string) bool { return strings.HasPrefix(m, "command line: "+want) }) {
			t.Errorf("%s is not among the mistakes %q", want, p.Mistakes)
		}
		if !strings.Contains(s.log.String(), "nothing has changed\" mistake=\"command line: "+want) {
			t.Errorf("the log does not tell of %s:\n%s", want, s.log)
		}
	}
	_ = s.page("page=list") // the token is what it was
	s.publish(`{"to":{"page":"home"},"message":1}`)
	if got := s.read(page); got != "1" {
		t.Errorf("the page got %s", got)
	}
}

// TestReloadBySeveral: reloads come one after the other, and each page is closed once.
func TestReloadBySeveral(t *testing.T) {
	s := startReloadable(t, map[string]string{"client_tokens": pageToken + ",token-of-old"})
	for range 20 {
		_ = s.pageAs("token-of-old", "")
	}
	s.set(map[string]string{"client_tokens": pageToken})
	var closed, applied int
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			done, err := s.ReloadConfiguration(t.Context())
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			closed += done.Closed
			applied += len(done.Applied)
		})
	}
	wg.Wait()
	if closed != 20 || applied != 1 {
		t.Errorf("%d pages were closed and %d settings applied, want 20 and 1", closed, applied)
	}
}

// TestReloadWhilePagesJoin: of pages that join while their token goes, none is left.
func TestReloadWhilePagesJoin(t *testing.T) {
	s := startReloadable(t, map[string]string{"client_tokens": pageToken + ",token-of-old"})
	begun := make(chan struct{}, 1)
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				conn, _ := s.visit("127.0.0.1", "token=token-of-old")
				select {
				case begun <- struct{}{}:
				default:
				}
				if conn == nil {
					return
				}
			}
		})
	}
	<-begun
	s.reload(map[string]string{"client_tokens": pageToken})
	close(stop)
	wg.Wait()
	s.awaitConnections(0)
}

// TestReloadIsRefused to other keys, while the server drains, and where there is no configuration to read.
func TestReloadIsRefused(t *testing.T) {
	s := startReloadable(t, map[string]string{"apps": `{shop: {api_keys: [{name: s, key: shop-key, allow: [admin]}]}}`})
	for key, want := range map[string]int{"": 401, pageToken: 401, pushKey: 403, apiKey: 403, "shop-key": 403, adminKey: 200} {
		if status, answer := s.call(http.MethodPost, "/v1/reload", key, "", ""); status != want {
			t.Errorf("with the key %q: %d %s, want %d", key, status, answer, want)
		}
	}
	if status, answer := s.call(http.MethodPost, "/v1/reload", adminKey, "", `{"dry_run":true}`); status != 400 {
		t.Errorf("with a field: %d %s", status, answer)
	}
	alone := startWith(t, nil, func(o *options) { o.Load = nil })
	if status, answer := alone.call(http.MethodPost, "/v1/reload", adminKey, "", ""); status != 404 || !strings.Contains(answer, "the program") {
		t.Errorf("without a configuration: %d %s", status, answer)
	}
	s.stop()
	awaitThat(t, "a reload is refused while the server drains", func() bool {
		_, err := s.ReloadConfiguration(t.Context())
		return err != nil && strings.Contains(err.Error(), "going away")
	})
	s.end()
}
