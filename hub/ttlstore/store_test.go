package ttlstore

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"scenecast"
	"scenecast/audience"
	"scenecast/hub/slotset"
	"scenecast/label"
)

// naive is a store that looks at everything.
type naive struct{ pushes []*naivePush }

type naivePush struct {
	push  *scenecast.Push
	until time.Time
	got   map[uint32]bool
}

func (n *naive) add(p *scenecast.Push, now time.Time) {
	n.pushes = slices.DeleteFunc(n.pushes, func(o *naivePush) bool {
		return !now.Before(o.until) || p.Retain != "" && o.push.Retain == p.Retain
	})
	n.pushes = append(n.pushes, &naivePush{p, p.At.Add(p.TTL), make(map[uint32]bool)})
}

func (n *naive) find(seq uint64) *naivePush {
	i := slices.IndexFunc(n.pushes, func(o *naivePush) bool { return o.push.Position.Seq == seq })
	if i < 0 {
		return nil
	}
	return n.pushes[i]
}

var audiences = []string{
	`*`, `page == "home"`, `page == "list"`, `page in ["home", "order"]`, `page == "order" && order == "7"`, `page != "home"`,
	`has(user)`, `user.startsWith("4")`, `user == "42" || page == "list"`, `!has(user) && page == "home"`,
}

