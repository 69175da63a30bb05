package doctor_test

import (
	"context"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"scenecast/api"
	"scenecast/config"
	"scenecast/doctor"
	"scenecast/server"
)

// TestRefusedPages: a server that lets no page in is told as one, and nothing in front of it is blamed.
func TestRefusedPages(t *testing.T) {
	c := config.Default()
	c.Listen, c.ClientTokens = "127.0.0.1:0", []config.ClientToken{{Token: "a-token-of-pages"}}
	s, err := server.New(t.Context(), server.Options{Config: c, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- s.Run(ctx) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	look := func(token string) map[string][]doctor.Finding {
		return examine(t, nil, map[string]string{"listen": s.Addr().String()}, func(o *doctor.Options) {
			o.URL, o.Token = &url.URL{Scheme: "http", Host: s.Addr().String()}, token
		})
	}
	advised := func(found map[string][]doctor.Finding, advice string, checks ...string) {
		t.Helper()
		for _, check := range checks {
			if !slices.ContainsFunc(found[check], func(f doctor.Finding) bool { return strings.Contains(f.Do.String(), advice) }) {
				t.Errorf("%s advises %+v; want %q", check, found[check], advice)
			}
		}
	}

	found := look("a-token-of-nobody")
	expect(t, found, "proxy.websocket", doctor.Warning, "refuses this page (4401)")
	expect(t, found, "proxy.events", doctor.Warning, "is answered 401")
	advised(found, "--client-token", "proxy.websocket", "proxy.events")

	if _, err := s.Drain(t.Context(), api.DrainRequest{}); err != nil {
		t.Fatal(err)
	}
	for s.Draining().State != api.DrainDrained {
		time.Sleep(time.Millisecond)
	}
	found = look("a-token-of-pages")
	expect(t, found, "server", doctor.Failure, "this node is drained")
	expect(t, found, "proxy.reach", doctor.Warning, "this node is drained")
	expect(t, found, "proxy.websocket", doctor.Warning, "refuses this page (4503)")
	expect(t, found, "proxy.events", doctor.Warning, "refuses this page (4503)")
	advised(found, "scenecast drain --undo", "server", "proxy.reach", "proxy.websocket", "proxy.events")
}
