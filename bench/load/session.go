package load

import (
	"context"

	"scenecast/language"
)

// Session is pages that are open at a server, and a backend that pushes to them, for whoever measures in an order of his
// own. It is for one goroutine.
type Session struct{ runner *runner }

// Manner is how a round publishes.
type Manner struct {
	To       string // Everybody, Few or One
	Pushes   int    // of the round, rounded up to whole bursts
	Pipeline int    // calls at a time; the next ones begin when everything has arrived
	Rate     int    // pushes per second, whatever has arrived; 0: no clock
}

// Open opens the pages. Of the options, those that choose scenarios and watch a process are not used.
func Open(ctx context.Context, options Options) (*Session, error) {
	o, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	r, err := newRunner(o, newPeople(&o))
	if err != nil {
		return nil, err
	}
	s := &Session{r}
	if err := r.fleet.connect(ctx, func(connected int) {
		o.Progress(language.Textf("%d of %d pages are connected", connected, o.Pages))
	}); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Round publishes once more, and waits until everything has arrived. Whatever went wrong in the session so far is an error.
// What has strayed may show only in the next round: Settle is a round that nobody measures.
func (s *Session) Round(ctx context.Context, m Manner) (Round, error) {
	plan, err := aimed(m.To, s.runner.people)
	if err != nil {
		return Round{}, err
	}
	if m.Rate > 0 {
		plan = plan.paced(m.Pushes, m.Rate)
	} else {
		plan = plan.pipelined(m.Pushes, max(1, m.Pipeline))
	}
	round, err := s.runner.round(ctx, &plan)
	return round, s.verdict(err)
}

// Settle pushes one message to all pages and waits for it, so that what was on its way has come.
func (s *Session) Settle(ctx context.Context) error { return s.verdict(s.runner.fence(ctx)) }

// Stall has the first Options.Stalling pages stop reading. From now on they are in no audience that is counted, but they
// still get messages for everybody.
func (s *Session) Stall() error {
	s.runner.people.lost = s.runner.options.Stalling
	return s.runner.fleet.stall()
}

// verdict is the error of a round, with what went wrong in words.
func (s *Session) verdict(err error) error {
	faults := s.runner.fleet.ledger.snapshot()
	if !faults.Any() {
		return err
	}
	if err == nil {
		err = ErrFaults
	}
	examples := make([]error, len(faults.Examples))
	for i, e := range faults.Examples {
		examples[i] = language.Errorf("%s", e)
	}
	return language.Errorf("%w: %s (%w)", err, &faults, language.Join("; ", examples))
}

// Close closes the pages.
func (s *Session) Close() { s.runner.close() }
