package server

import (
	"os/exec"
	"sync"
	"sync/atomic"
	"time"

	"scenecast/language"
)

// Another process of this program can take the port and the pages over while pages and backends notice nothing: docs/adr/0024-live-handover.md
// has the sequence. handoverlisten_linux.go waits for such a process, handoversend_linux.go gives it everything, takeover_linux.go is its side,
// and successor_linux.go and takeovercalls_linux.go are how the calls end that were under way.

// handovers are the figures of handovers, and what is common to all systems.
type handovers struct {
	next  atomic.Uint32 // loop, for connections that the other process passes on
	still atomic.Int64  // how long pages stood still when this process took them over, in ns

	mu       sync.Mutex
	outcomes map[handoverOutcome]int64

	left chan struct{} // closed when another process has the pages
}

// handoverOutcome is how an attempt has ended for this process.
type handoverOutcome string

const (
	handoverTaken   handoverOutcome = "taken"   // this process has taken the pages of another one
	handoverGiven   handoverOutcome = "given"   // another process has taken this one's
	handoverRefused handoverOutcome = "refused" // the two could not agree; nothing stood still
	handoverFailed  handoverOutcome = "failed"  // this process has gone on with its pages, because the other one has died, or was too late
)

func newHandovers() *handovers {
	h := &handovers{outcomes: make(map[handoverOutcome]int64), left: make(chan struct{})}
	for _, o := range []handoverOutcome{handoverTaken, handoverGiven, handoverRefused, handoverFailed} {
		h.outcomes[o] = 0
	}
	return h
}

func (h *handovers) count(o handoverOutcome) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.outcomes[o]++
}

// tookOver notes that this process has the pages of another one, which have stood still for so long.
func (h *handovers) tookOver(still time.Duration) {
	h.still.Store(int64(still))
	h.count(handoverTaken)
}

// figures are how attempts have ended, and how long pages stood still.
func (h *handovers) figures() (outcomes map[string]int64, still float64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	outcomes = make(map[string]int64)
	for o, n := range h.outcomes {
		outcomes[string(o)] = n
	}
	return outcomes, time.Duration(h.still.Load()).Seconds()
}

// ErrNoHandover is the error of RequestHandover where no server hands over at a path.
var ErrNoHandover = language.NewError("no server listens there: is it running with this setting handover?")

// ErrPredecessorDied is the error of New where the process that was to hand over has died before all of it had come: there are no pages that
// could be taken, and another New starts without them.
var ErrPredecessorDied = language.NewError("the running process has died in the midst of it")

// errNoHandover is returned where no other process can take over.
var (
	errNoHandover = language.NewError("no other process can take over: the setting handover is empty")
	errNoSocket   = language.NewError("no other process can take over: the socket of the setting handover could not be made, as the log has told")
)

// Supervisor is who watches over this process, such as systemd, and has to know which one is the server's.
type Supervisor interface {
	HandoverBegins()    // a process is being started that is to take over
	HandoverFailed()    // it has not, and this one goes on
	HandedOver(pid int) // this process has the pages; it is told before the one that had them begins to end
}

// SuccessorCommand makes the command that starts a process which is to take over.
type SuccessorCommand func() (*exec.Cmd, error)