func parse(t testing.TB, text string) audience.Expr {
	t.Helper()
	e, err := audience.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func someLabels(r *rand.Rand) label.Set {
	var labels []label.Label
	for _, l := range []label.Label{
		{Key: "page", Value: "home"}, {Key: "page", Value: "list"}, {Key: "page", Value: "order"}, {Key: "order", Value: "7"},
		{Key: "user", Value: "42"}, {Key: "user", Value: "5"},
	} {
		if r.IntN(3) == 0 {
			labels = append(labels, l)
		}
	}
	return label.New(labels...)
}

// TestAgainstNaive adds pushes, of which some retain a key and some end soon, has pages get them, leave and scan, and compares.
func TestAgainstNaive(t *testing.T) {
	found := 0
	for seed := range uint64(15) {
		r := rand.New(rand.NewPCG(seed, 4))
		s, n := New(), new(naive)
		now, seq := time.Unix(1000, 0), uint64(0)
		slot := func() uint32 { return r.Uint32N(80) }
		anySeq := func() uint64 { return r.Uint64N(seq + 2) }
		for range 1500 {
			switch r.IntN(10) {
			case 0, 1, 2:
				seq += 1 + r.Uint64N(1<<10)
				p := &scenecast.Push{
					Position: scenecast.Position{Seq: seq}, At: now, TTL: time.Duration(1+r.IntN(300)) * time.Second,
					To: parse(t, audiences[r.IntN(len(audiences))]),
				}
				if r.IntN(4) == 0 {
					p.Retain = fmt.Sprint("key ", r.IntN(3))
				}
				s.Add(p, now)
				n.add(p, now)
				var got []uint32
				for range r.IntN(20) {
					got = append(got, slot())
				}
				s.DeliveredTo(got)
				for _, i := range got {
					n.find(seq).got[i] = true
				}
			case 3:
				at, i := anySeq(), slot()
				s.Delivered(i, at)
				if o := n.find(at); o != nil {
					o.got[i] = true
				}
			case 4:
				after, upTo, i := anySeq(), anySeq(), slot()
				s.NotDelivered(i, after, upTo)
				for _, o := range n.pushes {
					if o.push.Position.Seq > after && o.push.Position.Seq <= upTo {
						delete(o.got, i)
					}
				}
			case 5:
				i := slot()
				got, until := s.Leave(i)
				var want []uint64
				var wantUntil time.Time
				for _, o := range n.pushes {
					if o.got[i] && s.Lasts(o.push.Position.Seq) { // the store ends pushes in its own time
						want = append(want, o.push.Position.Seq)
						if o.until.After(wantUntil) {
							wantUntil = o.until
						}
					}
					delete(o.got, i)
				}
				if !slices.Equal(got, want) || !until.Equal(wantUntil) {
					t.Fatalf("seed %d: a page that leaves has got %v until %v, want %v until %v", seed, got, until, want, wantUntil)
				}
			case 6:
				now = now.Add(time.Duration(r.IntN(40)) * time.Second)
			case 7:
				s.Expire(now)
			default:
				found += scan(t, r, s, n, slot(), now, anySeq())
			}
			checkConsistency(t, s)
			for _, o := range n.pushes {
				if now.Before(o.until) && !s.Lasts(o.push.Position.Seq) {
					t.Fatalf("seed %d: the push at %d has ended", seed, o.push.Position.Seq)
				}
			}
		}
	}
	if found < 500 {
		t.Errorf("%d pushes were found: the walk does not come by what it is to test", found)
	}
}

// scan has a page go through the pushes in steps of any size.
func scan(t *testing.T, r *rand.Rand, s *Store, n *naive, slot uint32, now time.Time, after uint64) int {
	t.Helper()
	labels := someLabels(r)
	var want, got []uint64
	for _, o := range n.pushes {
		if o.push.Position.Seq > after && now.Before(o.until) && !o.got[slot] && o.push.To.Match(labels) {
			want = append(want, o.push.Position.Seq)
		}
	}
	for ended := false; !ended; {
		room := 1 + r.IntN(3)
		after, _, ended = s.Step(slot, labels, after, now, r.IntN(100), func(p *scenecast.Push) bool {
			if room--; room < 0 {
				return false
			}
			got = append(got, p.Position.Seq)
			s.Delivered(slot, p.Position.Seq)
			n.find(p.Position.Seq).got[slot] = true
			return true
		})
	}
	if !slices.Equal(got, want) {
		t.Fatalf("a page with %v found %v, want %v", labels, got, want)
	}
	return len(got)
}

// checkConsistency complains about what a store must never be.
func checkConsistency(t *testing.T, s *Store) {
	t.Helper()
	lasting := 0
	for i, b := range s.blocks {
		if b.live == 0 {
			t.Fatalf("in block %d of %d nothing lasts", i, len(s.blocks))
		}
		for item := range b.used {
			e := b.entries[item]
			if lasts := b.live>>item&1 == 1; lasts != (e.push != nil) {
				t.Fatalf("the push at %d lasts: %v, and is marked %v", e.seq, e.push != nil, lasts)
			} else if lasts && (e.block != b || e.item != item || s.ends[e.place] != e || s.find(e.seq) != e) {
				t.Fatalf("the push at %d does not know where it is", e.seq)
			} else if lasts {
				lasting++
			}
		}
	}
	if lasting != len(s.ends) {
		t.Fatalf("%d pushes in blocks, %d that end", lasting, len(s.ends))
	}
	for c, l := range s.filed.byCondition {
		if len(l.entries) == 0 || l.ended*2 > len(l.entries) {
			t.Fatalf("of %d pushes under %v %d have ended", len(l.entries), c, l.ended)
		}
	}
	if most := 2 + 4*lasting/slotset.Items; len(s.blocks) > most {
		t.Fatalf("%d blocks for %d pushes, want %d at most", len(s.blocks), lasting, most)
	}
}

// fill adds pushes that last for an hour.
func fill(t testing.TB, s *Store, n int, to func(i int) string) {
	now := time.Unix(1000, 0)
	parsed := make(map[string]audience.Expr)
	for i := range n {
		text := to(i)
		if _, ok := parsed[text]; !ok {
			parsed[text] = parse(t, text)
		}
		s.Add(&scenecast.Push{
			Position: scenecast.Position{Seq: uint64(i+1) << 10}, At: now, TTL: time.Hour, To: parsed[text],
			Message: scenecast.Message{Data: []byte("1")},
		}, now)
	}
}

// TestRetained: the newest push with a key is found as long as it lasts.
func TestRetained(t *testing.T) {
	at := time.Unix(1_700_000_000, 0)
	s := New()
	push := func(seq uint64, retain, confinement string, ttl time.Duration) *scenecast.Push {
		p := &scenecast.Push{
			Position: scenecast.Position{Epoch: 1, Seq: seq}, At: at, TTL: ttl, Retain: retain, Confinement: confinement, To: parse(t, "*"),
			Message: scenecast.Message{Data: []byte("1")},
		}
		s.Add(p, at)
		return p
	}
	push(1, "a", "", time.Minute)
	a := push(2, "a", "", time.Minute)
	b := push(3, "b", "", time.Hour)
	confined := push(4, "a", "page == \"home\"", time.Hour)
	push(5, "", "", time.Hour)
	for _, c := range []struct {
		key  string
		at   time.Duration
		want *scenecast.Push
	}{
		{"a", 0, a}, {"b", 0, b}, {"c", 0, nil}, {"", 0, nil}, {confined.RetainKey(), 0, confined},
		{"a", time.Minute - 1, a}, {"a", time.Minute, nil}, {"b", time.Minute, b},
	} {
		if got := s.Retained(c.key, at.Add(c.at)); got != c.want {
			t.Errorf("%q after %v: %v, want %v", c.key, c.at, got, c.want)
		}
	}
	if got := (*Store)(nil).Retained("a", at); got != nil {
		t.Errorf("of no store: %v", got)
	}
}

// TestWork: a page is matched only with pushes that its labels leave open, and a step does no more work than it may.
func TestWork(t *testing.T) {
	home := label.New(label.Label{Key: "page", Value: "home"}, label.Label{Key: "user", Value: "42"}, label.Label{Key: "plan", Value: "pro"})
	prefixes := func(int) string {
		text := `user.startsWith("a0")`
		for i := range 39 {
			text += fmt.Sprintf(` || user.startsWith("a%d")`, i+1)
		}
		return text
	}
	for _, c := range []struct {
		name string
		to   func(i int) string
		most int // work for all of the scan
	}{
		{"each for one user", func(i int) string { return fmt.Sprintf(`user == "%d"`, i) }, 20},
		{"each for one user on one page", func(i int) string { return fmt.Sprintf(`page == "home" && user == "%d"`, i) }, 100},
		{"each for one user of two", func(i int) string { return fmt.Sprintf(`user in ["%d", "x%d"]`, i, i) }, 20},
		{"for another page", func(int) string { return `page == "list"` }, 20},
		{"dear", prefixes, MaxPushes * 100},
		{"for who is not there", func(i int) string { return fmt.Sprintf(`user != "42" && plan != "%d"`, i) }, MaxPushes * 20},
	} {
		s := New()
		fill(t, s, MaxPushes, c.to)
		const step = 2000
		all, steps := 0, 0
		for after, ended := uint64(0), false; !ended; steps++ {
			var left int
			after, left, ended = s.Step(7, home, after, time.Unix(1000, 0), step, func(*scenecast.Push) bool { return true })
			if done := step - left; done > step+200 {
				t.Fatalf("%s: a step of %d does work for %d", c.name, step, done)
			} else {
				all += done
			}
		}
		if all > c.most {
			t.Errorf("%s: %d pushes are work for %d, in %d steps; want %d at most", c.name, MaxPushes, all, steps, c.most)
		}
	}
}

// TestBounds: by number and by bytes; the oldest end early.
func TestBounds(t *testing.T) {
	now := time.Unix(1000, 0)
	for _, c := range []struct{ pushes, bytes, want int }{{MaxPushes + 10, 1, MaxPushes}, {70, 1 << 20, MaxBytes >> 20}} {
		s := New()
		for i := range c.pushes {
			s.Add(&scenecast.Push{Position: scenecast.Position{Seq: uint64(i + 1)}, At: now, TTL: time.Hour, To: audience.Everybody(),
				Message: scenecast.Message{Data: make([]byte, c.bytes)}}, now)
		}
		if s.Len() != c.want || s.Lasts(uint64(c.pushes-c.want)) || !s.Lasts(uint64(c.pushes-c.want+1)) {
			t.Errorf("%d pushes of %d bytes: %d last, want %d", c.pushes, c.bytes, s.Len(), c.want)
		}
	}
}

// TestLeaveIsCheap: what it costs depends on how many pushes last, divided by 64, and not on how many have come and gone.
func TestLeaveIsCheap(t *testing.T) {
	s := New()
	now := time.Unix(1000, 0)
	for i := range 20 * slotset.Items * slotset.Items { // one of 64 lasts for long
		ttl := time.Second
		if i%slotset.Items == 0 {
			ttl = time.Hour
		}
		s.Add(&scenecast.Push{Position: scenecast.Position{Seq: uint64(i + 1)}, At: now, TTL: ttl, To: audience.Everybody()}, now)
		now = now.Add(100 * time.Millisecond)
	}
	if len(s.blocks) > 100 {
		t.Errorf("%d pushes last, and a page that leaves looks at %d blocks", s.Len(), len(s.blocks))
	}
}

// TestBytes: who has got a push costs a bit a page that gets what everybody gets, and little for a push to one page.
func TestBytes(t *testing.T) {
	heap := func() int {
		runtime.GC()
		runtime.GC() // what the first one has freed is swept by the second
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc)
	}
	const pages = 3200
	everybody := make([]uint32, pages)
	for i := range everybody {
		everybody[i] = uint32(i)
	}
	for _, c := range []struct {
		name string
		to   func(i int) []uint32
		most int // bytes for all pushes
	}{
		{"to everybody", func(int) []uint32 { return everybody }, pages * MaxPushes / 8 * 12 / 10},
		{"to one page each", func(i int) []uint32 { return everybody[i%pages:][:1] }, MaxPushes * 400},
	} {
		s := New()
		now := time.Unix(1000, 0)
		add := func(to func(i int) []uint32) int {
			before := heap()
			for i := range MaxPushes {
				s.Add(&scenecast.Push{Position: scenecast.Position{Seq: uint64(i + 1)}, At: now, TTL: time.Hour, To: audience.Everybody()}, now)
				s.DeliveredTo(to(i))
			}
			used := heap() - before
			runtime.KeepAlive(s)
			return used
		}
		none := add(func(int) []uint32 { return nil })
		s = New()
		if used := add(c.to) - none; used > c.most {
			t.Errorf("%d pushes %s: %d bytes for who has got them, want %d at most", MaxPushes, c.name, used, c.most)
		} else {
			t.Logf("%d pushes %s: %d bytes", MaxPushes, c.name, used)
		}
	}
}
