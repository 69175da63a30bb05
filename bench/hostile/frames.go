package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
)

// Pages that say much at a time.
var (
	pings = &scenario{
		name:    "pings",
		about:   "16 pages send the protocol's pings without pause",
		prepare: flood(text(`{"type":"ping"}`)),
	}
	controlPings = &scenario{
		name:    "control-pings",
		about:   "16 pages send WebSocket's pings without pause",
		prepare: flood(masked(0x80|opPing, nil)),
	}
	setsAtOnce = &scenario{
		name:    "sets-at-once",
		about:   "one page sends 1,500 sets in one write, waits for the answers, and does it again",
		prepare: setAtOnce,
		want:    regexp.MustCompile(`, 0 times closed$`),
	}
)

// flood has 16 pages say the same without pause. They read what is answered, and throw it away.
func flood(say []byte) func(context.Context, *attacker) (attack, error) {
	const pages, inWrite = 16, 1000
	return func(ctx context.Context, a *attacker) (attack, error) {
		open, err := a.open(ctx, pages, native, 0, func(int) string { return "page=flood" })
		if err != nil {
			return nil, err
		}
		return func(ctx context.Context) (string, error) {
			for _, p := range open {
				p.until(ctx)
				go p.discard()
			}
			frames := join(inWrite, func(int) []byte { return say })
			n, err := repeat(ctx, pages, func(_ context.Context, g, _ int) error {
				_, err := open[g].conn.Write(frames)
				return err
			})
			return fmt.Sprintf("%d pings", n*inWrite), err
		}, nil
	}
}

// setAtOnce comes back when it is closed, as it may be with 4408: its answers are more than an outbox holds.
func setAtOnce(_ context.Context, a *attacker) (attack, error) {
	const sets = 1500
	var p *page
	closed, last := 0, "" // and why
	return func(ctx context.Context) (string, error) {
		n, err := repeat(ctx, 1, func(ctx context.Context, _, i int) (err error) {
			if p == nil {
				if p, err = dial(ctx, a.address, native, "page=many"); err != nil {
					return err
				}
				p.until(ctx)
			}
			_, err = p.conn.Write(join(sets, func(j int) []byte { return text(fmt.Sprintf(`{"type":"set","labels":{"page":"%d.%d"}}`, i%10, j)) }))
			for answers := 0; err == nil && answers < sets; answers++ {
				var f frame
				if f, err = p.read(); err == nil && f.op == opClose {
					err = errors.New(f.closing())
				}
			}
			if err != nil && ctx.Err() == nil {
				p.close()
				last = fmt.Sprintf(", the last time %v", err)
				p, err = nil, nil
				closed++
			}
			return err
		})
		return fmt.Sprintf("%d sets, %d times closed%s", n*sets, closed, last), err
	}, nil
}
