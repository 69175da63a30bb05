package enginetest

import (
	"sync"

	"scenecast"
)

// fakeHub is a node without connections: it keeps what it is given, and answers with the tally that it was set to.
type fakeHub struct {
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
func (h *fakeHub) Deliver(p *scenecast.Push, report func(t scenecast.Tally, done bool)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.pushes = append(h.pushes, *p)
	h.order = append(h.order, p.ID)
	if h.notify != nil {
		h.notify()
	}
	tally := h.tally
	h.report = report
	h.answer(func() { report(tally, true) })
}

// Answer implements scenecast.Node.
func (h *fakeHub) Answer(q scenecast.Query, report func(scenecast.Reply)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.queries = append(h.queries, q)
	h.order = append(h.order, "query")
	reply := scenecast.Reply{Tally: h.tally}
	h.answer(func() { report(reply) })
}

// Received implements scenecast.Node.
func (h *fakeHub) Received([]byte) {}

// Skip implements scenecast.Node.
func (h *fakeHub) Skip(scenecast.GapNotice) {}

// answer, with mu held, reports from another goroutine, as the hub may.
func (h *fakeHub) answer(report func()) {
	if h.hold {
		h.held = append(h.held, report)
		return
	}
	go report()
}

func (h *fakeHub) set(t scenecast.Tally) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tally = t
}

func (h *fakeHub) onDelivery(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.notify = f
}

func (h *fakeHub) holdReports() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hold = true
}

// lastReport is the report of the last push, for a test that gives it itself.
func (h *fakeHub) lastReport() func(t scenecast.Tally, done bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.held = nil
	return h.report
}

// release gives the reports that were kept back.
func (h *fakeHub) release() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, report := range h.held {
		report()
	}
	h.held, h.hold = nil, false
}

func (h *fakeHub) delivered() []scenecast.Push {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]scenecast.Push(nil), h.pushes...)
}

func (h *fakeHub) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.pushes)
}
