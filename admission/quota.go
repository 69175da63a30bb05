package admission

import (
	"net/netip"
	"sync"

	"scenecast"
	"scenecast/problem"
)

// Limits bound how many pages are connected at a time. 0 is no limit.
type Limits struct {
	Connections int            // in all
	PerApp      map[string]int // by app, as far as apps are known; one that is not in it has no limit
	PerAddress  int            // from one address, in all apps together; an IPv6 address counts as its /64, which is one customer's
	Origins     bool           // leases tell where pages come from, also where PerAddress is no limit
}

// The settings that decide about pages too many.
const (
	settingConnections    = "limits.connections"
	settingPerAddress     = "limits.per_address"
	SettingMaxConnections = "max_connections" // of an app
)

// Quota counts the pages that are admitted, and refuses those that are too many. A page holds a lease while it is connected: the
// number of its origin, which pages of one app from one address share. Safe for concurrent use.
type Quota struct {
	mu         sync.Mutex
	limits     Limits
	pages      int
	apps       []appCount
	appNumbers map[string]uint32  // of apps, by name
	addresses  map[address]uint32 // counted pages from each that has any; where no limit asks, none are, and all are of one origin
	origins    []origin           // the one with lease t is at t-1
	leases     map[originKey]scenecast.Lease
	free       []scenecast.Lease // leases of origins that have no pages any more
}

type appCount struct {
	name         string
	pages, limit int
}

// address is one that has no pointer in it, so that the collector need not look through the maps.
type address [16]byte

type originKey struct {
	app     uint32
	counted bool // among the pages of its address
	known   bool // from where it is
	from    address
}

type origin struct {
	originKey
	pages uint32
}

// NewQuota makes a quota of which nothing is used.
func NewQuota(l Limits) *Quota {
	q := &Quota{
		appNumbers: make(map[string]uint32),
		addresses:  make(map[address]uint32),
		leases:     make(map[originKey]scenecast.Lease),
	}
	q.SetLimits(l)
	return q
}

// SetLimits puts other limits in force, for the pages that come from then on: nobody who is there has to go. Pages that came while there
// was no limit for addresses do not count against one.
func (q *Quota) SetLimits(l Limits) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.limits = l
	for app := range l.PerApp {
		q.appNumber(app)
	}
	for i := range q.apps {
		q.apps[i].limit = l.PerApp[q.apps[i].name]
	}
}

// Acquire counts a page, and returns the lease under which it leaves; it is never 0. An error is a *problem.Problem that
// names the setting by which there would be too many.
func (q *Quota) Acquire(app string, from netip.Addr) (lease scenecast.Lease, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	key := originKey{app: q.appNumber(app), counted: q.limits.PerAddress > 0}
	if key.known = key.counted || q.limits.Origins; key.known {
		key.from = networkOf(from)
	}
	a := &q.apps[key.app]
	switch {
	case isFull(q.pages, q.limits.Connections):
		return 0, tooMany("as many pages are connected as may be: %d", q.limits.Connections, settingConnections)
	case isFull(a.pages, a.limit):
		return 0, tooMany("as many pages of this app are connected as may be: %d", a.limit, SettingMaxConnections)
	case key.counted:
		if isFull(int(q.addresses[key.from]), q.limits.PerAddress) {
			return 0, tooMany("as many pages are connected from this address as may be: %d", q.limits.PerAddress, settingPerAddress)
		}
		q.addresses[key.from]++
	}
	q.pages++
	a.pages++
	lease = q.lease(key)
	q.origins[lease-1].pages++
	return lease, nil
}

// Release takes a page off the count that has acquired this lease. 0 is that of a page which nobody has counted.
func (q *Quota) Release(lease scenecast.Lease) {
	if lease == 0 {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	o := &q.origins[lease-1]
	q.pages--
	q.apps[o.app].pages--
	if o.counted {
		if q.addresses[o.from]--; q.addresses[o.from] == 0 {
			delete(q.addresses, o.from)
		}
	}
	if o.pages--; o.pages == 0 {
		delete(q.leases, o.originKey)
		q.free = append(q.free, lease)
	}
}

// Origin is the address that the pages with a lease come from, of IPv6 its /64. False: it was not noted when they came.
func (q *Quota) Origin(lease scenecast.Lease) (from netip.Addr, known bool) {
	if lease == 0 {
		return from, false
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	o := &q.origins[lease-1]
	return netip.AddrFrom16(o.from).Unmap(), o.known
}

// Adopt counts a page that another process has counted, whatever the limits are, and returns its lease. False: it is not known from where it
// is.
func (q *Quota) Adopt(app string, from netip.Addr, known bool) scenecast.Lease {
	q.mu.Lock()
	defer q.mu.Unlock()
	key := originKey{app: q.appNumber(app), counted: known && q.limits.PerAddress > 0, known: known}
	if known {
		key.from = networkOf(from)
	}
	if key.counted {
		q.addresses[key.from]++
	}
	q.pages++
	q.apps[key.app].pages++
	lease := q.lease(key)
	q.origins[lease-1].pages++
	return lease
}

// ByApp is how many pages each app has; one that the limits do not name may be missing.
func (q *Quota) ByApp() map[string]int {
	q.mu.Lock()
	defer q.mu.Unlock()
	pages := make(map[string]int, len(q.apps))
	for _, a := range q.apps {
		pages[a.name] = a.pages
	}
	return pages
}

// lease is the origin's, made when its first page comes.
func (q *Quota) lease(key originKey) scenecast.Lease {
	if lease, ok := q.leases[key]; ok {
		return lease
	}
	var lease scenecast.Lease
	if n := len(q.free); n > 0 {
		lease = q.free[n-1]
		q.free = q.free[:n-1]
	} else {
		q.origins = append(q.origins, origin{})
		lease = scenecast.Lease(len(q.origins))
	}
	q.origins[lease-1] = origin{originKey: key}
	q.leases[key] = lease
	return lease
}

// appNumber is the app's, made when its first page comes. There are few apps, so they are never forgotten.
func (q *Quota) appNumber(name string) uint32 {
	if number, ok := q.appNumbers[name]; ok {
		return number
	}
	number := uint32(len(q.apps))
	q.appNumbers[name] = number
	q.apps = append(q.apps, appCount{name: name, limit: q.limits.PerApp[name]})
	return number
}

// networkOf is what counts as one address: that of IPv4, and the /64 of IPv6, which is one customer's.
func networkOf(from netip.Addr) address {
	a := address(from.As16())
	if from.Is6() && !from.Is4In6() {
		clear(a[8:])
	}
	return a
}

func isFull(pages, limit int) bool { return limit > 0 && pages >= limit }

func tooMany(format string, limit int, setting string) error {
	return problem.New(problem.TooMany, format, limit).DecidedBy(setting)
}
