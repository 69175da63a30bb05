package hub_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"scenecast"
)

// asking is a protocol that asks what its page says: whether it may publish, and for the newest push with a key.
type asking struct{ *protocol }

func (a asking) Received(c scenecast.Conn, m scenecast.Inbound) {
	if string(m.Data) == "publish" {
		c.Send(fmt.Append(nil, c.Publishes(2)))
		return
	}
	last := "none"
	if p := c.Last(string(m.Data)); p != nil {
		last = string(p.Message.Data)
	}
	c.Send([]byte(last))
}

// TestPublishesAndLast: each page has a rate of its own, and gets the newest push with a key that it matches and that still lasts.
func TestPublishesAndLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, loops := newHub(1)
		defer h.Close()
		l := loops[0]
		open := func(name string) scenecast.Slot {
			a := page(newProtocol(name), "shop", name)
			a.Protocol = asking{newProtocol(name)}
			return l.open(a)
		}
		home, list := open("home"), open("list")
		check := func(slot scenecast.Slot, says, want string) {
			t.Helper()
			l.run(func() { l.shard.Received(slot, scenecast.Inbound{Text: true, Data: []byte(says)}) })
			box := l.outboxes[slot]
			if got := box[len(box)-1]; got != want {
				t.Errorf("%s: %s, want %s", says, got, want)
			}
		}
		check(home, "publish", "true")
		check(home, "publish", "true")
		check(home, "publish", "false")
		check(list, "publish", "true")
		time.Sleep(time.Second)
		check(home, "publish", "true")

		check(home, "price", "none")
		for i := range 2 {
			h.Deliver(&scenecast.Push{
				App: "shop", To: mustParse(t, `page == "home"`), TTL: 5 * time.Second, At: time.Now(), Retain: "price",
				Position: scenecast.Position{Epoch: 1, Seq: uint64(i + 1)}, Message: scenecast.Message{Data: fmt.Append(nil, i)},
			}, func(scenecast.Tally, bool) {})
		}
		check(home, "price", "1")
		check(list, "price", "none")
		check(home, "other", "none")
		time.Sleep(5 * time.Second) // before it is swept
		check(home, "price", "none")
	})
}
