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
}

// The settings that decide about pages too many.
const (
	settingConnections    = "limits.connections"
	settingPerAddress     = "limits.per_address"
	settingMaxConnections = "max_connections"
)

// Quota counts the pages that are let in, and refuses those that are too many. What a page costs is its lease: the number
// of its origin, which pages of one app from one address share. Safe for concurrent use.
type Quota struct {
	limits Limits

	mu         sync.Mutex
	pages      int
	apps       []appCount
	appNumbers map[string]uint32  // of apps, by name
	addresses  map[address]uint32 // pages from each that has any; empty where no limit asks for it
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
	app  uint32
	from address
}

type origin struct {
	originKey
	pages uint32
}

// NewQuota makes a counter without pages.
func NewQuota(l Limits) *Quota {
	c := &Quota{
		limits:     l,
		appNumbers: make(map[string]uint32),
		addresses:  make(map[address]uint32),
		leases:     make(map[originKey]scenecast.Lease),
	}
	for app := range l.PerApp {
		c.appNumber(app)
	}
	return c
}

// Acquire counts a page, and returns the lease under which it leaves; it is never 0. An error is a *problem.Problem that
// names the setting by which there would be too many.
func (c *Quota) Acquire(app string, from netip.Addr) (lease scenecast.Lease, err error) {
	key := originKey{from: c.addressOf(from)}
	c.mu.Lock()
	defer c.mu.Unlock()
	key.app = c.appNumber(app)
	a := &c.apps[key.app]
	switch {
	case isFull(c.pages, c.limits.Connections):
		return 0, tooMany("as many pages are connected as may be: %d", c.limits.Connections, settingConnections)
	case isFull(a.pages, a.limit):
		return 0, tooMany("as many pages of this app are connected as may be: %d", a.limit, settingMaxConnections)
	case c.limits.PerAddress > 0:
		if isFull(int(c.addresses[key.from]), c.limits.PerAddress) {
			return 0, tooMany("as many pages are connected from this address as may be: %d", c.limits.PerAddress, settingPerAddress)
		}
		c.addresses[key.from]++
	}
	c.pages++
	a.pages++
	lease = c.lease(key)
	c.origins[lease-1].pages++
	return lease, nil
}

// Release takes a page off the count that has entered with this lease. 0 is that of a page which nobody has counted.
func (c *Quota) Release(lease scenecast.Lease) {
	if lease == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	o := &c.origins[lease-1]
	c.pages--
	c.apps[o.app].pages--
	if c.limits.PerAddress > 0 {
		if c.addresses[o.from]--; c.addresses[o.from] == 0 {
			delete(c.addresses, o.from)
		}
	}
	if o.pages--; o.pages == 0 {
		delete(c.leases, o.originKey)
		c.free = append(c.free, lease)
	}
}

// ByApp is how many pages each app has; one that the limits do not name may be missing.
func (c *Quota) ByApp() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	pages := make(map[string]int, len(c.apps))
	for _, a := range c.apps {
		pages[a.name] = a.pages
	}
	return pages
}

// lease is the origin's, made when its first page comes.
func (c *Quota) lease(key originKey) scenecast.Lease {
	if lease, ok := c.leases[key]; ok {
		return lease
	}
	var lease scenecast.Lease
	if n := len(c.free); n > 0 {
		lease = c.free[n-1]
		c.free = c.free[:n-1]
	} else {
		c.origins = append(c.origins, origin{})
		lease = scenecast.Lease(len(c.origins))
	}
	c.origins[lease-1] = origin{originKey: key}
	c.leases[key] = lease
	return lease
}

// appNumber is the app's, made when its first page comes. There are few apps, so they are never forgotten.
func (c *Quota) appNumber(name string) uint32 {
	if number, ok := c.appNumbers[name]; ok {
		return number
	}
	number := uint32(len(c.apps))
	c.appNumbers[name] = number
	c.apps = append(c.apps, appCount{name: name, limit: c.limits.PerApp[name]})
	return number
}

// addressOf is what counts as one address; where no limit asks, all are one, and cost nothing.
func (c *Quota) addressOf(from netip.Addr) (a address) {
	if c.limits.PerAddress == 0 {
		return a
	}
	a = from.As16()
	if from.Is6() && !from.Is4In6() {
		clear(a[8:])
	}
	return a
}

func isFull(pages, limit int) bool { return limit > 0 && pages >= limit }

func tooMany(format string, limit int, setting string) error {
	return problem.New(problem.TooMany, format, limit).DecidedBy(setting)
}
