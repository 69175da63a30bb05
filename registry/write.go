package registry

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redis/rueidis"

	"scenecast"
	"scenecast/redisclient"
)

//go:embed write.lua
var writeLua string

var writeScript = rueidis.NewLuaScript(writeLua)

// A step that Redis does in one go is bounded by these; it takes it a millisecond or two.
const (
	stepFields = 500
	stepBytes  = 256 << 10
	scanFields = 200 // that one HSCAN is asked for, and that one step deletes: some 0.3 ms
)

// callTimeout bounds a call of Redis together with its repetitions by the client.
const callTimeout = 2 * time.Second

// maxRetry is the longest pause before Redis is tried again.
const maxRetry = time.Second

// closeAttempts is how often a registry that is being closed tries again where Redis has worked until now: the client has several connections, and
// each may have broken. Otherwise its fields would stay until another node reaps them.
const closeAttempts = 8

// pause waits, and reports whether the registry is being closed, for which it does not wait.
func (r *Registry) pause(d time.Duration) (stopping bool) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return false
	case <-r.stopping:
		return true
	}
}

// errLost is that Redis does not have the newest write, though it was confirmed: it was flushed, has started empty, or is a replica that was
// behind; or somebody has deleted the hash.
var errLost = errors.New("what was written is lost")

// write writes the node's fields until the registry is closed, and begins anew whenever something has failed.
func (r *Registry) write(ctx context.Context) {
	w := &writer{Registry: r, table: table{entries: make(map[scenecast.ConnID]*entry), away: true}, began: r.o.Succeeds}
	told := false         // that Redis is away
	var refusals []string // codes of its answers that were told, as it may refuse what it is asked only when it can be reached again
	retry := r.timing.retry
	left := 0 // attempts of a registry that is being closed
	for {
		err := w.session(ctx)
		if err == nil || ctx.Err() != nil {
			return
		}
		worked := r.up.Swap(false)
		if worked {
			told, refusals, retry = false, nil, r.timing.retry
		}
		w.table.lose()
		code := redisclient.Code(err)
		isNew := code != "" && !slices.Contains(refusals, code)
		if isNew {
			refusals = append(refusals, code)
		}
		switch {
		case told && !isNew:
		case errors.Is(err, errLost):
			r.log.Warn("registry: Redis has lost some of this node's connections; all are written anew")
		default:
			r.log.Warn("registry: Redis cannot be used; it is tried again", "error", err)
		}
		told = true
		if worked {
			left = closeAttempts
		}
		if w.pauseAway(retry) {
			if left == 0 {
				return
			}
			left--
		}
		retry = min(2*retry, maxRetry)
	}
}

// writer is the one goroutine that writes the node's fields. While it waits for Redis, which takes a second or two at most, what the
// loops hand over is kept in their list.
type writer struct {
	*Registry
	table   table
	spare   []event   // an empty list
	number  uint64    // of the newest write
	began   bool      // Redis may have fields of this node
	renewed time.Time // the lease: the newest write began then
}

// takeOver puts into the table what the loops have handed over.
func (w *writer) takeOver() {
	w.mu.Lock()
	events := w.events
	w.events = w.spare
	w.mu.Unlock()
	w.table.apply(w.o.Node, events)
	w.live.Store(int64(w.table.live))
	clear(events) // their labels are not kept
	w.spare = nil
	if cap(events) <= maxSpare {
		w.spare = events[:0]
	}
}

// maxSpare is how long a list is used again at most.
const maxSpare = 4096

// pauseAway is pause while Redis is away: what the loops hand over is taken over.
func (w *writer) pauseAway(d time.Duration) (stopping bool) {
	t := time.NewTimer(d)
	defer t.Stop()
	for {
		select {
		case <-w.due.C:
			w.takeOver()
		case <-t.C:
			return false
		case <-w.stopping:
			return true
		}
	}
}

