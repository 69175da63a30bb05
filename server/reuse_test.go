package server_test

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"scenecast/audience"
	"scenecast/push"
)

// TestReuse: descriptors and slots are used again all the time, under fan-out to everybody and to pages that may have gone;
// no page ever gets what is another one's.
func TestReuse(t *testing.T) {
	s := start(t, nil, nil)
	s.call("GET", "/healthz", "", "", "")
	files, goroutines := openFiles(t), runtime.NumGoroutine()
	to := func(expr string, message string) push.Result {
		e, err := audience.Parse(expr)
		if err != nil {
			t.Error(err)
		}
		result, err := s.Push(t.Context(), push.Request{To: e, Message: json.RawMessage(strconv.Quote(message))})
		if err != nil {
			t.Error(err)
		}
		return result
	}
	const workers, rounds = 4, 75
	var latest [workers]atomic.Int64
	done := make(chan struct{})
	var pages, pushers sync.WaitGroup
	for range 2 {
		pushers.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				default:
				}
				worker := i % workers
				name := fmt.Sprintf("w%d-%d", worker, max(0, latest[worker].Load()-int64(i%2)))
				to(`page == "`+name+`"`, name)
				to("*", "all")
			}
		})
	}
	for worker := range workers {
		pages.Go(func() {
			for round := range rounds {
				latest[worker].Store(int64(round))
				name := fmt.Sprintf("w%d-%d", worker, round)
				p, ok := s.dialLight("page=" + name)
				if !ok {
					t.Errorf("%s was not let in", name)
					continue
				}
				if got := to(`page == "`+name+`"`, name); got.Tally.Matched != 1 || got.Tally.Queued != 1 {
					t.Errorf("%s: tally %+v", name, got.Tally)
				}
				for own := 0; round%3 > 0 && own < 2; { // some leave without reading
					switch message := p.next(); message {
					case strconv.Quote(name):
						own++
					case `"all"`:
						if own > 0 {
							own++ // the pushers may be done with this one
						}
					default:
						t.Errorf("%s got %q", name, message)
						own = 2
					}
				}
				p.leave(round)
			}
		})
	}
	pages.Wait()
	close(done)
	pushers.Wait()
	s.awaitConnections(0)
	awaitThat(t, "as many open files as before", func() bool { return openFiles(t) <= files })
	awaitThat(t, "as many goroutines as before", func() bool { return runtime.NumGoroutine() <= goroutines })
}
