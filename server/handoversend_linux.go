package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"scenecast"
	"scenecast/engine/cluster"
	"scenecast/handover"
	"scenecast/handover/link"
	"scenecast/handover/value"
	"scenecast/language"
)

// messagesWithin is how long messages between nodes take at most, unless something is wrong: one that takes longer may be lost by a handover, as
// any may be.
const messagesWithin = 250 * time.Millisecond

// handOver gives a process that has said hello everything, step by step. With an error, this process has everything still.
func (h *handoverService) handOver(ctx context.Context, conn *link.Conn, hello []byte) (err error) {
	select {
	case <-h.busy:
	default:
		return errUnderWay
	}
	defer func() {
		if err != nil {
			h.busy <- struct{}{}
		}
	}()
	s := h.server
	begun := time.Now()
	out := &outgoing{service: h, server: s, conn: conn, engine: s.engine.(movingEngine), sent: make(map[uint64]bool)}
	defer out.close()
	if err := out.welcome(hello); err != nil {
		return err
	}
	select { // nothing is reloaded meanwhile
	case <-s.reload.turn:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() {
		if err != nil {
			s.reload.turn <- struct{}{}
		}
	}()
	if s.drains.begun() { // since the welcome; from here on none can
		return errDrained
	}
	conn.SetDeadline(time.Now().Add(buildWithin))
	if err := out.expect(handover.KindBuilt); err != nil {
		return err
	}
	faultPoint("old.built")
	listens := time.Now()
	h.tell(attempt{pid: conn.PID(), progress: language.Textf("the new process is built; the log goes over while pages and backends go on")})
	if err := out.live(ctx); err != nil {
		return err
	}
	if _, isCluster := s.engine.(*cluster.Engine); isCluster {
		select { // messages of other nodes that were sent before the new process listened come here, and are to come before this one stops
		case <-time.After(time.Until(listens.Add(messagesWithin))):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	faultPoint("old.live")
	if err := out.frozen(ctx); err != nil {
		return err
	}
	if w := s.options.Supervisor; w != nil && conn.PID() != 0 { // 0: it is of another namespace
		w.HandedOver(conn.PID())
	}
	s.handovers.count(handoverGiven)
	s.log.Info("handover: another process has the port and the pages", "pages", out.pages, "other_connections", out.visitors,
		"still", out.still, "took", time.Since(begun))
	h.tell(attempt{pid: conn.PID(), progress: language.Textf("%d pages have moved; they stood still for %v", out.pages, out.still.Round(time.Millisecond))})
	h.tell(attempt{pid: conn.PID(), ended: true})
	close(s.handovers.left)
	return nil
}

// errDrained refuses to hand over: the new process would not know that it is to take no pages.
var errDrained = language.NewError("this process is drained of its pages (POST /v1/drain): have it take pages again, or start the new one when it has ended")

// outgoing is a handover, as the process sees it that gives.
type outgoing struct {
	service *handoverService
	server  *Server
	conn    *link.Conn
	engine  movingEngine

	copy     engineCopy
	sent     map[uint64]bool // pushes that last, and were sent besides the log
	token    [2]int          // a pipe: who reads the byte has the pages
	loops    []*outgoingLoop
	frozenAt time.Time
	still    time.Duration
	files    bool // descriptors of pages were sent
	pages    int
	visitors int
}

func (o *outgoing) close() {
	for _, fd := range o.token {
		if fd > 0 {
			_ = unix.Close(fd)
		}
	}
}

// expect waits for a message of a kind.
func (o *outgoing) expect(want handover.Kind) error {
	k, payload, err := o.conn.Receive()
	switch {
	case err != nil:
		return language.Errorf("the new process has not answered: %w", err)
	case k == handover.KindRefusal:
		why, err := readHandoverMessage(payload)
		if err != nil {
			return err
		}
		return language.Errorf("the new process does not go on: %w", why)
	case k != want:
		return fmt.Errorf("%w: message %d in the place of %d", handover.ErrMalformed, k, want)
	}
	return nil
}

// welcome agrees with the new process, or says why not, and sends it what it must have to be built.
func (o *outgoing) welcome(record []byte) error {
	s := o.server
	hello, err := handover.DecodeHello(record)
	if err != nil {
		return err
	}
	format, err := handover.Agree(hello)
	if err != nil {
		return err
	}
	switch {
	case s.draining.Load():
		return language.NewError("this process is going away; start the new one when it has ended")
	case s.drains.begun():
		return errDrained
	case hello.Listen != s.options.Config.Listen:
		return language.Errorf("the new process listens on %q, and this one on %q: a handover keeps the port; restart instead",
			hello.Listen, s.options.Config.Listen)
	case hello.EngineName() != s.options.Config.EngineName():
		return language.Errorf("the new process has the engine %s, and this one %s: restart instead", hello.EngineName(), s.options.Config.EngineName())
	}
	if !bytes.Equal(hello.Settings, settingsDigest(s.reload.config())) {
		s.log.Info("handover: the new process has other settings")
	}
	w := welcome{
		format: format, node: s.id, loops: len(s.loops), version: s.options.Version, pid: os.Getpid(),
		hasDebug: s.debug != nil, hasDashboard: s.dashboard != nil && hello.Dashboard,
	}
	if c, ok := s.engine.(*cluster.Engine); ok {
		w.place = c.Place()
	}
	var files []int
	for _, loop := range s.loops {
		fd := loop.ListenerFD()
		if fd < 0 {
			return language.NewError("this process does not accept connections")
		}
		files = append(files, fd)
	}
	if err := unix.Pipe2(o.token[:], unix.O_NONBLOCK|unix.O_CLOEXEC); err != nil {
		return err
	}
	files = append(files, o.token[0])
	if s.debug != nil {
		fd, err := duplicatePort(s.debug.listener)
		if err != nil {
			return err
		}
		defer func() { _ = unix.Close(fd) }()
		files = append(files, fd)
	}
	if w.hasDashboard {
		fd, err := duplicatePort(s.dashboard.listener)
		if err != nil {
			return err
		}
		defer func() { _ = unix.Close(fd) }()
		files = append(files, fd)
	}
	if len(files) > link.MaxDescriptors {
		return language.Errorf("%d loops are more than a handover can have", len(s.loops))
	}
	o.conn.SetDeadline(time.Now().Add(helloWithin))
	return o.conn.Send(handover.KindWelcome, w.encode(), files...)
}

// live copies the log, its keys and the pushes that last while everything goes on, until little is left.
func (o *outgoing) live(ctx context.Context) error {
	o.copy = copyOf(o.engine)
	for {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		part := o.copy.Pushes()
		if part == nil {
			break
		}
		if err := o.send(handover.KindLog, part); err != nil {
			return err
		}
	}
	for {
		part := o.copy.Keys(false)
		if part == nil {
			break
		}
		if err := o.send(handover.KindKeys, part); err != nil {
			return err
		}
	}
	return o.lasting(o.server.hub.Lasting(o.onLoop))
}

// send sends a message, and gives the new process time to take it.
func (o *outgoing) send(k handover.Kind, payload []byte) error {
	if o.frozenAt.IsZero() {
		o.conn.SetDeadline(time.Now().Add(streamWithin))
	}
	return o.conn.Send(k, payload)
}

// onLoop runs a task on a loop that is not held, and waits for it.
func (o *outgoing) onLoop(number int, task func()) {
	done := make(chan struct{})
	if o.server.loops[number].Post(func() { task(); close(done) }) {
		<-done
	}
}

// lastingBytes is about how long a message of pushes that last is.
const lastingBytes = 1 << 20

// lasting sends pushes that last, as far as they were not sent and are not in the log.
func (o *outgoing) lasting(pushes []*scenecast.Push) error {
	var e handover.Encoder
	for _, p := range pushes {
		if o.sent[p.Position.Seq] || o.copy.Has(p.Position.Seq) {
			continue
		}
		o.sent[p.Position.Seq] = true
		e.Record(fieldItem, func(e *handover.Encoder) { value.EncodePush(e, p) })
		if e.Len() > lastingBytes {
			if err := o.send(handover.KindPushes, e.Encoded()); err != nil {
				return err
			}
			e.Reset()
		}
	}
	if e.Len() == 0 {
		return nil
	}
	return o.send(handover.KindPushes, e.Encoded())
}

// inParallel runs a function for each loop, and returns their errors.
func (o *outgoing) inParallel(each func(l *outgoingLoop) error) error {
	var running sync.WaitGroup
	failed := make([]error, len(o.loops))
	for i, l := range o.loops {
		running.Go(func() { failed[i] = each(l) })
	}
	running.Wait()
	return errors.Join(failed...)
}
