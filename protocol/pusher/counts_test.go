package pusher

import (
	"fmt"
	"testing"
	"time"

	"scenecast"
	"scenecast/label"
	"scenecast/presence"
	"scenecast/protocol/pusher/app"
	"scenecast/protocol/pusher/channel"
)

// TestCountsOfMany: below 100 subscribers each count is told at once; from 100 on the newest, 5 s after the one before at the earliest.
func TestCountsOfMany(t *testing.T) {
	keys := Keys(&app.App{SubscriptionCounts: true}, nil)
	s := presence.NewState(7, true, func(string) []presence.Key { return keys })
	now := time.UnixMilli(1_800_000_000_000)
	subscribe := func(index int) {
		s.Update(now, presence.Conn{
			ID: scenecast.ConnID{Node: 7, Seq: uint64(index + 1)}, Index: index, App: "shop", Keys: keys,
			Labels: label.Set{}.With(channel.Label, "news"),
		})
	}
	// take is what is told now, and in how long it is to be asked again.
	take := func() string {
		var told []int
		again := s.TakeNotices(now, func(n presence.Notice) {
			if n.Kind == scenecast.PresenceCount {
				told = append(told, n.Anonymous)
			}
		})
		if again.IsZero() {
			return fmt.Sprint(told)
		}
		return fmt.Sprint(told, " again in ", again.Sub(now))
	}
	expect := func(want string) {
		t.Helper()
		if got := take(); got != want {
			t.Errorf("told %s, want %s", got, want)
		}
	}

	for i := range 99 {
		subscribe(i)
		expect(fmt.Sprintf("[%d]", i+1))
	}
	subscribe(99)
	expect("[] again in 5s")
	now = now.Add(2 * time.Second)
	subscribe(100)
	expect("[] again in 3s")
	s.Gone(now, 0)
	s.Gone(now, 1)
	expect("[99]") // below 100 once more: at once, 2 s after the one before
	subscribe(0)
	subscribe(1)
	expect("[] again in 5s")
	now = now.Add(5*time.Second - time.Millisecond)
	expect("[] again in 1ms")
	now = now.Add(time.Millisecond)
	expect("[101]")
	expect("[]")
	now = now.Add(time.Second)
	for i := 101; i < 1000; i++ {
		subscribe(i)
		expect("[] again in 4s")
	}
	now = now.Add(4 * time.Second)
	expect("[1000]")
	now = now.Add(time.Minute)
	subscribe(1000)
	expect("[1001]") // the one before is long ago
}
