package admission_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"scenecast"
	"scenecast/admission"
	"scenecast/problem"
)

var addr = netip.MustParseAddr

// TestQuota: pages that come (+) and go (-), each by its app and address, and who is refused for which setting.
func TestQuota(t *testing.T) {
	for _, c := range []struct {
		limits admission.Limits
		steps  string
	}{
		{admission.Limits{}, "+a 1.1.1.1, +a 1.1.1.1, +b ::1, +c invalid"},
		{admission.Limits{Connections: 2}, "+a 1.1.1.1, +b 1.1.1.2, +a 1.1.1.1 limits.connections, -a 1.1.1.1, +b 1.1.1.2, +b 1.1.1.2 limits.connections"},
		{admission.Limits{PerApp: map[string]int{"a": 1, "b": 2, "c": 0}},
			"+a 1.1.1.1, +a 1.1.1.2 max_connections, +b 1.1.1.1, +b 1.1.1.1, +b 1.1.1.1 max_connections, +c ::1, +c ::1, -a 1.1.1.1, +a 1.1.1.2"},
		{admission.Limits{PerAddress: 2},
			"+a 1.1.1.1, +b 1.1.1.1, +c 1.1.1.1 limits.per_address, +c 1.1.1.2, -a 1.1.1.1, +c 1.1.1.1, +b ::ffff:1.1.1.1 limits.per_address"},
		{admission.Limits{PerAddress: 1},
			"+a 2001:db8::1, +a 2001:db8::2 limits.per_address, +a 2001:db8:0:1::2, +a invalid, +b invalid limits.per_address"},
		{admission.Limits{Connections: 3, PerApp: map[string]int{"a": 2}, PerAddress: 1},
			"+a 1.1.1.1, +a 1.1.1.1 limits.per_address, +a 1.1.1.2, +a 1.1.1.3 max_connections, +b 1.1.1.3, +b 1.1.1.4 limits.connections"},
	} {
		quota := admission.NewQuota(c.limits)
		leases := make(map[string][]scenecast.Lease)
		pages := make(map[string]int)
		for step := range strings.SplitSeq(c.steps, ", ") {
			app, rest := step[1:2], strings.Fields(step)
			if step[0] == '-' {
				page := strings.Join(rest, " ")[1:]
				quota.Release(leases[page][0])
				leases[page] = leases[page][1:]
				pages[app]--
				continue
			}
			from, _ := netip.ParseAddr(rest[1])
			lease, err := quota.Acquire(app, from)
			refused := ""
			if err != nil {
				if p := problem.Of(err); p.Kind == problem.TooMany {
					refused = p.Setting
				}
			} else {
				page := app + " " + rest[1]
				leases[page] = append(leases[page], lease)
				pages[app]++
			}
			if want := strings.Join(rest[2:], " "); refused != want || (lease == 0) != (err != nil) {
				t.Errorf("%s: at %q the lease %d, refused by %q (%v)", c.steps, step, lease, refused, err)
			}
		}
		for app, want := range pages {
			if got := quota.ByApp()[app]; got != want {
				t.Errorf("%s: %s has %d pages, want %d", c.steps, app, got, want)
			}
		}
	}
}

// TestQuotaForgets: with everybody gone, as many as before may come, and numbers are used again.
func TestQuotaForgets(t *testing.T) {
	quota := admission.NewQuota(admission.Limits{Connections: 100, PerAddress: 1})
	quota.Release(0) // of a page that was not counted
	highest := scenecast.Lease(0)
	for round := range 100 {
		var leases []scenecast.Lease
		for i := range 100 {
			lease, err := quota.Acquire("a", netip.AddrFrom4([4]byte{10, 0, byte(round), byte(i)}))
			if err != nil {
				t.Fatal(err)
			}
			highest = max(highest, lease)
			leases = append(leases, lease)
		}
		for _, lease := range leases {
			quota.Release(lease)
		}
	}
	if highest > 100 || quota.ByApp()["a"] != 0 {
		t.Errorf("the highest lease of 100 pages at a time is %d, and %d are left", highest, quota.ByApp()["a"])
	}
}

