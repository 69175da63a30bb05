package dashboard

import (
	"net/netip"
	"sync"
	"time"

	"scenecast/language"
	"scenecast/problem"
	"scenecast/ratelimit"
)

// How many failed tries there may be in a minute. The bound on all is for those who have many addresses; it also bounds what is remembered.
const (
	triesPerAddress = 5
	triesOfAll      = 100
	triesWithin     = time.Minute
)

// tries bound the logins that fail. A login counts while it is tried, so that many at once find no gap, and not any more when it was right.
type tries struct {
	began time.Time

	mu     sync.Mutex
	all    *ratelimit.Window
	by     map[netip.Prefix]*ratelimit.Window
	toldAt time.Time
}

// attempt is a try that is under way.
type attempt struct {
	tries *tries
	from  netip.Prefix
}

// begin counts a try. A problem says that there were too many.
func (t *tries) begin(from netip.Addr, at time.Time) (*attempt, error) {
	now := at.Sub(t.began)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.all == nil {
		t.all, t.by = ratelimit.NewWindow(triesOfAll, triesWithin), make(map[netip.Prefix]*ratelimit.Window)
	}
	network := networkOf(from)
	of := t.by[network]
	if of == nil {
		of = ratelimit.NewWindow(triesPerAddress, triesWithin)
	}
	if wait := of.Take(now); wait > 0 {
		return nil, tooMany(language.Textf("from this address"), triesPerAddress, wait)
	}
	if wait := t.all.Take(now); wait > 0 {
		of.Return()
		return nil, tooMany(language.Textf("in all"), triesOfAll, wait)
	}
	for network, w := range t.by {
		if w.Idle(now) {
			delete(t.by, network)
		}
	}
	t.by[network] = of
	return &attempt{t, network}, nil
}

func tooMany(where language.Text, n int, wait time.Duration) *problem.Problem {
	p := problem.New(problem.TooMany, "too many logins have failed %s: at most %d may in a minute", where, n)
	p.Retry = wait
	return p
}

// succeed has a try not count any more.
func (a *attempt) succeed() {
	a.tries.mu.Lock()
	defer a.tries.mu.Unlock()
	a.tries.all.Return()
	if of := a.tries.by[a.from]; of != nil {
		of.Return()
	}
}

// tell reports whether it is time to tell that there are too many: once a minute.
func (t *tries) tell(at time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if at.Sub(t.toldAt) < triesWithin {
		return false
	}
	t.toldAt = at
	return true
}

// networkOf is what counts as one address: of IPv6 a /64, of which one customer has many addresses.
func networkOf(a netip.Addr) netip.Prefix {
	bits := 64
	if a.Is4() {
		bits = 32
	}
	network, _ := a.Prefix(bits) // the zero address has none
	return network
}
