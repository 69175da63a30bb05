package enginetest

import (
	"sync"

	"scenecast"
)

// sink is a hub without connections: it keeps what it is given, and answers with the tally that it was set to.
type sink struct {
	mu      sync.Mutex
	pushes  []scenecast.Push
	queries []scenecast.Query
	order   []string // of both: the pushes' IDs, and "query"
	tally   scenecast.Tally
	notify  func()   // called at each delivery
	hold    bool     // keep reports back until release
	held    []func() // reports that are kept back

	report func(t scenecast.Tally, done bool) // of the last push
}

// Deliver implements scenecast.Node.
func (s *sink) Deliver(p *scenecast.Push, report func(t scenecast.Tally, done bool)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pushes = append(s.pushes, *p)
	s.order = append(s.order, p.ID)
	if s.notify != nil {
		s.notify()
	}
	tally := s.tally
	s.report = report
	s.answer(func() { report(tally, true) })
}

// Answer implements scenecast.Node.
func (s *sink) Answer(q scenecast.Query, report func(scenecast.Reply)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queries = append(s.queries, q)
	s.order = append(s.order, "query")
	reply := scenecast.Reply{Tally: s.tally}
	s.answer(func() { report(reply) })
}

// answer, with mu held, reports from another goroutine, as the hub may.
func (s *sink) answer(report func()) {
	if s.hold {
		s.held = append(s.held, report)
		return
	}
	go report()
}

func (s *sink) set(t scenecast.Tally) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tally = t
}

func (s *sink) onDelivery(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notify = f
}

func (s *sink) holdReports() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hold = true
}

// lastReport is the report of the last push, for a test that gives it itself.
func (s *sink) lastReport() func(t scenecast.Tally, done bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = nil
	return s.report
}

// release gives the reports that were kept back.
func (s *sink) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, report := range s.held {
		report()
	}
	s.held, s.hold = nil, false
}

func (s *sink) delivered() []scenecast.Push {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]scenecast.Push(nil), s.pushes...)
}

func (s *sink) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.pushes)
}
