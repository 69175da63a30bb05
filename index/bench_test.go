package index

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"scenecast/label"
)

// The indexes of the benchmarks: members with five labels each, as a shop's pages would have, of which 1,000 have
// team=red besides, wherever they are.
var (
	million     = sync.OnceValues(func() (*Index, float64) { return shop(1_000_000) })
	tenThousand = sync.OnceValues(func() (*Index, float64) { return shop(10_000) })
)

// shopLabels are those of one page of the shop.
func shopLabels(random *rand.Rand, user int) label.Set {
	plan := "free" // 40 %
	if n := random.IntN(100); n >= 75 {
		plan = "team"
	} else if n >= 40 {
		plan = "pro"
	}
	return label.New(
		label.Label{Key: "page", Value: fmt.Sprint("page", random.IntN(10))},
		label.Label{Key: "plan", Value: plan},
		label.Label{Key: "locale", Value: fmt.Sprint("l", random.IntN(20))},
		label.Label{Key: "user", Value: strconv.Itoa(10_000_000 + user)},
		label.Label{Key: "order", Value: strconv.Itoa(500_000 + random.IntN(100_000))},
	)
}

// shop makes an index, and says how many bytes of it there are to a label of a member.
func shop(members int) (*Index, float64) {
	random := rand.New(rand.NewPCG(1, 2))
	before := heap()
	x := New()
	for i := range members {
		x.Join(uint32(i), shopLabels(random, i))
	}
	perLabel := float64(heap()-before) / float64(5*members)
	for _, i := range random.Perm(members)[:1000] {
		x.Relabel(uint32(i), x.Labels(uint32(i)).With("team", "red"))
	}
	return x, perLabel
}

var selections = []struct{ name, to string }{
	{"one", `user == "10004711"`},
	{"equality", `team == "red"`},
	{"three-way", `team == "red" && page == "page3" && plan == "pro"`},
	{"with-has", `team == "red" && has(user)`},
	{"with-prefix", `team == "red" && user.startsWith("10")`},
	{"with-not", `team == "red" && !(plan == "free")`},
	{"orders", `order in ["500001", "500002", "500003", "500004", "500005", "500006", "500007", "500008"]`},
	{"orders-of-pro", `order in ["500001", "500002", "500003", "500004"] && plan == "pro"`},
	{"page-and-order", `page in ["page1", "page2", "page3"] && plan == "pro" && order == "500007"`},
	{"dense-three-way", `plan == "free" && page in ["page1", "page2"] && locale != "l7"`},
	{"not-user", `page == "page1" && !has(user)`},
	{"not", `!(plan == "free")`},
	{"has", `has(user)`},
	{"everybody", `*`},
}

func BenchmarkSelect(b *testing.B) {
	for _, size := range []struct {
		name  string
		index func() (*Index, float64)
	}{{"1000000", million}, {"10000", tenThousand}} {
		b.Run(size.name, func(b *testing.B) {
			x, _ := size.index()
			dst := make([]uint32, 0, x.Len())
			for _, s := range selections {
				b.Run(s.name, func(b *testing.B) {
					to := parse(b, s.to)
					b.ReportAllocs()
					for b.Loop() {
						dst = x.Select(to, dst[:0])
					}
					b.ReportMetric(float64(len(dst)), "members")
				})
			}
		})
	}
}

func BenchmarkCount(b *testing.B) {
	x, _ := million()
	for _, s := range selections {
		b.Run(s.name, func(b *testing.B) {
			to := parse(b, s.to)
			b.ReportAllocs()
			for b.Loop() {
				x.Count(to)
			}
		})
	}
}

// BenchmarkChurn is a thousand members, anywhere among a million, that leave, a thousand others that join at their numbers,
// and then each go on to another page. What each of these takes is reported by itself.
func BenchmarkChurn(b *testing.B) {
	x, _ := million()
	random := rand.New(rand.NewPCG(3, 4))
	const batch = 1000
	var members [batch]int
	var sets, moved [batch]label.Set
	var leave, join, relabel time.Duration
	n, user := 0, 2_000_000
	for b.Loop() {
		first := random.IntN(x.Len())
		for i := range members {
			members[i] = (first + i*997) % x.Len() // far from each other
			sets[i] = shopLabels(random, user)
			moved[i] = sets[i].With("page", fmt.Sprint("page", random.IntN(10)))
			user++
		}
		start := time.Now()
		for _, member := range members {
			x.Leave(uint32(member))
		}
		left := time.Now()
		for i, member := range members {
			x.Join(uint32(member), sets[i])
		}
		joined := time.Now()
		for i, member := range members {
			x.Relabel(uint32(member), moved[i])
		}
		leave, join, relabel = leave+left.Sub(start), join+joined.Sub(left), relabel+time.Since(joined)
		n += batch
	}
	for name, d := range map[string]time.Duration{"leave": leave, "join": join, "relabel": relabel} {
		b.ReportMetric(float64(d.Nanoseconds())/float64(n), "ns/"+name)
	}
	b.ReportMetric(0, "ns/op")
}

// BenchmarkMemory is what a label of a member takes, of five labels at each of a million members.
func BenchmarkMemory(b *testing.B) {
	_, perLabel := million()
	for b.Loop() {
	}
	b.ReportMetric(perLabel, "B/label")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkArrive is what a million members cost that arrive one after the other, the memory that they need included.
func BenchmarkArrive(b *testing.B) {
	const members = 1_000_000
	random := rand.New(rand.NewPCG(5, 6))
	sets := make([]label.Set, members)
	for i := range sets {
		sets[i] = shopLabels(random, i)
	}
	for b.Loop() {
		x := New()
		for i, s := range sets {
			x.Join(uint32(i), s)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/members, "ns/join")
	b.ReportMetric(0, "ns/op")
}
