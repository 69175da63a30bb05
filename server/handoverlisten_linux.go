package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"scenecast/handover"
	"scenecast/handover/link"
	"scenecast/language"
	"scenecast/listener"
)

// handoverService waits at the setting's path for a process that is to take over, and for a command that asks for one.
type handoverService struct {
	server     *Server
	listener   *net.UnixListener
	removePath func()
	stop       context.CancelFunc
	running    sync.WaitGroup
	ended      sync.Once

	busy chan struct{} // holds one value while nobody hands over
	next *successor    // that has the pages; nil: none has
	conn *link.Conn    // to it

	starting sync.Mutex // held while a process that was started has not taken over yet

	mu       sync.Mutex
	watchers map[chan attempt]struct{} // who wants to know how attempts end
	silent   []*link.Conn              // callers that have not said what they want, the oldest first
}

// attempt is what happens to a handover.
type attempt struct {
	pid      int // of the process that is to take over; 0: it is of another namespace
	progress language.Text
	ended    bool
	err      error // why it has failed
}

const handoverMode = 0o600

// listenForSuccessor begins to wait. Whoever listened at the path before has nothing left to give.
func (s *Server) listenForSuccessor(ctx context.Context) error {
	path := s.options.Config.Handover
	if path == "" {
		return nil
	}
	l, remove, err := listener.ReplaceUnixSocket(ctx, path, handoverMode)
	if err != nil {
		return fmt.Errorf("handover: %s: %w", path, err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	h := &handoverService{
		server: s, listener: l, removePath: remove, stop: stop, busy: make(chan struct{}, 1), watchers: make(map[chan attempt]struct{}),
	}
	h.busy <- struct{}{}
	s.handover = h
	h.running.Go(func() { h.accept(ctx) })
	s.log.Info("handover: another process can take over", "path", path)
	return nil
}

// maxSilentCallers bounds those that have connected and not said what they want. One more has the oldest be closed, so that they do not keep a
// process out that speaks. Those that have spoken need no bound: of each kind one is served at a time, and others are refused at once.
const maxSilentCallers = 8

// connected keeps a caller until it has spoken, in the place of the one that has been silent for longest where there are many.
func (h *handoverService) connected(conn *link.Conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.silent) == maxSilentCallers {
		h.silent[0].Close()
		h.silent = slices.Delete(h.silent, 0, 1)
	}
	h.silent = append(h.silent, conn)
}

// spoken notes that a caller is not silent any more, or has gone.
func (h *handoverService) spoken(conn *link.Conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if i := slices.Index(h.silent, conn); i >= 0 {
		h.silent = slices.Delete(h.silent, i, i+1)
	}
}

func (h *handoverService) accept(ctx context.Context) {
	for {
		c, err := h.listener.AcceptUnix()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			h.server.log.Warn("handover", "err", err)
			time.Sleep(100 * time.Millisecond)
			continue
		}
		conn, err := link.New(c)
		if err != nil {
			h.server.log.Warn("handover: refused", "why", err)
			h.server.handovers.count(handoverRefused)
			continue
		}
		h.connected(conn)
		h.running.Go(func() { h.serve(ctx, conn) })
	}
}

// serve serves one connection.
func (h *handoverService) serve(ctx context.Context, conn *link.Conn) {
	conn.SetDeadline(time.Now().Add(helloWithin)) // before ctx may end, whose deadline is the last one
	closing := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer closing()
	k, payload, err := conn.Receive()
	h.spoken(conn)
	switch {
	case err != nil:
		conn.Close() // somebody who only looks whether anybody is here, among others
		return
	case k == handover.KindStart:
		closing() // the end of this process is what a command waits for, and must not cut its answer
		h.serveCommand(ctx, conn)
		conn.Close()
		return
	case k != handover.KindHello:
		err = fmt.Errorf("%w: message %d in the place of a hello", handover.ErrMalformed, k)
	default:
		err = h.handOver(ctx, conn, payload)
	}
	if err == nil {
		return // the connection is the successor's
	}
	closing() // what it is told is told also where it is this process that stops
	conn.SetDeadline(time.Now().Add(time.Second))
	_ = conn.Send(handover.KindRefusal, handoverMessage(language.MessageOf(err)))
	conn.Close()
	failed := new(failedHandover)
	if errors.As(err, &failed) {
		h.server.handovers.count(handoverFailed)
		h.server.log.Error("handover: failed, and this process goes on with the pages", "why", failed.why, "still", failed.still)
	} else {
		h.server.handovers.count(handoverRefused)
		h.server.log.Warn("handover: refused", "why", err)
	}
	h.tell(attempt{pid: conn.PID(), ended: true, err: err})
}

// errUnderWay refuses to hand over twice at a time.
var errUnderWay = language.NewError("another handover is under way")

// failedHandover is an attempt that has failed after pages had begun to stand still.
type failedHandover struct {
	why   error
	still time.Duration
}

// Error implements error.
func (f *failedHandover) Error() string { return f.why.Error() }

// Unwrap leads to why, which is told in the language of who reads it.
func (f *failedHandover) Unwrap() error { return f.why }

// tell tells who waits how far an attempt is.
func (h *handoverService) tell(a attempt) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for w := range h.watchers {
		select {
		case w <- a:
		default:
		}
	}
}

// watch is told how far attempts are, until forget.
func (h *handoverService) watch() (attempts chan attempt, forget func()) {
	attempts = make(chan attempt, 64)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.watchers[attempts] = struct{}{}
	return attempts, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.watchers, attempts)
	}
}

