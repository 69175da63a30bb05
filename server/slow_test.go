package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
)

// dialNarrow connects with a small buffer for what has not been read.
func dialNarrow(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return c, c.(*net.TCPConn).SetReadBuffer(16 << 10)
}

// TestSlowPages: of what a page that reads slowly does not get under the policies that do not close it, it knows: it is told how
// many messages are missing in which place, and that none is where a newer one with the same key has taken its place.
func TestSlowPages(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		policy, options string
		gaps            bool
	}{
		{"drop_oldest", "", true},
		{"close", `,"coalesce":"price"`, false},
	} {
		t.Run(c.policy+c.options, func(t *testing.T) {
			s := start(t, map[string]string{
				"outbox.slow_consumer": c.policy, "outbox.max_bytes": "64KiB", "http.max_body": "64KiB",
				"outbox.write_timeout": "10m", "websocket.ping_interval": "0s", // or it might be taken for gone
			}, nil)
			p := s.nativePageBy(&http.Client{Transport: &http.Transport{DialContext: dialNarrow}}, "page=home")
			const last = 100 // 2 MB: more than the kernel's buffers hold
			pad := strings.Repeat("x", 20<<10)
			for n := range last + 1 {
				s.publish(fmt.Sprintf(`{"to":{"page":"home"},"message":[%d,"%s"]%s}`, n, pad, c.options))
			}
			shown, missing, next := 0, 0, 0
			for next <= last {
				m := p.next()
				if m.Type == "gap" {
					if m.Reason != "dropped" || m.Dropped == 0 || !c.gaps {
						t.Fatalf("got %+v", m)
					}
					missing += m.Dropped
					next += m.Dropped
					continue
				}
				var data []any
				if err := json.Unmarshal(m.Data, &data); err != nil {
					t.Fatal(err)
				}
				n := int(data[0].(float64))
				if n < next || c.gaps && n != next {
					t.Fatalf("got %d, want %d", n, next)
				}
				shown, next = shown+1, n+1
			}
			if c.gaps && shown+missing != last+1 || shown > last {
				t.Errorf("%d shown, %d missing, of %d", shown, missing, last+1)
			}
			s.publish(`{"to":{"page":"home"},"message":"live"}`)
			p.expect(`"live"`)
		})
	}
}
