package access

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"scenecast"
	"scenecast/auth"
	"scenecast/problem"
	"scenecast/ratelimit"
)

// Rates hold callers to the rates of their credentials. What a push costs in deliveries is known when it has been delivered: so pushes
// are refused while those before have spent more than there is. Safe for concurrent use.
type Rates struct {
	began time.Time

	mu        sync.Mutex
	spent     map[credential]*spent // of credentials that have a limit; as many as a configuration has, and those of earlier ones
	byPushes  atomic.Int64
	byMatches atomic.Int64
}

type credential struct{ app, name string }

// spent is what a credential has used of its rate.
type spent struct {
	rate               auth.Rate // for which the buckets are
	pushes, deliveries ratelimit.Bucket
}

// NewRates makes rates of which nothing is spent.
func NewRates() *Rates { return &Rates{began: time.Now(), spent: make(map[credential]*spent)} }

// Refused is how many pushes were refused, by the rate of pushes and by that of deliveries.
func (r *Rates) Refused() (byPushes, byDeliveries int64) {
	return r.byPushes.Load(), r.byMatches.Load()
}

// of, with mu held, is what the caller has spent, at the rate that it has now.
func (r *Rates) of(c Caller, now time.Duration) *spent {
	key := credential{c.App, c.Credential}
	s := r.spent[key]
	if s == nil {
		s = new(spent)
		r.spent[key] = s
	}
	if s.rate != c.Rate {
		s.rate = c.Rate
		s.pushes.SetRate(c.Rate.Pushes, now)
		s.deliveries.SetRate(c.Rate.Deliveries, now)
	}
	return s
}

// take lets a push pass, or returns a problem that says when there is room for it.
func (r *Rates) take(c Caller) error {
	if c.Rate == (auth.Rate{}) {
		return nil
	}
	now := time.Since(r.began)
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.of(c, now)
	if wait := s.deliveries.Take(now); wait > 0 {
		r.byMatches.Add(1)
		return tooMany("the pushes of this API key have matched more pages than its rate allows: %d per second", c.Rate.Deliveries, wait)
	}
	s.deliveries.Return() // it is counted when it is known
	if wait := s.pushes.Take(now); wait > 0 {
		r.byPushes.Add(1)
		return tooMany("this API key pushes more often than its rate allows: %d per second", c.Rate.Pushes, wait)
	}
	return nil
}

func tooMany(format string, limit int, wait time.Duration) error {
	return problem.New(problem.TooMany, format, limit).DecidedBy(SettingKeys).RetryIn(wait)
}

// spend counts deliveries.
func (r *Rates) spend(c Caller, deliveries int) {
	now := time.Since(r.began)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.of(c, now).deliveries.Spend(now, deliveries)
}

// counted is a push whose deliveries are to be counted, once, when they are known.
type counted struct {
	scenecast.Pending
	rates  *Rates
	caller Caller
	once   sync.Once
}

// Wait implements scenecast.Pending.
func (p *counted) Wait(ctx context.Context) (scenecast.Published, error) {
	published, err := p.Pending.Wait(ctx)
	if !published.Replayed {
		p.once.Do(func() { p.rates.spend(p.caller, published.Tally.Matched) })
	}
	return published, err
}
