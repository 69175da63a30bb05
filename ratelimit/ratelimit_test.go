package ratelimit_test

import (
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"scenecast/ratelimit"
)

// TestTake: a bucket gives out what a second has saved, and then a token each interval.
func TestTake(t *testing.T) {
	b := ratelimit.New(4, time.Hour)
	now := time.Hour
	for i := range 4 {
		if wait := b.Take(now); wait != 0 {
			t.Fatalf("token %d takes %v", i, wait)
		}
	}
	for range 2 { // what is refused is not taken
		if wait := b.Take(now); wait != 250*time.Millisecond {
			t.Fatalf("the next token takes %v", wait)
		}
	}
	now += 250 * time.Millisecond
	if wait := b.Take(now); wait != 0 {
		t.Fatalf("a quarter of a second later it takes %v", wait)
	}
	b.Return()
	if wait := b.Take(now); wait != 0 {
		t.Fatalf("one that was given back takes %v", wait)
	}
	now += time.Hour
	for i := range 4 {
		if wait := b.Take(now); wait != 0 {
			t.Fatalf("after an hour token %d takes %v", i, wait)
		}
	}
	if wait := b.Take(now); wait == 0 {
		t.Fatal("an hour has saved more than a second's tokens")
	}
}

// TestReserve: tokens that are taken ahead of their time stand in a queue.
func TestReserve(t *testing.T) {
	b := ratelimit.New(1, 0)
	for i := range 5 {
		if wait := b.Reserve(0); wait != time.Duration(i)*time.Second {
			t.Fatalf("token %d takes %v", i, wait)
		}
	}
}

// TestRate: over any span no more tokens are taken than the rate and one second's savings allow, and no fewer than there are.
func TestRate(t *testing.T) {
	for _, rate := range []int{10, 70, 1000} {
		b := ratelimit.New(rate, 0)
		random := rand.New(rand.NewPCG(1, uint64(rate)))
		now, taken := time.Duration(0), 0
		for now < time.Minute {
			if wait := b.Take(now); wait == 0 {
				taken++
			} else {
				now += wait
			}
			now += time.Duration(random.Int64N(int64(time.Second) / int64(4*rate)))
			if most := rate + int(now*time.Duration(rate)/time.Second); taken > most+1 {
				t.Fatalf("%d per second: %d tokens within %v", rate, taken, now)
			}
		}
		if least := 60 * rate; taken < least-1 {
			t.Errorf("%d per second: only %d tokens in a minute, want %d", rate, taken, least)
		}
	}
}

// TestAnyNumber: the zero value and a rate of 0 limit nothing.
func TestAnyNumber(t *testing.T) {
	b := ratelimit.New(0, time.Hour)
	for i := range 10_000 {
		if wait := b.Take(0) + b.Reserve(0); wait != 0 {
			t.Fatalf("token %d takes %v", i, wait)
		}
	}
}

// TestSpend: tokens that were spent ahead are missing until they have come in, and quiet times do not save more than a second's.
func TestSpend(t *testing.T) {
	b := ratelimit.New(10, time.Hour)
	b.Spend(time.Hour, 35)
	if wait := b.Take(time.Hour); wait != 2600*time.Millisecond {
		t.Fatalf("10 saved, 35 spent: the next takes %v", wait)
	}
	if wait := b.Take(time.Hour + 2600*time.Millisecond); wait != 0 {
		t.Fatalf("then it takes %v", wait)
	}
	var any ratelimit.Bucket
	any.Spend(0, 1<<30)
	if wait := any.Take(0); wait != 0 {
		t.Errorf("without a limit the next takes %v", wait)
	}
}

// TestSetRate: another rate holds from then on; what was taken before stays taken.
func TestSetRate(t *testing.T) {
	var b ratelimit.Bucket
	b.SetRate(2, time.Hour)
	for range 2 {
		if wait := b.Take(time.Hour); wait != 0 {
			t.Fatalf("a new limit begins with %v to wait", wait)
		}
	}
	b.SetRate(10, time.Hour)
	if wait := b.Take(time.Hour); wait != 100*time.Millisecond {
		t.Errorf("at the new rate the next takes %v", wait)
	}
	b.SetRate(0, time.Hour)
	if wait := b.Take(time.Hour); wait != 0 {
		t.Errorf("without a limit the next takes %v", wait)
	}
}

// TestLog: a flood of lines leaves some, and the next says how many are missing.
func TestLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		l := ratelimit.NewLog(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}})), 2)
		for i := range 10 {
			l.Info("refused", "n", i)
		}
		time.Sleep(time.Second)
		l.Info("refused", "n", 10)
		l.Info("refused", "n", 11)
		const want = "level=INFO msg=refused n=0\nlevel=INFO msg=refused n=1\nlevel=INFO msg=refused n=10 omitted=8\nlevel=INFO msg=refused n=11\n"
		if out.String() != want {
			t.Errorf("got\n%s\nwant\n%s", &out, want)
		}
	})
}
