package api

import (
	"math"
	"slices"
	"sync"
	"time"

	"scenecast"
	"scenecast/access"
	"scenecast/audience"
	"scenecast/label"
)

const (
	// ratesKept is for how long what was pushed lately is not read anew, so that many who look cost as much as one.
	ratesKept = 5 * time.Second
	// ratesOver is how much of what was pushed lately counts, at most.
	ratesOver = time.Minute
	// maxRatesSize bounds the audiences that each scene is matched with, as their Size adds up: of more, the oldest pushes are left out, and the
	// time that is counted over is less.
	maxRatesSize = 8 << 10
)

// pushRates are what was pushed lately in each app that somebody looks at. Safe for concurrent use.
type pushRates struct {
	mu      sync.Mutex // not held while the log is read, which may wait for another server
	byApp   map[string]*pushRate
	reading map[string]chan struct{} // by app whose log is being read; closed when that ends
}

// pushRate is what was pushed lately in an app. It is not changed.
type pushRate struct {
	read      time.Time
	window    time.Duration // 0: it is not for the caller
	audiences []pushedTo    // that were pushed to
}

// pushedTo is an audience, and how often it was pushed to.
type pushedTo struct {
	to audience.Expr
	n  int
}

// of is what was pushed lately in the app of the call's key. Of several calls at once, one reads the log, and the others wait for it, each as
// long as its own context lasts.
func (p *pushRates) of(r *request, e access.Engine) (*pushRate, error) {
	if r.caller.Confined() {
		return new(pushRate), nil
	}
	app := r.caller.App
	for {
		rate, reading := p.begin(app)
		if rate != nil {
			return rate, nil
		}
		if reading == nil {
			break
		}
		select {
		case <-reading:
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	var rate *pushRate
	defer func() { p.end(app, rate) }()
	pushes, window, err := e.Recent(r.Context(), r.caller, ratesOver)
	if err != nil {
		return nil, err
	}
	rate = newPushRate(pushes, window, time.Now())
	return rate, nil
}

// begin returns what is known of an app and recent enough, or else what ends when another call has read it; where both are nil, the caller reads
// it, and then calls end.
func (p *pushRates) begin(app string) (*pushRate, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if last := p.byApp[app]; last != nil && time.Since(last.read) < ratesKept {
		return last, nil
	}
	if reading := p.reading[app]; reading != nil {
		return nil, reading
	}
	if p.reading == nil {
		p.byApp, p.reading = make(map[string]*pushRate), make(map[string]chan struct{})
	}
	p.reading[app] = make(chan struct{})
	return nil, nil
}

// end keeps what was read of an app, unless that is nil, and lets those go on that wait for it.
func (p *pushRates) end(app string, rate *pushRate) {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.reading[app])
	delete(p.reading, app)
	for app, last := range p.byApp {
		if time.Since(last.read) >= ratesKept {
			delete(p.byApp, app)
		}
	}
	if rate != nil {
		p.byApp[app] = rate
	}
}

// newPushRate counts pushes, the oldest first, of the last while.
func newPushRate(pushes []*scenecast.Push, window time.Duration, now time.Time) *pushRate {
	rate := &pushRate{read: now, window: window}
	places := make(map[string]int)
	size := 0
	for _, push := range slices.Backward(pushes) {
		text := push.To.String()
		i, ok := places[text]
		if !ok {
			if size += push.To.Size(); size > maxRatesSize {
				rate.window = max(time.Millisecond, min(window, now.Sub(push.At)))
				break
			}
			i = len(rate.audiences)
			places[text] = i
			rate.audiences = append(rate.audiences, pushedTo{to: push.To})
		}
		rate.audiences[i].n++
	}
	return rate
}

// perMinute is how many pushes there were in a minute that a page with these labels, of these keys, can have matched; nil: that is not told.
func (r *pushRate) perMinute(by []string, labels label.Set) *int {
	if r.window == 0 {
		return nil
	}
	n := 0
	for _, a := range r.audiences {
		if a.to.MayMatch(by, labels) {
			n += a.n
		}
	}
	n = int(math.Round(float64(n) * float64(time.Minute) / float64(r.window)))
	return &n
}
