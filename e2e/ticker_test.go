package e2e_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"scenecast/audience"
	"scenecast/push"
)

// numbered is one of a ticker's pushes.
type numbered struct {
	N       int    // its number, from 0
	Scene   string // whose it is
	matched int    // what the server has answered
}

// ticker pushes numbers to two scenes in turn.
type ticker struct {
	mu      sync.Mutex
	begun   int
	done    []numbered
	grown   chan struct{} // closed, and replaced, when done grows
	stop    context.CancelFunc
	stopped chan struct{}
}

func startTicker(t *testing.T, b *backend, scenes [2]string) *ticker {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	k := &ticker{grown: make(chan struct{}), stop: cancel, stopped: make(chan struct{})}
	var to [2]audience.Expr
	for i, scene := range scenes {
		expr, err := audience.Parse(fmt.Sprintf(`page == %q`, scene))
		if err != nil {
			t.Fatal(err)
		}
		to[i] = expr
	}
	pace := time.NewTicker(time.Millisecond) // faster than a page takes them, it would be a slow consumer
	go func() {
		defer close(k.stopped)
		defer pace.Stop()
		for n := 0; ; n++ {
			select {
			case <-pace.C:
			case <-ctx.Done():
				return
			}
			p := numbered{N: n, Scene: scenes[n%2]}
			k.mu.Lock()
			k.begun++
			k.mu.Unlock()
			result, err := b.Push(t.Context(), push.Request{To: to[n%2], Message: json.RawMessage(mustJSON(p))})
			if err != nil {
				if !errors.Is(err, context.Canceled) { // the test has ended
					t.Errorf("push %d: %v", n, err)
				}
				return
			}
			p.matched = result.Tally.Matched
			k.mu.Lock()
			k.done = append(k.done, p)
			close(k.grown)
			k.grown = make(chan struct{})
			k.mu.Unlock()
		}
	}()
	t.Cleanup(func() { k.halt() })
	return k
}

// halt stops it, and returns its pushes.
func (k *ticker) halt() []numbered {
	k.stop()
	<-k.stopped
	return k.done
}

// next is the number of the first push that has not begun.
func (k *ticker) next() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.begun
}

// completed is the number of the first push that is not done.
func (k *ticker) completed() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.done)
}

// wait waits until at least n pushes are done.
func (k *ticker) wait(t *testing.T, n int) {
	t.Helper()
	for deadline := time.After(patience); ; {
		k.mu.Lock()
		done, grown := len(k.done), k.grown
		k.mu.Unlock()
		if done >= n {
			return
		}
		select {
		case <-grown:
		case <-deadline:
			t.Fatalf("%d pushes are done, want %d", done, n)
		}
	}
}
