package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"time"
)

// What a server's process has around it: a pipe for its log, and file descriptors.
var (
	logGone = &scenario{
		name:     "log-gone",
		about:    "who reads the server's log has gone",
		time:     3 * time.Second,
		settings: []string{"SCENECAST_LOG_LEVEL=debug"},
		stderr:   pipeGone,
		prepare:  makeNoise,
		want:     regexp.MustCompile(`/healthz: 200; SIGTERM: ended`),
		after:    stopped,
	}
	logFull = &scenario{
		name:     "log-full",
		about:    "nobody reads the pipe of the server's log",
		time:     3 * time.Second,
		settings: []string{"SCENECAST_LOG_LEVEL=debug", "SCENECAST_DRAIN=1s"},
		stderr:   pipeFull,
		prepare:  makeNoise,
		want:     regexp.MustCompile(`/healthz: 200; SIGTERM: ended`),
		after:    stopped,
	}
	filesUpgrades = &scenario{
		name:    "files-upgrades",
		about:   "64 files; pages are opened on kept HTTP connections",
		time:    3 * time.Second,
		shell:   `ulimit -n 64; exec "$0" "$@"`,
		prepare: upgradeKept,
		want:    regexp.MustCompile(`/healthz: 200$`),
		after:   alive,
	}
	filesIdle = &scenario{
		name:    "files-idle",
		about:   "64 files; 60 HTTP connections that are idle",
		time:    3 * time.Second,
		shell:   `ulimit -n 64; exec "$0" "$@"`,
		prepare: keepIdle,
		want:    regexp.MustCompile(`/healthz: 200$`),
		after:   alive,
	}
)

// makeNoise makes requests, each of which is a line of the log.
func makeNoise(_ context.Context, a *attacker) (attack, error) {
	return func(ctx context.Context) (string, error) {
		n, err := repeat(ctx, 4, func(ctx context.Context, _, _ int) error {
			_, err := a.call(ctx, http.MethodGet, "/healthz", "")
			return err
		})
		return fmt.Sprintf("%d requests", n), err
	}, nil
}

// stopped ends the server.
func stopped(ctx context.Context, t *target) string {
	health := alive(ctx, t)
	return health + "; " + t.terminate(8*time.Second)
}

// alive asks whether the server still answers.
func alive(ctx context.Context, t *target) string {
	ctx, stop := context.WithTimeout(ctx, 3*time.Second)
	defer stop()
	b := newBackend(t.address)
	defer b.client.CloseIdleConnections()
	status, _, err := b.do(ctx, http.MethodGet, "/healthz", "", "")
	if err != nil {
		return "/healthz: " + err.Error()
	}
	return fmt.Sprintf("/healthz: %d", status)
}

// upgradeKept asks for health first, and for a page on the same connection.
func upgradeKept(_ context.Context, a *attacker) (attack, error) {
	return func(ctx context.Context) (string, error) {
		in, refused := 0, 0
		for range 80 {
			p, err := a.healthThen(ctx)
			if err == nil {
				err = p.open(a.upgrade(native, "token="+a.Token+"&page=kept"))
			}
			if err != nil {
				refused++
			} else {
				in++
			}
		}
		return fmt.Sprintf("%d pages in, %d refused", in, refused), nil
	}, nil
}

// keepIdle has connections that have made one request each.
func keepIdle(_ context.Context, a *attacker) (attack, error) {
	return func(ctx context.Context) (string, error) {
		open := 0
		for range 60 {
			if _, err := a.healthThen(ctx); err == nil {
				open++
			}
		}
		return fmt.Sprintf("%d idle connections", open), nil
	}, nil
}

// healthThen is a connection on which /healthz was asked for and answered. It is for one goroutine.
func (a *attacker) healthThen(ctx context.Context) (*page, error) {
	conn, err := connect(ctx, a.address, 0)
	if err != nil {
		return nil, err
	}
	p := newPage(conn)
	a.pages = append(a.pages, p)
	_ = conn.SetDeadline(time.Now().Add(2 * time.Second))
	if _, err := io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: "+a.Host+"\r\n\r\n"); err != nil {
		return nil, err
	}
	r, err := http.ReadResponse(p.in, nil)
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(io.Discard, r.Body)
	r.Body.Close()
	return p, err
}
