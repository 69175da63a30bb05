package hub_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"scenecast"
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

// TestPageMovesToAnotherNode: it keeps what the backend has given it, and gets no push with a ttl twice.
func TestPageMovesToAnotherNode(t *testing.T) {
	twoNodes(t, func(t *testing.T, a, b *fixture) {
		k := a.queues[0].open(known(lines{}, "p"))
		for _, s := range []*fixture{a, b} {
			s.publish(scenecast.Push{To: to(`page == "home"`), TTL: time.Hour}, ignore)
		}
		a.Answer(scenecast.Query{App: "a", To: to("*"), Relabel: &scenecast.Relabel{Change: label.Change{"plan": {"pro"}}}}, func(scenecast.Reply) {})
		a.runAll()
		b.runAll()
		a.queues[0].leave(k)
		a.runAll()

		again := b.queues[0].open(known(lines{}, "p"))
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
