package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// Requests that cost the server more than they cost whoever makes them.
var (
	heads = &scenario{
		name:    "heads",
		about:   "four clients open pages with 7,800 query parameters and a wrong token",
		prepare: openWrongly,
	}
	listings = &scenario{
		name:    "listings",
		about:   "50 calls at a time list 1,000 of 5,000 pages",
		prepare: list,
	}
	triggerSize = &scenario{
		name:     "trigger-size",
		about:    "a trigger whose message is its parameter, with 255 KiB that JSON writes six times as long",
		time:     3 * time.Second,
		settings: []string{`SCENECAST_TRIGGERS={echo: {params: {text: string}, to: {page: echo}, message: "$text"}}`},
		prepare:  trigger,
		want:     regexp.MustCompile(`^413 .*its audience: \["" ""\]$`),
	}
)

func openWrongly(_ context.Context, a *attacker) (attack, error) {
	const clients = 4
	request := a.upgrade(native, "token=wrong"+strings.Repeat("&a", 7800))
	return func(ctx context.Context) (string, error) {
		n, err := repeat(ctx, clients, func(ctx context.Context, _, _ int) error {
			conn, err := connect(ctx, a.address, 0)
			if err != nil {
				return err
			}
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(dialTimeout))
			if _, err := io.WriteString(conn, request); err != nil {
				return err
			}
			_, err = io.ReadAll(io.LimitReader(conn, 200)) // the beginning of the answer; then go
			return err
		})
		return fmt.Sprintf("%d requests", n), err
	}, nil
}

func list(ctx context.Context, a *attacker) (attack, error) {
	const calls = 50
	open, err := a.open(ctx, a.times(5000), native, 0, func(i int) string { return fmt.Sprintf("page=home&user=%d", i) })
	if err != nil {
		return nil, err
	}
	for _, p := range open {
		go p.discard()
	}
	return func(ctx context.Context) (string, error) {
		n, err := repeat(ctx, calls, func(ctx context.Context, _, _ int) error {
			_, err := a.call(ctx, http.MethodGet, "/v1/connections?limit=1000", "")
			return err
		})
		return fmt.Sprintf("%d listings", n), err
	}, nil
}

func trigger(ctx context.Context, a *attacker) (attack, error) {
	open, err := a.open(ctx, 2, native, 0, func(int) string { return "page=echo" })
	if err != nil {
		return nil, err
	}
	ends := make([]string, len(open))
	for i, p := range open {
		go func() {
			for ends[i] == "" {
				if f, err := p.read(); err != nil {
					ends[i] = err.Error()
				} else if f.op == opClose {
					ends[i] = f.closing()
				}
			}
		}()
	}
	return func(ctx context.Context) (string, error) {
		status, answer, err := a.do(ctx, http.MethodPost, "/?func=echo&token="+a.Key, "application/x-www-form-urlencoded",
			"text="+strings.Repeat("\x01", 255<<10))
		if err != nil {
			return "", err
		}
		wait(ctx, time.Second)
		return fmt.Sprintf("%d %.120s; its audience: %q", status, bytes.TrimSpace(answer), ends), nil
	}, nil
}
