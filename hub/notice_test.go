package hub_test

import (
	"slices"
	"testing"

	"scenecast"
	"scenecast/hub"
	"scenecast/label"
)

// addresses is an observer that keeps where connections are found, by page.
type addresses map[string]hub.Address

func (a addresses) Joined(c hub.Member)                 { a[c.Labels().Values("page")[0]] = c.Address() }
func (a addresses) Relabelled(hub.Member, label.Set)    {}
func (a addresses) Left(hub.Member, scenecast.Ending)   {}
func (a addresses) all(do func(hub.Watcher)) (done int) { return a.of(do, "home", "list", "order") }
func (a addresses) of(do func(hub.Watcher), pages ...string) (done int) {
	for _, page := range pages {
		a[page].Do(func(c hub.Watcher) {
			done++
			do(c)
		})
	}
	return done
}

// telling is a wire that has notices; plain ones have none.
type telling struct {
	*protocol
	name string
}

func (p telling) Name() string { return p.name }
func (p telling) Traits() scenecast.Traits {
	return scenecast.Traits{EncodePresence: func(n *scenecast.PresenceNotice) []byte { return []byte(p.name + " " + n.Value) }}
}

// TestNotices: those who match are told, each wire's frame is made once, and a wire without notices is told nothing. A page is told by its
// address as long as it is there, and loses what it watches with its labels.
func TestNotices(t *testing.T) {
	at := make(addresses)
	h := hub.New(hub.Options{Node: 7, Limits: label.DefaultLimits, Log: emptyLog{}, Observers: []hub.Observer{at}})
	l := &loop{outboxes: make(map[scenecast.Slot][]string), closed: make(map[scenecast.Slot]scenecast.CloseCode), full: make(map[scenecast.Slot]bool)}
	l.shard = h.AddShard(l)
	wire := telling{newProtocol("a"), "a"}
	watching := func(p scenecast.Protocol, name string) scenecast.Slot {
		a := page(nil, "a", name)
		a.Protocol = p
		a.Watch = []string{"page"}
		return l.open(a)
	}
	home, list, order := watching(wire, "home"), watching(wire, "list"), watching(newProtocol("plain"), "order")
	encoded := 0
	notice := func(value string) *hub.Notice {
		return hub.NewNotice("", func(traits scenecast.Traits) []byte {
			encoded++
			if traits.EncodePresence == nil {
				return nil
			}
			return traits.EncodePresence(&scenecast.PresenceNotice{Value: value})
		})
	}
	h.Notify("a", mustParse(t, `@watching == "page"`), notice("nobody watches"))
	if encoded != 0 {
		t.Error("a notice for nobody was encoded")
	}
	if at.all(func(c hub.Watcher) { c.SetWatching("page", true) }) != 3 {
		t.Error("an address does not lead to its page")
	}
	h.Notify("a", mustParse(t, `@watching == "page"`), notice("1"))
	h.Notify("b", mustParse(t, `*`), notice("of another app"))
	if encoded != 2 {
		t.Errorf("encoded %d times, want once for each wire", encoded)
	}
	// What it watches ends with its labels, before anything else can be told.
	h.Answer(scenecast.Query{App: "a", To: mustParse(t, `page == "home"`), Relabel: &scenecast.Relabel{Change: label.Change{"page": {"away"}}}}, func(scenecast.Reply) {})
	h.Answer(scenecast.Query{App: "a", To: mustParse(t, `page == "list"`), Relabel: &scenecast.Relabel{Change: label.Change{"plan": {"pro"}}}}, func(scenecast.Reply) {})
	h.Notify("a", mustParse(t, `@watching == "page"`), notice("2"))
	at.of(func(c hub.Watcher) { c.Notify(notice("3")) }, "home")
	l.run(func() { l.shard.Closed(list, scenecast.Ending{}) })
	if at.all(func(c hub.Watcher) {}) != 2 {
		t.Error("an address leads to a page that has gone")
	}
	for slot, want := range map[scenecast.Slot][]string{
		home: {"welcome", "a 1", "a 3"}, list: {"welcome", "a 1", "a 2"}, order: {"welcome"},
	} {
		if got := l.outboxes[slot]; !slices.Equal(got, want) {
			t.Errorf("slot %d got %q, want %q", slot.Index, got, want)
		}
	}
}

// TestWalk goes through all connections.
func TestWalk(t *testing.T) {
	h, loops := newHub(2)
	for i := range 300 {
		loops[i%2].open(page(newProtocol("plain"), "a", "home"))
	}
	seen := make(map[scenecast.ConnID]bool)
	h.Walk(func(c hub.Member) { seen[c.ID()] = true })
	if len(seen) != 300 {
		t.Errorf("%d connections were seen, want 300", len(seen))
	}
}
