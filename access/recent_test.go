package access_test

import (
	"context"
	"fmt"
	"sort"
	"testing"
	"testing/synctest"
	"time"

	"scenecast"
	"scenecast/access"
	"scenecast/auth"
)

// sparse is a log whose positions are not dense, and which has lost those up to missing.
type sparse struct {
	scenecast.Log
	pushes  []*scenecast.Push
	missing uint64
	reads   int
}

func (s *sparse) Newest() scenecast.Position { return s.pushes[len(s.pushes)-1].Position }

func (s *sparse) After(_ context.Context, after scenecast.Position, limit int) ([]*scenecast.Push, error) {
	s.reads++
	if after.Seq < s.missing {
		return nil, &scenecast.GapError{Reason: scenecast.GapRetention}
	}
	i := sort.Search(len(s.pushes), func(i int) bool { return s.pushes[i].Position.Seq > after.Seq })
	return s.pushes[i:min(len(s.pushes), i+min(limit, 256))], nil
}

// TestRecent: the pushes of the last minute, or of so much of it as has a thousand, are found by their times, with few reads.
func TestRecent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			perSecond, seconds, lost int
			window                   time.Duration
			own                      int // of the app, which makes every other push
		}{
			{1, 10, 0, time.Minute, 5},
			{1, 200, 0, time.Minute, 30},
			{1, 200, 190, time.Minute, 5},
			{16, 100, 0, time.Minute, 480},
			{100, 100, 0, 9990*time.Millisecond + 100*time.Microsecond, 500},
			{1000, 30, 0, 999*time.Millisecond + 100*time.Microsecond, 500},
		} {
			log := new(sparse)
			now := time.Now()
			n := c.perSecond * c.seconds
			for i := range n {
				at := now.Add(-time.Duration(n-1-i)*time.Second/time.Duration(c.perSecond) - time.Millisecond/10)
				log.pushes = append(log.pushes, &scenecast.Push{
					App: []string{"shop", "blog"}[i%2], At: at, Position: scenecast.Position{Epoch: epoch, Seq: uint64(i/7)<<10 | uint64(i%7) + 5000},
				})
			}
			if c.lost > 0 {
				log.missing = log.pushes[c.lost-1].Position.Seq
			}
			pushes, window, err := (access.Engine{Log: log}).Recent(t.Context(), access.Caller{App: "shop"}, time.Minute)
			if name := fmt.Sprintf("%d/s for %ds", c.perSecond, c.seconds); err != nil || window != c.window || len(pushes) < c.own-1 || len(pushes) > c.own || log.reads > 400 {
				t.Errorf("%s: %d pushes within %v by %d reads (%v), want %d within %v", name, len(pushes), window, log.reads, err, c.own, c.window)
			}
			confined := access.KeyCaller(auth.Key{App: "shop", Within: parse(t, `tenant == "7"`)})
			if pushes, window, err := (access.Engine{Log: log}).Recent(t.Context(), confined, time.Minute); err != nil || pushes != nil || window != 0 {
				t.Errorf("a confined caller: %d pushes within %v (%v)", len(pushes), window, err)
			}
		}
	})
}
