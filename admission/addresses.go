package admission

import (
	"container/list"
	"net/netip"
	"sync"
	"time"

	"scenecast/problem"
	"scenecast/ratelimit"
)

// AddressLimits bound what comes from one address in a second; an IPv6 address counts as its /64. 0 is no limit.
type AddressLimits struct {
	Connects     int // pages that ask to be let in
	FailedTokens int // tokens and API keys that are wrong
}

// The settings that decide about addresses.
const (
	settingConnectRate  = "limits.connect_rate"
	settingFailedTokens = "limits.failed_tokens"
)

// maxAddresses is how many addresses are remembered; over it the one that was heard of least recently is forgotten.
const maxAddresses = 1 << 16

// Addresses know what has come from which address of late. Nothing is remembered where no limit asks for it. Safe for concurrent use.
type Addresses struct {
	limits func() AddressLimits // in force now
	began  time.Time

	mu        sync.Mutex
	byAddress map[address]*list.Element
	recent    list.List // of *addressRates, the one heard of last in front

	refusedConnects, refusedTokens int64
}

// addressRates is what an address has used of its limits.
type addressRates struct {
	from             address
	limits           AddressLimits // for which the buckets are
	connects, failed ratelimit.Bucket
}

// NewAddresses makes a table that has heard of nobody.
func NewAddresses(limits func() AddressLimits) *Addresses {
	return &Addresses{limits: limits, began: time.Now(), byAddress: make(map[address]*list.Element)}
}

// Refused is how many requests were refused: pages that came too fast, and whatever came from an address that has shown too many wrong
// tokens.
func (a *Addresses) Refused() (connects, tokens int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.refusedConnects, a.refusedTokens
}

// Connect counts a page that asks to be let in. A problem says why it is not.
func (a *Addresses) Connect(from netip.Addr) error {
	limits := a.limits()
	if limits == (AddressLimits{}) {
		return nil
	}
	now := time.Since(a.began)
	a.mu.Lock()
	defer a.mu.Unlock()
	if limits.Connects == 0 && a.byAddress[networkOf(from)] == nil {
		return nil // only those are remembered that have shown a wrong token, or many others would have one of them forgotten
	}
	r := a.of(from, limits, now)
	if err := a.checkFailed(r, now); err != nil {
		return err
	}
	if wait := r.connects.Take(now); wait > 0 {
		a.refusedConnects++
		return tooOften("more pages connect from this address than may: %d per second", limits.Connects, settingConnectRate, wait)
	}
	return nil
}

// Check returns a problem where an address has shown too many wrong tokens: whatever it shows now is not looked at, or it would learn
// which are right.
func (a *Addresses) Check(from netip.Addr) error {
	limits := a.limits()
	if limits.FailedTokens == 0 {
		return nil
	}
	now := time.Since(a.began)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.byAddress[networkOf(from)] == nil {
		return nil
	}
	return a.checkFailed(a.of(from, limits, now), now)
}

func (a *Addresses) checkFailed(r *addressRates, now time.Duration) error {
	wait := r.failed.Take(now)
	if wait == 0 {
		r.failed.Return()
		return nil
	}
	a.refusedTokens++
	return tooOften("this address has shown more wrong tokens than it may: %d per second", r.limits.FailedTokens, settingFailedTokens, wait)
}

// Failed counts a wrong token.
func (a *Addresses) Failed(from netip.Addr) {
	limits := a.limits()
	if limits.FailedTokens == 0 {
		return
	}
	now := time.Since(a.began)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.of(from, limits, now).failed.Spend(now, 1)
}

// of, with mu held, is what an address has used, by these limits.
func (a *Addresses) of(from netip.Addr, limits AddressLimits, now time.Duration) *addressRates {
	key := networkOf(from)
	e := a.byAddress[key]
	if e == nil {
		if len(a.byAddress) >= maxAddresses {
			oldest := a.recent.Back()
			delete(a.byAddress, a.recent.Remove(oldest).(*addressRates).from)
		}
		e = a.recent.PushFront(&addressRates{from: key})
		a.byAddress[key] = e
	}
	a.recent.MoveToFront(e)
	r := e.Value.(*addressRates)
	if r.limits != limits {
		r.limits = limits
		r.connects.SetRate(limits.Connects, now)
		r.failed.SetRate(limits.FailedTokens, now)
	}
	return r
}

func tooOften(format string, limit int, setting string, wait time.Duration) error {
	return problem.New(problem.TooMany, format, limit).DecidedBy(setting).RetryIn(wait)
}
