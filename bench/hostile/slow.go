package main

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// slowTLS catches up from far, at the pace of a bad mobile network.
var slowTLS = &scenario{
	name:    "slow-tls",
	about:   "a TLS page that reads 6 KB/s steadily comes back to 2 MB of missed pushes",
	time:    45 * time.Second,
	tls:     true,
	prepare: readSlowly,
	want:    regexp.MustCompile(`^still there [^,]*$`),
}

func readSlowly(ctx context.Context, a *attacker) (attack, error) {
	const (
		pace   = 6000    // bytes per second
		window = 8 << 10 // of the kernel, so that the pace is the server's too
	)
	first, err := dial(ctx, a.address, native, "page=slow")
	if err != nil {
		return nil, err
	}
	defer first.close()
	f, err := first.read()
	if err != nil {
		return nil, err
	}
	var welcome struct{ Position string }
	if err := json.Unmarshal(f.payload, &welcome); err != nil {
		return nil, err
	}
	message := `"` + strings.Repeat("x", 1000) + `"`
	for range a.times(2000) {
		if err := a.push(ctx, `page=="slow"`, message); err != nil {
			return nil, err
		}
	}
	return func(ctx context.Context) (string, error) {
		var visits []string
		for ctx.Err() == nil {
			p, err := dialNarrow(ctx, a.address, native, "page=slow&since="+welcome.Position, window)
			if err != nil {
				return "", err
			}
			p.until(ctx)
			began, read := time.Now(), 0
			buf := make([]byte, pace/10)
			for err == nil {
				var n int
				n, err = p.in.Read(buf)
				read += n
				wait(ctx, time.Duration(n)*time.Second/pace)
			}
			p.close()
			end := "cut"
			if ctx.Err() != nil {
				end = "still there"
			}
			visits = append(visits, fmt.Sprintf("%s after %.1f s with %d KB", end, time.Since(began).Seconds(), read/1000))
		}
		return strings.Join(visits, ", "), nil
	}, nil
}