// end ends the waiting, and an attempt that is under way, unless the other process has the pages.
func (h *handoverService) end() {
	if h == nil {
		return
	}
	h.ended.Do(func() {
		h.stop()
		_ = h.listener.Close()
		h.running.Wait()
		if h.next == nil { // otherwise the path is that of the process that has the pages
			h.removePath()
		}
	})
}

// HandOver has a process that Options.Successor starts take over. It returns when that has everything, or why it has not.
func (s *Server) HandOver(ctx context.Context) error {
	h := s.handover
	switch {
	case h == nil && s.options.Config.Handover != "":
		return errNoSocket
	case h == nil:
		return errNoHandover
	case s.options.Successor == nil:
		return language.NewError("the program that this server is part of starts no other process")
	}
	return h.start(ctx, func(language.Text) {})
}

// HandOverLogged is HandOver for somebody who reads the log.
func (s *Server) HandOverLogged(ctx context.Context) {
	if err := s.HandOver(ctx); err != nil && ctx.Err() == nil {
		s.log.Error("handover: not done, and this process goes on", "why", err)
	}
}

// startWithin is how long a process that was started has to take over.
const startWithin = 2 * time.Minute

// start starts a process that is to take over, and waits until it has, or has failed.
func (h *handoverService) start(ctx context.Context, tell func(progress language.Text)) (err error) {
	if !h.starting.TryLock() {
		return errUnderWay
	}
	defer h.starting.Unlock()
	if w := h.server.options.Supervisor; w != nil {
		w.HandoverBegins()
		defer func() {
			if err != nil {
				w.HandoverFailed()
			}
		}()
	}
	attempts, forget := h.watch()
	defer forget()
	command, err := h.server.options.Successor()
	if err != nil {
		return err
	}
	if err := command.Start(); err != nil {
		return language.Errorf("the new process cannot be started: %w", err)
	}
	h.server.log.Info("handover: a new process was started", "pid", command.Process.Pid, "program", command.Path)
	tell(language.Textf("process %d was started: %s", command.Process.Pid, command.Path))
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	timer := time.NewTimer(startWithin)
	defer timer.Stop()
	for {
		select {
		case a := <-attempts:
			if over, err := a.of(command.Process.Pid, tell); over {
				return err
			}
		case err := <-ended:
			for told := time.After(100 * time.Millisecond); told != nil; { // it may have told why
				select {
				case a := <-attempts:
					if over, err := a.of(command.Process.Pid, tell); over {
						return err
					}
				case <-told:
					told = nil
				}
			}
			if err == nil {
				err = language.NewError("it has not said why")
			}
			err = language.Errorf("the new process has ended: %w", err)
			h.server.log.Error("handover: failed, and this process goes on with the pages", "why", err)
			h.server.handovers.count(handoverFailed)
			return err
		case <-timer.C:
			_ = command.Process.Kill()
			return language.Errorf("the new process has not taken over in %v", startWithin)
		case <-ctx.Done():
			for {
				select {
				case a := <-attempts: // this process may end because the other one has everything
					if over, err := a.of(command.Process.Pid, tell); over {
						return err
					}
				case <-h.busy: // nobody hands over, so what was started would find nobody, and run on when this process has ended
					_ = command.Process.Kill()
					h.busy <- struct{}{}
					return language.NewError("this process ends, and so the new one was ended")
				}
			}
		}
	}
}

// of is what an attempt says to who has started a process: whether that is over, and how. Who else was refused does not concern it.
func (a *attempt) of(pid int, tell func(progress language.Text)) (over bool, err error) {
	switch {
	case a.ended && a.err == nil: // the pages are gone, whoever has them
		return true, nil
	case a.pid != pid:
		return false, nil
	case !a.ended:
		tell(a.progress)
		return false, nil
	}
	return true, a.err
}

// answerWithin is how long a command has to read what it is told.
const answerWithin = time.Second

// serveCommand starts a handover for a command, and tells it how far that is.
func (h *handoverService) serveCommand(ctx context.Context, conn *link.Conn) {
	answer := func(k handover.Kind, payload []byte) {
		conn.SetDeadline(time.Now().Add(answerWithin))
		_ = conn.Send(k, payload)
	}
	tell := func(progress language.Text) { answer(handover.KindProgress, handoverMessage(progress.Message())) }
	var err error
	if h.server.options.Successor == nil {
		err = language.NewError("the program that this server is part of starts no other process")
	} else {
		err = h.start(ctx, tell)
	}
	if err != nil {
		answer(handover.KindRefusal, handoverMessage(language.MessageOf(err)))
		return
	}
	answer(handover.KindTaken, nil)
}

// RequestHandover asks the process that listens at a path to hand over, and tells how far it is. It returns when another process has
// everything, or why none has.
func RequestHandover(ctx context.Context, path string, tell func(progress language.Message)) error {
	conn, err := link.Dial(path, helloWithin)
	if errors.Is(err, link.ErrNobody) {
		return language.Errorf("%s: %w", path, ErrNoHandover)
	}
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })()
	if err := conn.Send(handover.KindStart, nil); err != nil {
		return err
	}
	for {
		k, payload, err := conn.Receive()
		if err != nil {
			return language.Errorf("the server has not answered: %w", errors.Join(err, ctx.Err()))
		}
		told, err := readHandoverMessage(payload)
		switch {
		case err != nil:
			return err
		case k == handover.KindTaken:
			return nil
		case k == handover.KindRefusal:
			return told
		case k == handover.KindProgress:
			tell(told)
		}
	}
}