// TestQuotaUnderLoad: of many at once exactly as many get in as may.
func TestQuotaUnderLoad(t *testing.T) {
	quota := admission.NewQuota(admission.Limits{Connections: 100, PerApp: map[string]int{"a": 30}, PerAddress: 10})
	var in, most, inApp, mostInApp atomic.Int64
	note := func(n, most *atomic.Int64) {
		now := n.Add(1)
		for before := most.Load(); now > before && !most.CompareAndSwap(before, now); before = most.Load() {
		}
	}
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(uint64(worker), 1))
			var mine []func()
			for range 5000 {
				if len(mine) > 0 && random.IntN(2) == 0 {
					mine[0]()
					mine = mine[1:]
					continue
				}
				app := string(rune('a' + random.IntN(2)))
				lease, err := quota.Acquire(app, netip.AddrFrom4([4]byte{10, 0, 0, byte(random.IntN(20))}))
				if err != nil {
					continue
				}
				note(&in, &most)
				if app == "a" {
					note(&inApp, &mostInApp)
				}
				mine = append(mine, func() {
					in.Add(-1)
					if app == "a" {
						inApp.Add(-1)
					}
					quota.Release(lease)
				})
			}
			for _, leave := range mine {
				leave()
			}
		})
	}
	wg.Wait()
	if most.Load() > 100 || mostInApp.Load() > 30 {
		t.Errorf("%d pages at a time, %d of the app a", most.Load(), mostInApp.Load())
	}
	if left := fmt.Sprint(quota.ByApp()); left != "map[a:0 b:0]" {
		t.Errorf("in the end there are %s", left)
	}
}

// TestQuotaAllocates nothing for a page, beside what an origin's first page costs.
func TestQuotaAllocates(t *testing.T) {
	quota := admission.NewQuota(admission.Limits{Connections: 1000, PerAddress: 1000})
	if _, err := quota.Acquire("a", addr("10.0.0.1")); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() {
		lease, _ := quota.Acquire("a", addr("10.0.0.1"))
		quota.Release(lease)
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkQuota(b *testing.B) {
	for name, limits := range map[string]admission.Limits{"no limits": {}, "per address": {Connections: 1 << 30, PerAddress: 1 << 30}} {
		for _, addresses := range []uint32{1, 100_000} {
			b.Run(fmt.Sprintf("%s, %d addresses", name, addresses), func(b *testing.B) {
				quota := admission.NewQuota(limits)
				b.ReportAllocs()
				for i := uint32(0); b.Loop(); i++ {
					n := i * 7919 % addresses
					lease, _ := quota.Acquire("default", netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}))
					quota.Release(lease)
				}
			})
		}
	}
}

// TestOriginOfLease: a lease tells where its pages come from, while a limit asks for that.
func TestOriginOfLease(t *testing.T) {
	for _, limits := range []admission.Limits{{}, {PerAddress: 5}, {Origins: true}, {PerAddress: 5, Origins: true}} {
		q := admission.NewQuota(limits)
		known := limits.PerAddress > 0 || limits.Origins
		for from, want := range map[string]string{"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.2": "192.0.2.2", "2001:db8::1:2": "2001:db8::"} {
			lease, err := q.Acquire("a", netip.MustParseAddr(from))
			if err != nil {
				t.Fatal(err)
			}
			if got, ok := q.Origin(lease); ok != known || known && got != netip.MustParseAddr(want) {
				t.Errorf("%+v: a page from %s is of %v, %v", limits, from, got, ok)
			}
		}
		if _, ok := q.Origin(0); ok {
			t.Errorf("%+v: no lease tells of an origin", limits)
		}
	}
}
