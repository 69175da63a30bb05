package server

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"scenecast"
	"scenecast/handover"
	"scenecast/handover/link"
	"scenecast/handover/value"
	"scenecast/hub"
	"scenecast/language"
	"scenecast/socket"
)

// How long the other process may take for a step.
const (
	helloWithin  = 5 * time.Second
	buildWithin  = time.Minute      // to read a configuration, and make everything of it
	streamWithin = 30 * time.Second // for the next message while nothing is frozen
	takeWithin   = 5 * time.Second
)

var deathWithin = time.Second // for a process that has closed its descriptors to be gone; tests have less, whose processes do not die

// takeover is a process that takes the place of another one: it has agreed with that on how, and waits for state.
type takeover struct {
	conn      *link.Conn
	welcome   welcome
	listeners []*os.File
	debug     *os.File // nil: the other process has no debug port
	dashboard *os.File // nil: the dashboard has no port of its own there
	token     int      // a pipe: whoever reads the one byte that comes has the pages

	server    *Server
	restoring engineRestoring
	decoder   value.Decoder
	lasting   map[uint64]*scenecast.Push
	imported  *hub.Import
	presence  []byte // its record
	revoked   []byte
	feed      []byte
	frozenAt  time.Time
	loops     []movedLoop
	visitors  []socket.Visitor
	taken     bool

	served  chan struct{} // closed when the other process has ended
	tell    chan struct{} // holds one token while there is something in untold
	telling sync.Mutex
	untold  []finishedPush
}

// movedLoop is what one loop takes over.
type movedLoop struct {
	generations []uint32
	decoder     socket.Decoder
	pages       []*socket.Moved
	members     map[scenecast.Slot]*hub.MovedPage
}

// findPredecessor asks the process whose place this one is to take, if there is one, whether it agrees. Nil: there is none.
func (s *Server) findPredecessor() (t *takeover, err error) {
	c := &s.options.Config
	if c.Handover == "" {
		return nil, nil
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("handover: %s: %w", c.Handover, err)
		}
	}()
	conn, err := link.Dial(c.Handover, helloWithin)
	switch {
	case errors.Is(err, link.ErrNobody):
		return nil, nil
	case err != nil:
		return nil, err
	}
	t = &takeover{conn: conn, token: -1, tell: make(chan struct{}, 1), served: make(chan struct{}), lasting: make(map[uint64]*scenecast.Push)}
	if err := t.agree(s); err != nil {
		t.abandon()
		return nil, err
	}
	s.log.Info("handover: taking the place of a running process", "pid", t.welcome.pid, "version", t.welcome.version, "loops", t.welcome.loops)
	return t, nil
}

// loopCount is how many loops there are to be, ports are their listening sockets, and debugPort and dashboardPort are those of the debug port
// and of the dashboard's own; nil: there is none.
func (t *takeover) loopCount() int {
	if t == nil {
		return runtime.GOMAXPROCS(0)
	}
	return t.welcome.loops
}

func (t *takeover) ports() (ports []*os.File) {
	if t != nil {
		ports, t.listeners = t.listeners, nil // who opens the port closes them
	}
	return ports
}

func (t *takeover) debugPort() *os.File {
	if t == nil {
		return nil
	}
	return t.debug
}

func (t *takeover) dashboardPort() *os.File {
	if t == nil {
		return nil
	}
	return t.dashboard
}

// closePorts closes the descriptors of the ports beside the main one; what listens on them has descriptors of its own.
func (t *takeover) closePorts() {
	for _, f := range []*os.File{t.debug, t.dashboard} {
		if f != nil {
			_ = f.Close()
		}
	}
}

// agree exchanges hellos.
func (t *takeover) agree(s *Server) error {
	t.conn.SetDeadline(time.Now().Add(helloWithin))
	hello := handover.Hello{
		Newest: handover.Newest, Oldest: handover.Oldest, Version: s.options.Version, Listen: s.options.Config.Listen, Loops: runtime.GOMAXPROCS(0),
		Settings: settingsDigest(s.options.Config), Engine: s.options.Config.EngineName(),
		Dashboard: s.options.Config.HasDashboardPort(),
	}
	if err := t.conn.Send(handover.KindHello, hello.Encode()); err != nil {
		return err
	}
	payload, err := t.expect(handover.KindWelcome)
	if err != nil {
		return err
	}
	if t.welcome, err = decodeWelcome(payload); err != nil {
		return err
	}
	for i := range t.welcome.loops {
		fd, ok := t.conn.TakeFile()
		if !ok {
			return language.NewError("the other process has sent no listening sockets")
		}
		t.listeners = append(t.listeners, os.NewFile(uintptr(fd), fmt.Sprint("listener ", i)))
	}
	token, ok := t.conn.TakeFile()
	if !ok {
		return language.NewError("the other process has sent no token")
	}
	t.token = token
	if err := unix.SetNonblock(token, true); err != nil {
		return err
	}
	if t.welcome.hasDebug {
		fd, ok := t.conn.TakeFile()
		if !ok {
			return language.NewError("the other process has sent no debug port")
		}
		t.debug = os.NewFile(uintptr(fd), "debug")
	}
	if t.welcome.hasDashboard {
		fd, ok := t.conn.TakeFile()
		if !ok {
			return language.NewError("the other process has sent no port of the dashboard")
		}
		t.dashboard = os.NewFile(uintptr(fd), "dashboard")
	}
	return nil
}

// errRefused says that the other process does not hand over, and goes on.
var errRefused = language.NewError("the running process refuses")

// ended is an error of the connection, as one of the handover.
func (t *takeover) ended(err error) error {
	if t.conn.HasDied(deathWithin) {
		return fmt.Errorf("handover: %w: %w", ErrPredecessorDied, err)
	}
	return language.Errorf("handover: the other process has ended it: %w", err)
}

// expect waits for a message of a kind.
func (t *takeover) expect(want handover.Kind) ([]byte, error) {
	k, payload, err := t.conn.Receive()
	switch {
	case err != nil:
		return nil, language.Errorf("the other process has not answered: %w", err)
	case k == handover.KindRefusal:
		why, err := readHandoverMessage(payload)
		if err != nil {
			return nil, err
		}
		return nil, language.Errorf("%w: %w", errRefused, why)
	case k != want:
		return nil, fmt.Errorf("%w: message %d in the place of %d", handover.ErrMalformed, k, want)
	}
	return payload, nil
}

// abandon gives the attempt up: the other process has everything still.
func (t *takeover) abandon() {
	if t == nil {
		return
	}
	t.conn.Close()
	for _, l := range t.listeners {
		_ = l.Close()
	}
	t.closePorts()
	if t.token >= 0 {
		_ = unix.Close(t.token)
		t.token = -1
	}
	for i := range t.loops {
		for _, p := range t.loops[i].pages {
			_ = unix.Close(p.FD)
		}
	}
	for _, v := range t.visitors {
		_ = unix.Close(v.FD)
	}
}

// refuse tells the other process why this one does not go on.
func (t *takeover) refuse(why error) {
	if t == nil || t.taken {
		return
	}
	t.conn.SetDeadline(time.Now().Add(time.Second))
	_ = t.conn.Send(handover.KindRefusal, handoverMessage(language.MessageOf(why)))
	t.abandon()
}
