package cluster

import (
	"context"

	"scenecast/language"
)

// Place is where in its log a process stands whose place another one takes.
type Place struct {
	Epoch  uint64 // 0: the log has none yet
	Number uint64 // of the newest record that was read
}

// Place is this engine's.
func (e *Engine) Place() Place {
	e.mu.Lock()
	defer e.mu.Unlock()
	return Place{e.tail.Newest().Epoch, e.readTo}
}

// Standby connects as the node whose ID this engine has, and reads its log, while another process is that node, which has come so far. It keeps
// what it reads behind that place, and what other nodes tell, for Go. Nobody is told anything. It returns when it has read what is in the log.
// Restore and Start follow, or Close: then nothing has been.
func (e *Engine) Standby(ctx context.Context, p Place) error {
	e.muted.Store(true)
	e.mu.Lock()
	e.moving.isMoved, e.moving.before = true, p.Number
	e.moving.ready, e.moving.epochs = make(chan struct{}), make(map[uint64]struct{})
	e.mu.Unlock()
	e.hold()
	if err := e.backend.Start(ctx, e.options.ID, (*events)(e)); err != nil {
		return language.Errorf("start the backend: %w", err)
	}
	select {
	case <-e.moving.ready:
	case <-ctx.Done():
		return language.Errorf("read the log: %w", ctx.Err())
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, has := e.moving.epochs[p.Epoch]; !has && len(e.moving.epochs) > 0 && p.Epoch != 0 {
		return language.NewError("the settings name another log than that of the running process; restart instead")
	}
	return nil
}

// meetEpoch notes that the log has an epoch.
func (e *Engine) meetEpoch(id uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.moving.epochs != nil {
		e.moving.epochs[id] = struct{}{}
	}
}

// errJournalFull is for a handover that takes too long.
var errJournalFull = language.NewError("more has been pushed while the handover went on than can be kept")

// Go has the engine be the node: it takes what has been kept since the process before stood still. Pages have been adopted.
func (e *Engine) Go() {
	e.mu.Lock()
	e.armMoved()
	e.mu.Unlock()
	e.replay()
	e.spawn(func() { // pages do not wait for it
		e.beat(beatHere)
		e.keepBeating()
	})
}
