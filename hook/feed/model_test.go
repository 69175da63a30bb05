package feed_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"scenecast"
	"scenecast/hook/feed"
)

// told is what a client has been told at all nodes that it was at: of each part "part" or "missed", and the IDs of events. Where a part begins with
// "missed", what is lost may be before any event of it.
type told struct {
	*reader
	all   []string
	spare int // the times that it may be told although nothing was lost: a node could not answer
}

func (c *told) read(t *testing.T) {
	missed, got := c.missed, len(c.got)
	c.reader.read(t)
	c.take(missed, got)
}

func (c *told) take(missed, got int) {
	begin := "part"
	if c.missed > missed {
		begin = "missed"
	}
	c.all = append(c.all, begin)
	c.all = append(c.all, c.got[got:]...)
}

// check compares with what has happened: by node, the IDs in order.
func (c *told) check(happened map[string][]string) error {
	lost, missed := 0, 0
	for node, ids := range happened {
		next := 0
		part, since := false, false // this part, or one since the last event of the node, says that some are lost
		for _, is := range c.all {
			switch {
			case is == "part":
				part = false
				continue
			case is == "missed":
				part, since = true, true
				continue
			case !strings.HasPrefix(is, node):
				continue
			}
			var n int
			if _, err := fmt.Sscanf(is, node+".%d", &n); err != nil {
				return err
			}
			switch {
			case n < next:
				return fmt.Errorf("%s comes twice, or behind a newer one", is)
			case n > next && !since:
				return fmt.Errorf("%s comes, %s.%d before it is lost, and it is not told", is, node, next)
			}
			lost += n - next
			next, since = n+1, part
		}
		if next < len(ids) && !since {
			return fmt.Errorf("%s.%d is lost, and it is not told", node, next)
		}
		lost += len(ids) - next
	}
	for _, is := range c.all {
		if is == "missed" {
			missed++
		}
	}
	if missed > lost+c.spare {
		return fmt.Errorf("%d times told, and %d events are lost", missed, lost)
	}
	return nil
}

// TestEveryLossIsTold: while messages between nodes are lost, for shorter and for longer than nodes send without hearing that they are listened to,
// clients come, go and go on at other nodes. Each is told of every event, or that it has missed some, at the place where that is; and not more often.
func TestEveryLossIsTold(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 2))
			b := newBus()
			var feeds []*feed.Feed
			for id := range 3 {
				feeds = append(feeds, b.start(scenecast.NodeID(id+1), feed.Options{}))
			}
			time.Sleep(20 * time.Second)
			happened := make(map[string][]string)
			happen := func() {
				n := random.IntN(3)
				node := fmt.Sprint("n", n)
				id := fmt.Sprintf("%s.%d", node, len(happened[node]))
				happened[node] = append(happened[node], id)
				emit(feeds[n], id, "home")
			}
			var clients []*told
			for n := range 3 {
				c := &told{reader: open(t, feeds[n], "")}
				c.take(0, 0)
				clients = append(clients, c)
			}
			quiet, err := feeds[0].Open(feed.StreamOptions{App: "blog"})
			if err != nil {
				t.Fatal(err)
			}
			blog := &reader{Stream: quiet}
			blog.read(t)
			for range 80 {
				switch random.IntN(7) {
				case 0:
					from, to := scenecast.NodeID(1+random.IntN(3)), scenecast.NodeID(1+random.IntN(3))
					b.with(func() { b.cut[[2]scenecast.NodeID{from, to}] = true })
				case 1, 2:
					b.with(func() { clear(b.cut) })
				case 3:
					time.Sleep(time.Duration(random.IntN(9000)) * time.Millisecond)
				case 4:
					c := clients[random.IntN(len(clients))]
					c.Close()
					if random.IntN(2) == 0 {
						time.Sleep(time.Duration(random.IntN(9000)) * time.Millisecond)
					}
					next := open(t, feeds[random.IntN(3)], c.cursor)
					c.reader = next
					c.take(0, 0)
					c.spare += 2 // nodes that cannot answer
				default:
					for range random.IntN(4) {
						happen()
						time.Sleep(time.Duration(random.IntN(40)) * time.Millisecond)
					}
					for range random.IntN(3) {
						clients[random.IntN(len(clients))].read(t)
					}
				}
			}
			b.with(func() { clear(b.cut) })
			for range 5 {
				for _, c := range append(clients, &told{reader: blog}) {
					c.read(t)
				}
				time.Sleep(time.Second)
			}
			for n, c := range clients {
				if err := c.check(happened); err != nil {
					t.Errorf("seed %d, client %d: %v\ntold %v", seed, n, err, c.all)
				}
				c.Close()
			}
			if blog.missed > 0 {
				t.Errorf("seed %d: a stream of an app of which nothing is lost is told %d times", seed, blog.missed)
			}
			blog.Close()
			b.stop()
		})
	}
}
