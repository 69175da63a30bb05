package server_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// TestSlowPages: of what a page that reads slowly does not get under the policies that do not close it, it knows: it is told how
// many messages are missing in which place, and that none is where a newer one with the same key has taken its place.
func TestSlowPages(t *testing.T) {
	for _, c := range []struct {
		policy, options string
		gaps            bool
	}{
		{"drop_oldest", "", true},
		{"close", `,"coalesce":"price"`, false},
	} {
		t.Run(c.policy+c.options, func(t *testing.T) {
			s := start(t, map[string]string{"outbox.slow_consumer": c.policy, "outbox.max_bytes": "512KiB"}, nil)
			p := s.nativePage("page=home")
			const last = 100 // 20 MB: more than the kernel's buffers hold
			pad := strings.Repeat("x", 200<<10)
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
