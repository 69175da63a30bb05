package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"scenecast"
	"scenecast/engine/memory"
	"scenecast/handover"
	"scenecast/handover/link"
	"scenecast/handover/value"
	"scenecast/hub"
	"scenecast/revocation"
	"scenecast/socket"
)

// How long the other process may take for a step.
const (
	helloWithin  = 5 * time.Second
	buildWithin  = time.Minute      // to read a configuration, and make everything of it
	streamWithin = 30 * time.Second // for the next message while nothing is frozen
	takeWithin   = 5 * time.Second
)

// takeover is a process that takes the place of another one: it has agreed with that on how, and waits for state.
type takeover struct {
	conn      *link.Conn
	welcome   welcome
	listeners []*os.File
	debug     *os.File // nil: the other process has no debug port
	token     int      // a pipe: whoever reads the one byte that comes has the pages

	server    *Server
	restoring *memory.Restoring
	decoder   value.Decoder
	lasting   map[uint64]*scenecast.Push
	imported  *hub.Import
	presence  []byte // its record
	revoked   []byte
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

// loopCount is how many loops there are to be, ports are their listening sockets, and debugPort is that of the debug port; nil: there is none.
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

// agree exchanges hellos.
func (t *takeover) agree(s *Server) error {
	t.conn.SetDeadline(time.Now().Add(helloWithin))
	hello := handover.Hello{
		Newest: handover.Newest, Oldest: handover.Oldest, Version: s.options.Version, Listen: s.options.Config.Listen, Loops: runtime.GOMAXPROCS(0),
		Settings: settingsDigest(s.options.Config),
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
			return errors.New("the other process has sent no listening sockets")
		}
		t.listeners = append(t.listeners, os.NewFile(uintptr(fd), fmt.Sprint("listener ", i)))
	}
	token, ok := t.conn.TakeFile()
	if !ok {
		return errors.New("the other process has sent no token")
	}
	t.token = token
	if err := unix.SetNonblock(token, true); err != nil {
		return err
	}
	if t.welcome.hasDebug {
		fd, ok := t.conn.TakeFile()
		if !ok {
			return errors.New("the other process has sent no debug port")
		}
		t.debug = os.NewFile(uintptr(fd), "debug")
	}
	return nil
}

