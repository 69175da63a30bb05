package load

import (
	"context"
	"crypto/tls"
	"errors"
	"net/netip"
	"net/url"
	"time"

	"scenecast/language"
)

// ErrFaults is the end of a run in which a delivery was missing, doubled or misdelivered, or that had another fault; the
// report says which.
var ErrFaults = language.NewError("the server has made mistakes")

// Run opens the pages, goes through the scenarios and closes the pages. With an error the report holds what was found
// until then; it is nil if nothing was.
func Run(ctx context.Context, options Options) (*Report, error) {
	o, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	who := newPeople(&o)
	plan, err := scenarios(&o, who)
	if err != nil {
		return nil, err
	}
	r, err := newRunner(o, who)
	if err != nil {
		return nil, err
	}
	defer r.close()
	if r.server, err = Watch(o.PID); err != nil {
		return nil, err
	}
	r.report = &Report{
		URL: o.URL.Redacted(), Run: who.run, PID: r.server.pid, Protocol: wireName(o.Native), Pages: o.Pages, Size: o.Size, Rounds: o.Rounds,
	}
	err = r.run(ctx, plan)
	if r.report.Connect == nil {
		return nil, err
	}
	r.report.Complete = err == nil
	r.report.Faults, r.report.Foreign = r.fleet.ledger.snapshot(), r.fleet.foreign()
	if err == nil && r.report.Faults.Any() {
		err = ErrFaults
	}
	return r.report, err
}

func wireName(native bool) string {
	if native {
		return "native"
	}
	return "tutorial"
}

// newRunner finds the server, and makes the pages and the backend. Nothing of theirs connects yet.
func newRunner(o Options, who people) (*runner, error) {
	if err := RaiseFileLimit(o.Pages); err != nil {
		return nil, err
	}
	address, err := reach(hostPort(o.URL), o.Patience)
	if err != nil {
		return nil, err
	}
	f, err := newFleet(&o, who, address)
	if err != nil {
		return nil, err
	}
	return &runner{options: o, people: who, fleet: f, backend: newPublisher(&o, address, maxCalls)}, nil
}

func (r *runner) close() {
	r.fleet.close()
	r.backend.close()
}

// newFleet makes the pages. They do not connect yet.
func newFleet(o *Options, who people, address netip.AddrPort) (f *fleet, err error) {
	f = &fleet{
		handshake: newHandshake(o.URL.Host, o.Dialect.Subprotocol()),
		envelope:  NewEnvelope(who.run, o.Size),
		ledger:    newLedger(),
		clock:     time.Now(),
		patience:  o.Patience,
		sources:   newSources(o.Pages, address.Addr()),
		dialect:   o.Dialect,
		labels:    who.labels,
		stalling:  o.Stalling,
	}
	f.transport, err = newTransport(f, o, address)
	return f, err
}

func newTransport(f *fleet, o *Options, address netip.AddrPort) (transport, error) {
	if o.URL.Scheme == "http" && !o.portable {
		return newPlain(f, o.Pages, address)
	}
	f.newPages(o.Pages, pageShards)
	if o.URL.Scheme == "http" {
		return newGoroutines(address, nil), nil
	}
	return newGoroutines(address, security(o)), nil
}

// security is how TLS is spoken.
func security(o *Options) *tls.Config {
	c := &tls.Config{}
	if o.TLS != nil {
		c = o.TLS.Clone()
	}
	c.ServerName, c.NextProtos = o.URL.Hostname(), nil // no HTTP/2: neither handshake nor publisher speak it
	return c
}

// hostPort is where the server listens.
func hostPort(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Host
	case u.Scheme == "https":
		return u.Host + ":443"
	default:
		return u.Host + ":80"
	}
}

// runner is a run that goes on.
type runner struct {
	options Options
	people  people
	fleet   *fleet
	backend *publisher
	server  Process
	report  *Report
}

func (r *runner) run(ctx context.Context, plan []scenario) error {
	if err := r.connect(ctx); err != nil {
		return err
	}
	if err := r.fence(ctx); err != nil { // whoever may not push is told before anything is measured
		return err
	}
	for i, s := range plan {
		result := Scenario{Name: s.name, To: s.to, Audience: s.size, Pipeline: s.pipeline, Rate: s.rate, Pushes: s.pushes}
		for n := range r.options.Rounds {
			r.options.Progress(language.Textf("scenario %d of %d, %s: round %d of %d", i+1, len(plan), s.name, n+1, r.options.Rounds))
			round, err := r.round(ctx, &s)
			if err == nil {
				result.Rounds = append(result.Rounds, round)
				err = r.fence(ctx)
			}
			if err != nil {
				return language.Errorf("%s: %w", s.name, err)
			}
		}
		result.Median = median(result.Rounds)
		r.report.Scenes = append(r.report.Scenes, result)
	}
	return nil
}

// connect opens the pages and measures what that costs.
func (r *runner) connect(ctx context.Context) error {
	memory, err1 := r.server.Memory()
	before, err2 := r.server.CPU()
	start := time.Now()
	if err := r.fleet.connect(ctx, func(connected int) {
		r.options.Progress(language.Textf("%d of %d pages are connected", connected, r.options.Pages))
	}); err != nil {
		return err
	}
	took := time.Since(start).Seconds()
	after, err3 := r.server.CPU()
	memoryAfter, err4 := r.server.Memory()
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return language.Errorf("the server's costs: %w", err)
	}
	c := Connect{Seconds: took, PagesPerSecond: float64(r.options.Pages) / took}
	if r.server.watched() {
		c.CPU = after.Since(before).each(r.options.Pages, time.Microsecond)
		c.MemoryPerPage = new(float64(memoryAfter-memory) / float64(r.options.Pages))
	}
	r.report.Connect = &c
	return nil
}
