package server_test

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// storm has TestReconnectStorm measure; it asserts nothing about times.
var storm = flag.Bool("storm", false, "measure what a reconnect storm costs, by kind of token")

// The storm: so many pages connect, with so many tokens.
const (
	stormPages   = 10_000
	stormTokens  = 1_000
	stormClients = 32 // at a time
)

// TestReconnectStorm measures what 10,000 pages cost that connect with 1,000 tokens, and what a page that is connected notices of it: static
// tokens, and signed ones that the server has not seen, in turns.
func TestReconnectStorm(t *testing.T) {
	if !*storm {
		t.Skip("measures only, by -storm")
	}
	took, waits := make(map[string][]time.Duration), make(map[string][]time.Duration)
	for range 5 {
		for _, kind := range []string{"static", "HS256", "ES256"} {
			total, p99 := runStorm(t, kind)
			took[kind], waits[kind] = append(took[kind], total), append(waits[kind], p99)
		}
	}
	median := func(all []time.Duration) time.Duration {
		slices.Sort(all)
		return all[len(all)/2]
	}
	for _, kind := range []string{"static", "HS256", "ES256"} {
		t.Logf("%s: %v a page (%.2f × static), p99 of a ping beside it %v (%.2f × static)", kind, median(took[kind])/stormPages,
			float64(median(took[kind]))/float64(median(took["static"])), median(waits[kind]), float64(median(waits[kind]))/float64(median(waits["static"])))
	}
}

// runStorm runs a storm on a server of its own. It returns how long that took, and the 99th percentile of a connected page's pings.
func runStorm(t *testing.T, kind string) (total, p99 time.Duration) {
	s := startJWT(t, nil)
	defer s.end()
	tokens := make([]string, stormTokens)
	for i := range tokens {
		claims := map[string]any{"sub": fmt.Sprint(i), "labels": map[string]any{"plan": "pro"}}
		switch kind {
		case "static":
			tokens[i] = pageToken
		case "HS256":
			tokens[i] = signed(t, jwtSecret, time.Hour, claims)
		case "ES256":
			tokens[i] = signed(t, "", time.Hour, claims)
		}
	}
	healthy := s.native("token=" + pageToken)
	s.read(healthy)
	stop, pinged := make(chan struct{}), make(chan []time.Duration)
	go func() {
		var all []time.Duration
		for {
			select {
			case <-stop:
				pinged <- all
				return
			case <-time.After(time.Millisecond):
				began := time.Now()
				s.say(healthy, `{"type":"ping"}`)
				all = append(all, time.Since(began))
			}
		}
	}()
	began := time.Now()
	var clients sync.WaitGroup
	for c := range stormClients {
		clients.Go(func() {
			for i := c; i < stormPages; i += stormClients {
				conn, in := s.raw(upgrade("/?page=home&token=" + tokens[i%stormTokens]))
				if line, err := in.ReadString('\n'); err != nil || !strings.Contains(line, " 101 ") {
					t.Errorf("%s: %q, %v", kind, line, err)
				}
				_ = conn.Close()
			}
		})
	}
	clients.Wait()
	total = time.Since(began)
	close(stop)
	all := <-pinged
	slices.Sort(all)
	return total, all[len(all)*99/100]
}
