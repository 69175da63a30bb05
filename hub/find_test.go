package hub_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"scenecast"
	"scenecast/hub"
	"scenecast/label"
)

// addressed is a queue that knows where its sockets come from: each from one of a few networks, as its slot says, and some from nowhere.
type addressed struct{ *queue }

func addressOf(slot scenecast.Slot) netip.Addr {
	switch n := byte(slot.Index + slot.Generation); slot.Index % 5 {
	case 0:
		return netip.Addr{}
	case 1:
		return netip.AddrFrom16([16]byte{0x20, 1, 15: n % 7})
	default:
		return netip.AddrFrom4([4]byte{10, byte(slot.Index % 5), 0, n % 7})
	}
}

func (a addressed) Inspect(s scenecast.Slot) scenecast.SocketState {
	return scenecast.SocketState{Peer: addressOf(s)}
}

// TestFindByAddress compares the pages that come from a network, page by page of the list, with all that there are.
func TestFindByAddress(t *testing.T) {
	for seed := range uint64(10) {
		r := rand.New(rand.NewPCG(seed, 1))
		h := hub.New(hub.Options{Number: counted, Node: 7, Limits: label.DefaultLimits, Log: emptyLog{}})
		var queues []*queue
		for range 1 + r.IntN(3) {
			q := &queue{sockets: make(map[scenecast.Slot]*socket)}
			q.shard = h.AddShard(addressed{q})
			queues = append(queues, q)
		}
		addresses := make(map[string][]netip.Addr) // by page
		for range r.IntN(900) {
			page := []string{"home", "list"}[r.IntN(2)]
			k := queues[r.IntN(len(queues))].open(admit(lines{}, page))
			addresses[page] = append(addresses[page], addressOf(k.slot))
		}
		for _, network := range []string{"10.2.0.0/16", "10.3.0.4/32", "0.0.0.0/0", "2001::/16", "::/0", "10.2.0.0/32", "192.0.2.0/24"} {
			from, page, limit := netip.MustParsePrefix(network), []string{"home", "list"}[r.IntN(2)], 1+r.IntN(200)
			want := len(slices.DeleteFunc(slices.Clone(addresses[page]), func(a netip.Addr) bool { return !from.Contains(a) }))
			var found []scenecast.ConnID
			for after := (scenecast.ConnID{}); ; after = found[len(found)-1] {
				told := make(chan scenecast.Reply, 1)
				list := &scenecast.List{After: after, Limit: limit, From: from}
				h.Answer(scenecast.Query{App: "a", To: to(fmt.Sprintf("page == %q", page)), List: list}, func(r scenecast.Reply) { told <- r })
				for more := true; more; {
					more = false
					for _, q := range queues {
						more = q.run(1) || more
					}
				}
				reply := <-told
				if !reply.Filtered || reply.Tally.Matched != want || reply.Tally.Nodes != 1 {
					t.Fatalf("seed %d, from %s: %+v, want %d of %d", seed, network, reply.Tally, want, len(addresses[page]))
				}
				listed := reply.Connections[:min(limit, len(reply.Connections))]
				for _, c := range listed {
					if c.Labels.Value("page") != page {
						t.Fatalf("seed %d, from %s: %v is listed at %s", seed, network, c, page)
					}
					found = append(found, c.ID)
				}
				if len(listed) < limit {
					break
				}
			}
			if len(found) != want || !slices.IsSortedFunc(found, scenecast.ConnID.Compare) || len(slices.Compact(slices.Clone(found))) != want {
				t.Errorf("seed %d, from %s: found are %v, want %d", seed, network, found, want)
			}
		}
	}
}