// session writes everything, then what changes. It ends with an error, or when the registry is closed and has nothing left to be written.
func (w *writer) session(ctx context.Context) error {
	if err := w.connect(); err != nil {
		return err
	}
	w.takeOver()
	w.table.restart()
	again := w.began
	if err := w.rebuild(ctx); err != nil {
		return err
	}
	w.up.Store(true)
	if again {
		w.rebuilds.Add(1)
	}
	w.log.Info("registry: Redis has this node's connections", "key", w.keys.hash, "connections", w.table.live)
	renewal := time.NewTimer(w.timing.renew)
	defer renewal.Stop()
	for {
		renewal.Reset(time.Until(w.renewed.Add(w.timing.renew)))
		var err error
		select {
		case <-w.due.C:
			w.takeOver()
			err = w.flush(ctx)
		case <-renewal.C:
			err = w.step(ctx, batch{}, true)
		case <-w.stopping:
			w.takeOver()
			return w.finish(ctx)
		}
		if err != nil {
			return err
		}
	}
}

func (w *writer) connect() error {
	if w.client.Load() != nil {
		return nil
	}
	c, err := w.o.Connect()
	if err == nil {
		w.client.Store(&c)
	}
	return err
}

// rebuild writes all fields, and deletes those of connections that have ended unnoticed. The first write does not look at what was
// before; all others do, also of a rebuild.
func (w *writer) rebuild(ctx context.Context) error {
	again := w.began
	w.began = true
	if err := w.step(ctx, batch{}, false); err != nil {
		return err
	}
	if err := w.flush(ctx); err != nil || !again {
		return err
	}
	return w.scan(ctx, func(fields map[string][]string) error {
		var gone []string
		for _, field := range fields[w.node] {
			if !w.table.has(field) {
				gone = append(gone, field)
			}
		}
		for len(gone) > 0 {
			n := min(len(gone), stepFields)
			if err := w.step(ctx, batch{ended: gone[:n]}, true); err != nil {
				return err
			}
			gone = gone[n:]
		}
		return w.flush(ctx)
	})
}

// flush writes what has changed, and what changes while it does.
func (w *writer) flush(ctx context.Context) error {
	for {
		select {
		case <-w.due.C:
			w.takeOver()
		default:
		}
		if w.table.isClean() {
			return nil
		}
		b := w.table.take(stepFields, stepBytes)
		if len(b.ids) == 0 {
			continue // they have come and gone
		}
		if err := w.step(ctx, b, true); err != nil {
			return err
		}
		w.table.confirm(b)
	}
}

// step writes a batch, which may be empty, and renews the lease. It returns errLost where a field is missing that was written or, if
// compare says so, where the write before is not the newest that Redis knows.
func (w *writer) step(ctx context.Context, b batch, compare bool) error {
	before := ""
	if compare {
		before = strconv.FormatUint(w.number, 10)
	}
	w.number++
	w.renewed = time.Now()
	args := make([]string, 0, 7+len(b.sets)+len(b.ended))
	args = append(args, w.node, before, strconv.FormatUint(w.number, 10), milliseconds(w.timing.lease), milliseconds(w.timing.hash),
		w.table.sample(), strconv.Itoa(len(b.sets)/2))
	args = append(append(args, b.sets...), b.ended...)
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	c := *w.client.Load()
	kept, err := writeScript.Exec(ctx, c, []string{w.keys.hash, w.keys.leaseOf(w.node), w.keys.nodes}, args).AsInt64()
	switch {
	case err != nil:
		return fmt.Errorf("writing %s: %w", w.keys.hash, err)
	case kept == 0:
		return errLost
	}
	return nil
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// finish writes what is left and gives up the lease. A node that leaves no field behind is no one's to reap.
func (w *writer) finish(ctx context.Context) error {
	if err := w.flush(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	c := *w.client.Load()
	commands := rueidis.Commands{c.B().Del().Key(w.keys.leaseOf(w.node)).Build()}
	if w.table.isEmpty() {
		commands = append(commands, c.B().Srem().Key(w.keys.nodes).Member(w.node).Build())
	}
	for _, answer := range c.DoMulti(ctx, commands...) {
		if err := answer.Error(); err != nil {
			return err
		}
	}
	return nil
}
