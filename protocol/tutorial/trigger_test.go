package tutorial_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"scenecast"
	"scenecast/access"
	"scenecast/auth"
	"scenecast/problem"
	"scenecast/protocol/tutorial"
	"scenecast/push"
)

// triggers answers as its function says.
type triggers func(ctx context.Context, c access.Caller) (push.Result, error)

// Trigger implements tutorial.Triggers.
func (f triggers) Trigger(ctx context.Context, c access.Caller, _, _ string, _ push.Args) (push.Result, error) {
	return f(ctx, c)
}

// pages knows one token, if its context goes on.
type pages struct{ late func(context.Context) error }

// AuthenticatePage implements auth.PageAuthenticator.
func (p pages) AuthenticatePage(ctx context.Context, token string) (auth.Page, error) {
	if token != "page" {
		return auth.Page{}, auth.ErrInvalidToken
	}
	return auth.Page{App: "shop"}, p.late(ctx)
}

// options are those of an endpoint with the keys all and none.
func options(late func(context.Context) error, log io.Writer) tutorial.EndpointOptions {
	keys := new(auth.Keys)
	keys.Add(auth.Key{App: "shop", Name: "all", Scopes: auth.Scopes}, "all")
	keys.Add(auth.Key{App: "shop", Name: "none"}, "none")
	return tutorial.EndpointOptions{
		FindKey:             keys.Find,
		Pages:               pages{late},
		PageTokenMayTrigger: func(string) bool { return true },
		MaxForm:             1 << 10,
		Triggers: triggers(func(ctx context.Context, c access.Caller) (push.Result, error) {
			return push.Result{ID: strings.ReplaceAll(c.Credential, " ", "-"), Tally: scenecast.Tally{Matched: 3}}, late(ctx)
		}),
		Logger: slog.New(slog.NewTextHandler(log, nil)),
	}
}

// TestHalfClosed: a client that half-closes its connection behind its request is told whom its trigger reached; net/http takes it
// for a client that has gone.
func TestHalfClosed(t *testing.T) {
	for _, token := range []string{"all", "page"} {
		gone := make(chan struct{})
		late := func(ctx context.Context) error {
			<-gone
			return ctx.Err()
		}
		var log bytes.Buffer
		endpoint := tutorial.NewEndpoint(options(late, &log))
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			context.AfterFunc(r.Context(), func() { close(gone) })
			endpoint.ServeHTTP(w, r)
		}))
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "GET /?func=x&token=%s HTTP/1.1\r\nHost: x\r\n\r\n", token)
		_ = conn.(*net.TCPConn).CloseWrite()
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		id := map[string]string{"all": "key-all", "page": "page"}[token]
		if want := `{"code":200,"message":"reached 3 pages","id":"` + id + `","matched":3}`; string(body) != want || log.Len() > 0 {
			t.Errorf("%s: %s, want %s; the log says %s", token, body, want, &log)
		}
		conn.Close()
		server.Close()
	}
}

// TestRefusedCredentials are told to whoever counts them.
func TestRefusedCredentials(t *testing.T) {
	var told []string
	o := options(context.Cause, io.Discard)
	o.Refused = func(_ *http.Request, p *problem.Problem) { told = append(told, string(p.Kind)) }
	endpoint := tutorial.NewEndpoint(o)
	for _, token := range []string{"all", "page", "", "nonsense", "none"} {
		endpoint.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/?func=x&token="+token, nil))
	}
	o.Pages = pages{func(context.Context) error { return errors.New("database") }}
	tutorial.NewEndpoint(o).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/?func=x&token=page", nil))
	if want := []string{"unauthorized", "unauthorized", "forbidden"}; !slices.Equal(told, want) {
		t.Errorf("refused were %q, want %q", told, want)
	}
}
