package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Lasting pushes are compared with the labels of a page whenever these change.
var (
	lastingUser = &scenario{
		name:    "lasting-user",
		about:   `10,000 lasting pushes to user=="N"; one page sends set without pause`,
		prepare: setFast(func(i int) string { return fmt.Sprintf(`user=="%d"`, i) }),
	}
	lastingFive = &scenario{
		name:    "lasting-five",
		about:   "10,000 lasting pushes with five conditions; one page sends set without pause",
		prepare: setFast(fiveConditions),
	}
	lastingStarts = &scenario{
		name:    "lasting-startswith",
		about:   "10,000 lasting pushes with 40 startsWith; one page sends set without pause",
		prepare: setFast(fortyPrefixes),
	}
	lastingPolite = &scenario{
		name:    "lasting-polite",
		about:   "10,000 lasting pushes with five conditions; 20 pages send 20 sets a second each",
		prepare: setPolitely,
	}
	relabelAll = &scenario{
		name:    "relabel",
		about:   "10,000 lasting pushes; labels of 5,000 pages are changed at once, every second",
		prepare: relabel,
	}
)

// lastingLabels are those of a page that fulfils all of five conditions but one.
const lastingLabels = "user=none&plan=pro&locale=zh-CN&order=7&tag=a&tag=b"

func fiveConditions(i int) string {
	return fmt.Sprintf(`locale.startsWith("zh") && plan in ["free", "pro"] && has(order) && tag != "c" && user=="%d"`, i)
}

func fortyPrefixes(i int) string {
	conditions := make([]string, 40)
	for j := range conditions {
		conditions[j] = fmt.Sprintf(`user.startsWith("%d-%d")`, i, j)
	}
	return strings.Join(conditions, " || ")
}

// setFast has one page move from scene to scene as fast as the server takes it.
func setFast(to func(i int) string) func(context.Context, *attacker) (attack, error) {
	return func(ctx context.Context, a *attacker) (attack, error) {
		p, err := dial(ctx, a.address, native, lastingLabels)
		if err != nil {
			return nil, err
		}
		if err := a.lasting(ctx, a.times(10_000), to); err != nil {
			return nil, err
		}
		return func(ctx context.Context) (string, error) {
			p.until(ctx)
			go p.discard()
			n, err := repeat(ctx, 1, func(_ context.Context, _, i int) error {
				_, err := p.conn.Write(text(fmt.Sprintf(`{"type":"set","labels":{"page":"p%d"}}`, i)))
				return err
			})
			return fmt.Sprintf("%d sets", n), err
		}, nil
	}
}

func setPolitely(ctx context.Context, a *attacker) (attack, error) {
	const pages, perSecond = 20, 20
	open, err := a.open(ctx, pages, native, 0, func(int) string { return lastingLabels })
	if err != nil {
		return nil, err
	}
	if err := a.lasting(ctx, a.times(10_000), fiveConditions); err != nil {
		return nil, err
	}
	return func(ctx context.Context) (string, error) {
		for _, p := range open {
			p.until(ctx)
			go p.discard()
		}
		n, err := repeat(ctx, pages, func(ctx context.Context, g, i int) error {
			if _, err := open[g].conn.Write(text(fmt.Sprintf(`{"type":"set","labels":{"page":"p%d"}}`, i))); err != nil {
				return err
			}
			wait(ctx, time.Second/perSecond)
			return nil
		})
		return fmt.Sprintf("%d sets", n), err
	}, nil
}

func relabel(ctx context.Context, a *attacker) (attack, error) {
	pages := a.times(5000)
	open, err := a.open(ctx, pages, native, 0, func(i int) string { return fmt.Sprintf("user=%d", i) })
	if err != nil {
		return nil, err
	}
	for _, p := range open {
		go p.discard()
	}
	if err := a.lasting(ctx, a.times(10_000), func(i int) string { return fmt.Sprintf(`user=="%d"`, pages+i) }); err != nil {
		return nil, err
	}
	return func(ctx context.Context) (string, error) {
		n, err := repeat(ctx, 1, func(ctx context.Context, _, i int) error {
			_, err := a.call(ctx, http.MethodPost, "/v1/labels", fmt.Sprintf(`{"to":"*","set":{"plan":"p%d"}}`, i))
			wait(ctx, time.Second)
			return err
		})
		return fmt.Sprintf("%d times %d pages", n, pages), err
	}, nil
}

// wait waits so long, or until the context ends.
func wait(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