// expect waits for a message of a kind.
func (t *takeover) expect(want handover.Kind) ([]byte, error) {
	k, payload, err := t.conn.Receive()
	switch {
	case err != nil:
		return nil, fmt.Errorf("the other process has not answered: %w", err)
	case k == handover.KindRefusal:
		why, err := handover.DecodeRefusal(payload)
		if err != nil {
			return nil, err
		}
		return nil, errors.New("the running process refuses: " + why)
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
	if t.debug != nil {
		_ = t.debug.Close()
	}
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
	_ = t.conn.Send(handover.KindRefusal, handover.Refusal(why.Error()))
	t.abandon()
}

// receive takes the state of the other process, up to where that has nothing more, and then the pages. The server is built, and serves
// nobody. An error says that the other process has them still.
func (t *takeover) receive(s *Server) error {
	t.server = s
	engine, ok := s.engine.(*memory.Engine)
	if !ok {
		return errors.New("handover: needs the engine memory")
	}
	t.restoring = engine.Restore()
	t.imported = s.hub.Import(s.protocols, t.lasting)
	t.loops = make([]movedLoop, t.welcome.loops)
	for i := range t.loops {
		t.loops[i].members = make(map[scenecast.Slot]*hub.MovedPage)
	}
	t.conn.SetDeadline(time.Now().Add(streamWithin))
	if err := t.conn.Send(handover.KindBuilt, nil); err != nil {
		return err
	}
	faultPoint("new.built")
	for {
		t.conn.SetDeadline(time.Now().Add(streamWithin))
		k, payload, err := t.conn.Receive()
		if err != nil {
			return fmt.Errorf("handover: the other process has ended it: %w", err)
		}
		if k == handover.KindEnd {
			if err := t.checkEnd(payload); err != nil {
				return err
			}
			break
		}
		if err := t.take(k, payload); err != nil {
			return fmt.Errorf("handover: what the other process sends: %w", err)
		}
	}
	faultPoint("new.received")
	return t.takeToken()
}

// take takes one message of state.
func (t *takeover) take(k handover.Kind, payload []byte) error {
	switch k {
	case handover.KindLog:
		return t.restoring.Pushes(payload)
	case handover.KindKeys:
		return t.restoring.Keys(payload)
	case handover.KindPushes:
		return handover.Decode(payload, func(f handover.Field, v *handover.Value) bool {
			if f != fieldItem {
				return false
			}
			p := t.decoder.Push(v)
			t.lasting[p.Position.Seq] = p
			return true
		})
	case handover.KindShared:
		return t.takeShared(payload)
	case handover.KindLoop:
		return t.takeLoop(payload)
	case handover.KindPages:
		return t.takePages(payload)
	case handover.KindVisitors:
		return t.takeVisitors(payload)
	case handover.KindRefusal:
		why, err := handover.DecodeRefusal(payload)
		return errors.Join(err, errors.New("the running process gives up: "+why))
	default:
		return fmt.Errorf("%w: message %d", handover.ErrMalformed, k)
	}
}

func (t *takeover) takeShared(payload []byte) error {
	var log []byte
	err := handover.Decode(payload, func(f handover.Field, v *handover.Value) bool {
		switch f {
		case fieldLog:
			log = bytes.Clone(v.Bytes())
		case fieldHub:
			t.imported.Hub(v)
		case fieldPresence:
			t.presence = bytes.Clone(v.Bytes())
		case fieldRevocations:
			t.revoked = bytes.Clone(v.Bytes())
		case fieldFrozenAt:
			t.frozenAt = v.Time()
		default:
			return false
		}
		return true
	})
	if err != nil {
		return err
	}
	faultPoint("new.shared")
	return t.restoring.Rest(log)
}

// loop is the one that a record is about.
func (t *takeover) loop(v *handover.Value) *movedLoop {
	n := v.Count()
	if n >= len(t.loops) {
		v.Fail(fmt.Errorf("%w: loop %d of %d", handover.ErrMalformed, n, len(t.loops)))
		return new(movedLoop)
	}
	return &t.loops[n]
}

func (t *takeover) takeLoop(payload []byte) error {
	number := 0
	return handover.Decode(payload, func(f handover.Field, v *handover.Value) bool {
		switch f {
		case fieldLoop:
			t.loop(v)
			number = v.Count()
		case fieldGenerations:
			generations, err := socket.DecodeGenerations(v.Bytes())
			if err != nil || number >= len(t.loops) {
				v.Fail(errors.Join(err, handover.ErrMalformed))
				return true
			}
			t.loops[number].generations = generations
		case fieldShard:
			if err := t.imported.Shard(number, v.Bytes()); err != nil {
				v.Fail(err)
			}
		default:
			return false
		}
		return true
	})
}

var errNoDescriptor = errors.New("a connection without its descriptor")

func (t *takeover) takePages(payload []byte) error {
	loop := &t.loops[0]
	return handover.Decode(payload, func(f handover.Field, v *handover.Value) bool {
		switch f {
		case fieldLoop:
			loop = t.loop(v)
		case fieldItem:
			fd, ok := t.conn.TakeFile()
			if !ok {
				v.Fail(errNoDescriptor)
				return true
			}
			p, err := loop.decoder.Page(v.Bytes(), fd)
			if err != nil {
				_ = unix.Close(fd)
				v.Fail(err)
				return true
			}
			loop.pages = append(loop.pages, p)
			m, err := t.imported.Page(p.Member)
			if err != nil {
				v.Fail(err)
				return true
			}
			p.Member = nil
			loop.members[p.Slot] = m
		default:
			return false
		}
		return true
	})
}

func (t *takeover) takeVisitors(payload []byte) error {
	return handover.Decode(payload, func(f handover.Field, v *handover.Value) bool {
		if f != fieldItem {
			return false
		}
		fd, ok := t.conn.TakeFile()
		if !ok {
			v.Fail(errNoDescriptor)
			return true
		}
		visitor, err := socket.DecodeVisitor(v.Bytes())
		if err != nil {
			_ = unix.Close(fd)
			v.Fail(err)
			return true
		}
		visitor.FD = fd
		t.visitors = append(t.visitors, visitor)
		return true
	})
}

// checkEnd holds what has come against what the other process has sent.
func (t *takeover) checkEnd(payload []byte) error {
	pages, visitors := 0, 0
	err := handover.Decode(payload, func(f handover.Field, v *handover.Value) bool {
		switch f {
		case fieldPages:
			pages = v.Count()
		case fieldVisitors:
			visitors = v.Count()
		default:
			return false
		}
		return true
	})
	got := 0
	for i := range t.loops {
		got += len(t.loops[i].pages)
		if t.loops[i].generations == nil && len(t.loops[i].pages) > 0 {
			return fmt.Errorf("%w: pages of a loop that has no slots", handover.ErrMalformed)
		}
	}
	if err == nil && (got != pages || len(t.visitors) != visitors) {
		err = fmt.Errorf("%w: %d pages of %d, %d other connections of %d", handover.ErrMalformed, got, pages, len(t.visitors), visitors)
	}
	return err
}

// takeToken says that everything is here, and takes the pages when the other process gives them. Who reads the byte of the pipe has them, and
// both see who that is: so however either hangs or dies, one process has all of them.
func (t *takeover) takeToken() error {
	t.conn.SetDeadline(time.Now().Add(takeWithin))
	if err := t.conn.Send(handover.KindReady, nil); err != nil {
		return fmt.Errorf("handover: the other process has ended it: %w", err)
	}
	faultPoint("new.ready")
	if _, err := t.expect(handover.KindTake); err != nil {
		return fmt.Errorf("handover: %w", err)
	}
	faultPoint("new.take")
	var b [1]byte
	if n, err := unix.Read(t.token, b[:]); n != 1 {
		return fmt.Errorf("handover: the other process has taken its offer back: %w", errors.Join(err, errors.New("no token")))
	}
	t.taken = true
	_ = t.conn.Send(handover.KindTaken, nil) // it may be dead: the pages are here
	_ = unix.Close(t.token)
	t.token = -1
	faultPoint("new.taken")
	return nil
}

// adopt makes everything of the other process this one's. The engine has started, and nothing is served yet.
func (t *takeover) adopt() error {
	s := t.server
	var all []*socket.Held
	for _, loop := range s.loops {
		held, err := loop.Hold()
		if err != nil {
			return err
		}
		held.Freeze()
		all = append(all, held)
	}
	if err := revocation.Restore(s.revocations.Revocations, t.revoked); err != nil {
		s.log.Error("handover: revocations cannot be read, and are not in force", "err", err)
	}
	for seq, p := range t.restoring.Lasting() {
		t.lasting[seq] = p
	}
	if len(t.presence) > 0 {
		if err := s.presence.Restore(t.presence); err != nil {
			s.log.Error("handover: who is in which scene cannot be read, and is found anew", "err", err)
		}
	}
	t.imported.Begin()
	var adopting sync.WaitGroup
	for i, held := range all {
		adopting.Go(func() { held.Adopt(t.loops[i].pages, t.loops[i].generations, &adopter{t, i}) })
	}
	adopting.Wait()
	t.imported.End(s.engine.(*memory.Engine).Reporter, t.finished)
	for _, held := range all {
		held.Thaw()
	}
	return nil
}

// finished tells the other process what has become of a push whose publisher waits there.
func (t *takeover) finished(seq uint64, tally scenecast.Tally) {
	t.telling.Lock()
	defer t.telling.Unlock()
	t.untold = append(t.untold, finishedPush{seq, tally})
	select {
	case t.tell <- struct{}{}:
	default:
	}
}

// finishedPush is what has become of a push.
type finishedPush struct {
	seq   uint64
	tally scenecast.Tally
}

// tellFinished tells the other process what has become of pushes, until ctx ends. Loops hand that over and do not wait for the other process.
func (t *takeover) tellFinished(ctx context.Context) {
	for {
		select {
		case <-t.tell:
		case <-ctx.Done():
			return
		}
		t.telling.Lock()
		untold := t.untold
		t.untold = nil
		t.telling.Unlock()
		for _, p := range untold {
			var e handover.Encoder
			e.Uint(fieldSeq, p.seq)
			value.Tally(&e, fieldTally, p.tally)
			if t.conn.Send(handover.KindFinished, e.Encoded()) != nil {
				return
			}
		}
	}
}

// adopter is what a loop asks about the slots that it takes over.
type adopter struct {
	t      *takeover
	number int
}

func (a *adopter) member(s scenecast.Slot) *hub.MovedPage { return a.t.loops[a.number].members[s] }

// Adopt implements socket.Adopter.
func (a *adopter) Adopt(s scenecast.Slot) scenecast.Admission {
	m := a.member(s)
	from, known := decodeLease(m.Lease())
	lease := a.t.server.quota.Adopt(m.App(), from, known)
	a.t.imported.Adopt(a.number, s, m)
	return scenecast.Admission{Protocol: m.Protocol(), Lease: lease}
}

// Done implements socket.Adopter.
func (a *adopter) Done(s scenecast.Slot, receipts []uint64) func(slot uint32, written bool) {
	return a.t.imported.Done(a.number, s, a.member(s), receipts)
}

// Go implements socket.Adopter.
func (a *adopter) Go(s scenecast.Slot) { a.t.imported.Go(a.number, s, a.member(s)) }

// finish does what may wait until the pages go on.
func (t *takeover) finish(ctx context.Context) {
	s := t.server
	pages := 0
	for i := range t.loops {
		pages += len(t.loops[i].pages)
	}
	still := time.Since(t.frozenAt)
	s.handovers.tookOver(still)
	s.log.Info("handover: this process has the port and the pages", "pages", pages, "still", still, "other_connections", len(t.visitors))
	for i := range t.visitors {
		s.loops[i%len(s.loops)].AdoptVisitors(t.visitors[i : i+1])
	}
	if t.debug != nil {
		_ = t.debug.Close() // the port has a descriptor of its own
	}
	t.loops, t.visitors, t.imported, t.restoring, t.lasting = nil, nil, nil, nil, nil
	s.before = t
	go t.serve(context.WithoutCancel(ctx))
	go func() {
		if closed := s.hub.CloseOutdated(); closed > 0 {
			s.log.Warn("handover: pages were closed whose token or app this configuration does not have", "pages", closed)
		}
		debug.FreeOSMemory() // of what the other process has sent
	}()
}
