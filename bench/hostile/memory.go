package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// What pages can have the server keep for them.
var (
	smallFrames = &scenario{
		name:    "small-frames",
		about:   "5,000 pages that never read get 1,000 small messages each",
		time:    15 * time.Second,
		prepare: neverRead,
	}
	unfinished = &scenario{
		name:    "unfinished",
		about:   "8,000 pages send 64,000 bytes of a message and never its end",
		time:    15 * time.Second,
		prepare: neverEnd,
	}
	receipts = &scenario{
		name:    "receipts",
		about:   "4,000 pages with a page_id get 500 pushes that they are to acknowledge, and leave without",
		time:    25 * time.Second,
		prepare: neverAcknowledge,
	}
)

// neverRead has the kernel's buffers filled first, so that everything that follows waits in the server.
func neverRead(ctx context.Context, a *attacker) (attack, error) {
	const window = 4 << 10
	pages, frames := a.times(5000), a.times(1000)
	if _, err := a.open(ctx, pages, tutorial, window, func(int) string { return "page=stalled" }); err != nil {
		return nil, err
	}
	for range 3 { // more than the server's send buffers hold
		if err := a.push(ctx, `page=="stalled"`, `"`+strings.Repeat("x", 60<<10)+`"`); err != nil {
			return nil, err
		}
	}
	return func(ctx context.Context) (string, error) {
		for i := range frames {
			if err := a.push(ctx, `page=="stalled"`, fmt.Sprint(i)); err != nil {
				return "", err
			}
		}
		return fmt.Sprintf("%d messages to %d pages", frames, pages), nil
	}, nil
}

func neverEnd(ctx context.Context, a *attacker) (attack, error) {
	open, err := a.open(ctx, a.times(8000), native, 0, func(int) string { return "page=unfinished" })
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (string, error) {
		beginning := masked(opText, []byte(`{"type":"`+strings.Repeat("x", 64_000))) // FIN is not set
		closed := 0
		for _, p := range open {
			p.until(ctx)
			if _, err := p.conn.Write(beginning); err != nil {
				closed++
			}
		}
		return fmt.Sprintf("%d messages begun, %d writes refused", len(open), closed), nil
	}, nil
}

func neverAcknowledge(ctx context.Context, a *attacker) (attack, error) {
	pushes := a.times(500)
	open, err := a.open(ctx, a.times(4000), native, 0, func(i int) string { return fmt.Sprintf("page=silent&page_id=silent-%d", i) })
	if err != nil {
		return nil, err
	}
	for _, p := range open {
		go p.discard()
	}
	return func(ctx context.Context) (string, error) {
		var calls sync.WaitGroup
		errs := make([]error, pushes)
		for i := range pushes {
			calls.Go(func() {
				_, errs[i] = a.call(ctx, http.MethodPost, "/v1/push",
					`{"to":"page==\"silent\"","message":1,"receipt":"acked","timeout":"30s"}`)
			})
		}
		// They have all arrived when one that came later has.
		wait(ctx, 10*time.Second)
		if err := a.push(ctx, `page=="silent"`, "1"); err != nil {
			return "", err
		}
		for _, p := range open {
			p.reset()
		}
		calls.Wait()
		if ctx.Err() != nil {
			errs = nil
		}
		return fmt.Sprintf("%d receipts of %d pages", pushes, len(open)), errors.Join(errs...)
	}, nil
}
