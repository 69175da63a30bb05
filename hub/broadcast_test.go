package hub_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"scenecast"
	"scenecast/hub"
	"scenecast/label"
)

// twoNodes are hubs that tell each other what they have to, and get the same pushes.
func twoNodes(t *testing.T, run func(t *testing.T, a, b *fixture)) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newFixture(1), newFixture(1)
		defer a.end()
		defer b.end()
		a.others, b.others = []*fixture{b}, []*fixture{a}
		run(t, a, b)
	})
}

// TestPageMovesToAnotherNode: it keeps what the backend has given it, and gets no push with a ttl twice, whatever its token says.
func TestPageMovesToAnotherNode(t *testing.T) {
	for name, token := range map[string][]string{"no labels": nil, "a user": {"@user=42"}, "labels and no user": {"team=a"}} {
		t.Run(name, func(t *testing.T) { movesToAnotherNode(t, token) })
	}
}

func movesToAnotherNode(t *testing.T, token []string) {
	twoNodes(t, func(t *testing.T, a, b *fixture) {
		k := a.queues[0].open(ofToken(lines{}, token...))
		for _, s := range []*fixture{a, b} {
			s.publish(scenecast.Push{To: to(`page == "home"`), TTL: time.Hour}, ignore)
		}
		a.Answer(scenecast.Query{App: "a", To: to("*"), Relabel: &scenecast.Relabel{Change: label.Change{"plan": {"pro"}}}}, func(scenecast.Reply) {})
		a.runAll()
		b.runAll()
		a.queues[0].leave(k)
		a.runAll()
		b.runAll()

		again := b.queues[0].open(ofToken(lines{}, token...))
		stranger := b.queues[0].open(known(lines{}, "q"))
		b.runAll()
		if !slices.Equal(k.got, []string{"push 1"}) || len(again.got) != 0 || !slices.Equal(stranger.got, []string{"late 1"}) {
			t.Errorf("on its first node it got %q, on the second %q; another page got %q", k.got, again.got, stranger.got)
		}
		matched := 0
		b.Answer(scenecast.Query{App: "a", To: to(`plan == "pro"`)}, func(r scenecast.Reply) { matched = r.Tally.Matched })
		b.runAll()
		if matched != 1 {
			t.Errorf("%d pages have the label that the backend has given one", matched)
		}
	})
}

// TestPageThatStaysOnItsNode: what another node remembers of it does not grow with every push that it has ever got.
func TestPageThatStaysOnItsNode(t *testing.T) {
	twoNodes(t, func(t *testing.T, a, b *fixture) {
		leave := func(times int) int {
			for range times {
				k := a.queues[0].open(known(lines{}, "p"))
				for _, s := range []*fixture{a, b} {
					s.publish(scenecast.Push{To: to("*"), TTL: 10 * time.Second}, ignore)
					s.runAll()
				}
				a.queues[0].leave(k)
				a.runAll()
				b.runAll()
				time.Sleep(time.Second)
			}
			return hub.SessionBytes(b.Hub)
		}
		if before, after := leave(100), leave(1000); before == 0 || after > 2*before {
			t.Errorf("%d bytes are remembered, and %d after 1,000 pushes more", before, after)
		}
	})
}

// TestAcknowledgementOnAnotherNode: a page that moves before it acknowledges counts for the push all the same.
func TestAcknowledgementOnAnotherNode(t *testing.T) {
	twoNodes(t, func(t *testing.T, a, b *fixture) {
		k := a.queues[0].open(known(acking{}, "p"))
		var total scenecast.Tally
		done := false
		a.publish(scenecast.Push{To: to("*"), Receipt: scenecast.ReceiptAcked, Timeout: time.Minute}, func(t scenecast.Tally, d bool) {
			total.Add(t)
			done = done || d
		})
		b.publish(scenecast.Push{To: to("*"), Receipt: scenecast.ReceiptAcked, Timeout: time.Minute}, ignore)
		a.runAll()
		b.runAll()
		a.queues[0].leave(k)
		a.runAll()
		again := b.queues[0].open(back(known(acking{}, "p"), "p", b.position(1)))
		b.runAll()
		b.queues[0].say(again, "ack 1")
		a.runAll()
		if !done || total.Acked != 1 || total.TimedOut != 0 {
			t.Errorf("the receipt says %+v, done %v", total, done)
		}
	})
}

// TestMessageThatIsNone: another version's message, or none at all, is nothing.
func TestMessageThatIsNone(t *testing.T) {
	twoNodes(t, func(_ *testing.T, a, _ *fixture) {
		for _, text := range []string{"", "{", "[]", `{"presence":{}}`, `{"session":{}}`, `{"acked":{"position":"x"}}`} {
			a.Received([]byte(text))
		}
	})
}