// TestFindByAddressInSlices: pages that leave while the addresses are looked at are not told of, nor are those that have got their slots; a push
// waits for its turn.
func TestFindByAddressInSlices(t *testing.T) {
	const pages = 1000
	h := hub.New(hub.Options{Number: counted, Node: 7, Limits: label.DefaultLimits, Log: emptyLog{}})
	q := &queue{sockets: make(map[scenecast.Slot]*socket)}
	q.shard = h.AddShard(addressed{q})
	var sockets []*socket
	for range pages {
		sockets = append(sockets, q.open(admit(lines{}, "home")))
	}
	var reply *scenecast.Reply
	var tally *scenecast.Tally
	list := &scenecast.List{Limit: pages, From: netip.MustParsePrefix("10.0.0.0/8")}
	h.Answer(scenecast.Query{App: "a", To: to("*"), List: list}, func(r scenecast.Reply) { reply = &r })
	h.Deliver(&scenecast.Push{App: "a", To: to("*")}, func(t scenecast.Tally, _ bool) { tally = &t })
	steps := 0
	for ; reply == nil; steps++ {
		if !q.run(1) {
			t.Fatal("nothing is left to do")
		}
		if steps == 3 {
			if tally != nil {
				t.Fatalf("the push has passed the query: %+v", tally)
			}
			for _, i := range []int{2, pages - 3} { // its address was looked at; its was not
				q.leave(sockets[i])
				q.open(admit(lines{}, "list"))
			}
		}
	}
	q.run(10)
	// Of five pages, three come from there.
	if n := len(reply.Connections); n != pages*3/5-2 || reply.Tally.Matched != pages*3/5-1 || steps < pages/64 {
		t.Errorf("%d are listed in %d steps, %+v", n, steps, reply.Tally)
	}
	if i := slices.IndexFunc(reply.Connections, func(c scenecast.Connection) bool { return c.Labels.Value("page") != "home" }); i >= 0 {
		t.Errorf("%v has come behind the query", reply.Connections[i])
	}
	if tally == nil || tally.Matched != pages {
		t.Errorf("the push behind it: %+v", tally)
	}
}

// TestKeys compares the keys that pages have with all their labels.
func TestKeys(t *testing.T) {
	for seed := range uint64(10) {
		r := rand.New(rand.NewPCG(seed, 1))
		h, queues := newQueued(1 + r.IntN(3))
		var pages []label.Set
		for range r.IntN(900) {
			var labels []string
			for _, key := range []string{"page", "order", "tag"} {
				for range r.IntN(4) {
					labels = append(labels, fmt.Sprintf("%s=%d", key, r.IntN(5)))
				}
			}
			if r.IntN(3) == 0 {
				labels = append(labels, fmt.Sprintf("key%d=1", r.IntN(100)))
			}
			a := scenecast.Admission{App: "a", Labels: set(labels...), Protocol: lines{}}
			pages = append(pages, a.Labels)
			queues[r.IntN(len(queues))].open(a)
		}
		queues[0].open(scenecast.Admission{App: "b", Labels: set("secret=0"), Protocol: lines{}})
		for _, text := range []string{"*", `page == "1"`, `tag != "0"`, `page == "nowhere"`} {
			want, matched := make(map[string]int), 0
			for _, labels := range pages {
				if to(text).Match(labels) {
					matched++
					for _, key := range labels.Keys() {
						want[key]++
					}
				}
			}
			told := make(chan scenecast.Reply, 1)
			h.Answer(scenecast.Query{App: "a", To: to(text), Keys: &scenecast.Keys{}}, func(r scenecast.Reply) { told <- r })
			for more := true; more; {
				more = false
				for _, q := range queues {
					more = q.run(1) || more
				}
			}
			reply := <-told
			delete(reply.Keys, scenecast.LabelID)       // which every page has
			delete(reply.Keys, scenecast.LabelProtocol) // likewise
			if !maps.Equal(reply.Keys, want) || reply.Keys == nil || reply.Tally.Matched != matched {
				t.Errorf("seed %d, %s: %v of %d, want %v of %d", seed, text, reply.Keys, reply.Tally.Matched, want, matched)
			}
		}
	}
}

// TestKeysOfNobody: where an app has no pages, there are no keys, which is something else than not to know.
func TestKeysOfNobody(t *testing.T) {
	h, queues := newQueued(2)
	var reply scenecast.Reply
	h.Answer(scenecast.Query{App: "nobody", To: to("*"), Keys: &scenecast.Keys{}}, func(r scenecast.Reply) { reply = r })
	for _, q := range queues {
		q.run(10)
	}
	if reply.Keys == nil || len(reply.Keys) != 0 || reply.Tally.Nodes != 1 {
		t.Errorf("%+v", reply)
	}
}
