package memory

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"scenecast"
	"scenecast/audience"
	"scenecast/engine/tail"
)

// heap is how many bytes are in use.
func heap() int {
	runtime.GC()
	runtime.GC() // what the first one has freed is swept by the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// TestBytes holds what the log counts to the heap, for small and large pushes, with all texts and with none.
func TestBytes(t *testing.T) {
	for _, c := range []struct {
		name   string
		pushes int
		make   func(i int) scenecast.Push
	}{
		{"small", 20_000, func(i int) scenecast.Push { return bare(i, 2) }},
		{"typical", 20_000, func(i int) scenecast.Push { return bare(i, 120) }},
		{"large", 500, func(i int) scenecast.Push { return bare(i, 50_000) }},
		{"with everything", 10_000, func(i int) scenecast.Push {
			p := bare(i, 120)
			p.To = parsed(t, fmt.Sprintf(`page in ["home", "list", "page %d"] && !(user == "%d" || has(plan))`, i, i))
			p.Message.Event, p.Coalesce, p.Retain = fmt.Sprint("event ", i), fmt.Sprint("coalesce ", i), fmt.Sprint("retain ", i)
			return p
		}},
	} {
		e := newStarted(deaf{}, Options{MaxBytes: 1 << 30, MaxCount: 1 << 20})
		before := heap()
		for i := range c.pushes {
			if _, err := publish(t.Context(), e, c.make(i)); err != nil {
				t.Fatal(err)
			}
		}
		used, counted := heap()-before, e.log.Bytes()
		t.Logf("%s: %d bytes a push on the heap, %d counted", c.name, used/c.pushes, counted/c.pushes)
		if ratio := float64(counted) / float64(used); ratio < 0.9 || ratio > 1.1 {
			t.Errorf("%s: the log counts %d bytes, and the heap has grown by %d", c.name, counted, used)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
}

func bare(i, bytes int) scenecast.Push {
	return scenecast.Push{
		ID:      fmt.Sprintf("%026d", i),
		App:     "default",
		To:      audience.Everybody(),
		Message: scenecast.Message{Data: []byte(strings.Repeat("1", bytes))},
	}
}

func parsed(t *testing.T, text string) audience.Expr {
	t.Helper()
	e, err := audience.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestSweep: what is too old is given back though nothing is published any more, and then no timer runs.
func TestSweep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newStarted(deaf{}, Options{MaxAge: time.Minute, IdempotencyWindow: 10 * time.Minute})
		for i := range 3000 { // of which one sweep takes many steps
			p := bare(i, 10)
			p.IdempotencyKey = p.ID
			if _, err := publish(t.Context(), e, p); err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range []struct {
			sleep         time.Duration
			pushes, slots bool // whether there are any, and room for them
		}{{time.Minute - 1, true, true}, {10 * time.Second, false, true}, {9 * time.Minute, false, false}} {
			time.Sleep(c.sleep)
			synctest.Wait()
			e.mu.Lock()
			pushes, keys, slots, sweeping := e.log.Len(), e.keys.Len(), e.log.Capacity(), e.sweeping
			bytes, err := e.log.Bytes(), e.log.CheckConsistency()
			e.mu.Unlock()
			if pushes > 0 != c.pushes || bytes > 0 != c.pushes || err != nil || slots > 0 != c.slots || keys > 0 != c.slots || sweeping != c.slots {
				t.Errorf("after another %v: %d pushes of %d bytes, consistency %v, %d keys, %d slots, sweeping %v",
					c.sleep, pushes, bytes, err, keys, slots, sweeping)
			}
		}
		if _, err := publish(t.Context(), e, bare(0, 10)); err != nil || e.log.Len() != 1 || !e.sweeping {
			t.Errorf("a push into the empty log: %v, %d kept, sweeping %v", err, e.log.Len(), e.sweeping)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestMaxKeys: over the limit the oldest key is forgotten, and its retry is a push of its own.
func TestMaxKeys(t *testing.T) {
	e := newStarted(deaf{}, Options{MaxKeys: 3})
	defer e.Close()
	publish := func(key string) scenecast.Published {
		p := bare(0, 1)
		p.IdempotencyKey = key
		published, err := publish(t.Context(), e, p)
		if err != nil {
			t.Fatal(err)
		}
		return published
	}
	for _, c := range []struct {
		key      string
		replayed bool
	}{{"a", false}, {"b", false}, {"c", false}, {"a", true}, {"d", false}, {"b", true}, {"a", false}, {"b", false}} {
		if got := publish(c.key); got.Replayed != c.replayed {
			t.Errorf("%s at %v: replayed %v, want %v", c.key, got.Position, got.Replayed, c.replayed)
		}
	}
	if err := e.keys.CheckConsistency(); err != nil || e.keys.Len() != 3 {
		t.Errorf("%d keys are remembered, want 3 (%v)", e.keys.Len(), err)
	}
}

// TestPushThatIsTooLarge for the log is delivered, and leaves nothing that a reader could go on from.
func TestPushThatIsTooLarge(t *testing.T) {
	e := newStarted(deaf{}, Options{MaxBytes: 10_000})
	defer e.Close()
	begin := e.Newest()
	for _, size := range []int{10, 20_000} {
		if published, err := publish(t.Context(), e, bare(size, size)); err != nil || published.Tally.Nodes != 1 {
			t.Fatalf("publish: %+v, %v", published, err)
		}
	}
	if n, _ := e.After(t.Context(), scenecast.Position{}, 10); len(n) != 0 || e.log.Bytes() != 0 {
		t.Errorf("%d pushes are kept, of %d bytes", len(n), e.log.Bytes())
	}
	if _, err := e.After(t.Context(), begin, 10); err == nil {
		t.Error("there is no gap")
	}
	if pushes, err := e.After(t.Context(), e.Newest(), 10); len(pushes) != 0 || err != nil {
		t.Errorf("behind the newest: %d pushes, %v", len(pushes), err)
	}
}

// TestReadIsBounded in count and in bytes, and gives at least one push.
func TestReadIsBounded(t *testing.T) {
	e := newStarted(deaf{}, Options{})
	defer e.Close()
	begin := e.Newest()
	for i, size := range []int{3 << 20, 600_000, 600_000} {
		if _, err := publish(t.Context(), e, bare(i, size)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 300 {
		if _, err := publish(t.Context(), e, bare(10+i, 10)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ after, want int }{{0, 1}, {1, 1}, {2, tail.ReadCount}, {3, tail.ReadCount}, {50, 253}} {
		pushes, err := e.After(t.Context(), scenecast.Position{Epoch: begin.Epoch, Seq: uint64(c.after)}, 1000)
		if err != nil || len(pushes) != c.want {
			t.Errorf("after %d: %d pushes, %v; want %d", c.after, len(pushes), err, c.want)
		}
	}
}

// BenchmarkPublish is the engine alone, its log full.
func BenchmarkPublish(b *testing.B) {
	e := newStarted(deaf{}, Options{MaxCount: 10_000})
	defer e.Close()
	p := bare(0, 120)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := publish(b.Context(), e, p); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAfter is one read of as many pushes as one read gives, out of a full log: how long it keeps publishers waiting.
func BenchmarkAfter(b *testing.B) {
	e := newStarted(deaf{}, Options{MaxBytes: 1 << 30})
	defer e.Close()
	begin := e.Newest()
	for i := range 100_000 {
		if _, err := publish(b.Context(), e, bare(i, 120)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		after := scenecast.Position{Epoch: begin.Epoch, Seq: uint64(i * tail.ReadCount % 99_000)}
		if pushes, err := e.After(b.Context(), after, 1000); len(pushes) != tail.ReadCount || err != nil {
			b.Fatalf("%d pushes, %v", len(pushes), err)
		}
	}
}

// newStarted makes an engine with this node.
func newStarted(node scenecast.Node, o Options) *Engine {
	e := New(o)
	_ = e.Start(context.Background(), node)
	return e
}

// publish submits a push and waits for what became of it.
func publish(ctx context.Context, e scenecast.Engine, p scenecast.Push) (scenecast.Published, error) {
	pending, err := e.Submit(p)
	if err != nil {
		return scenecast.Published{}, err
	}
	return pending.Wait(ctx)
}
