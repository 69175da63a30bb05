package redis

import (
	"sync"
	"time"

	"github.com/redis/rueidis"

	"scenecast/language"
)

// appends are the records that are to be appended, in order.
type appends struct {
	wake chan struct{} // there is something in the queue

	mu     sync.Mutex
	queue  []waitingAppend
	closed bool
}

type waitingAppend struct {
	record []byte
	done   func(error)
}

// Append implements cluster.Backend.
func (b *Backend) Append(record []byte, done func(error)) {
	a := &b.appends
	a.mu.Lock()
	closed := a.closed
	if !closed {
		a.queue = append(a.queue, waitingAppend{record, done})
	}
	a.mu.Unlock()
	if closed {
		go done(errClosed)
		return
	}
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// keepAppending appends records one after the other: so they stay in order, whatever becomes of the connection, and WAIT is told of
// the record before it.
func (b *Backend) keepAppending() {
	a := &b.appends
	for {
		select {
		case <-b.ctx.Done():
			return
		case <-a.wake:
		}
		for b.ctx.Err() == nil {
			a.mu.Lock()
			if len(a.queue) == 0 {
				a.queue = nil
				a.mu.Unlock()
				break
			}
			next := a.queue[0]
			a.queue[0] = waitingAppend{}
			a.queue = a.queue[1:]
			a.mu.Unlock()
			err := b.append(next.record)
			b.noteRoom(err)
			next.done(err)
		}
	}
}

// end tells what is left that the backend is closed.
func (a *appends) end() {
	a.mu.Lock()
	queue := a.queue
	a.queue, a.closed = nil, true
	a.mu.Unlock()
	for _, w := range queue {
		w.done(errClosed)
	}
}

// append appends a record, and waits for as many replicas as are asked for.
func (b *Backend) append(record []byte) error {
	args := append(b.scriptArgs(b.read.Load(), misfit{}, b.retention.dropBelow(time.Now())), newIdentity(), rueidis.BinaryString(record))
	if b.options.WaitReplicas == 0 {
		_, err := b.runScript(b.appending, answerTimeout, args)
		return err
	}
	answers, err := b.runScript(b.appending, answerTimeout+replicaTimeout, args, func(c rueidis.Builder) rueidis.Completed {
		return c.Wait().Numreplicas(int64(b.options.WaitReplicas)).Timeout(replicaTimeout.Milliseconds()).Build()
	})
	if err != nil {
		return err
	}
	replicas, err := answers[1].AsInt64()
	if err == nil && replicas < int64(b.options.WaitReplicas) {
		err = language.Errorf("the record is on %d replicas, and redis.wait_replicas asks for %d", replicas, b.options.WaitReplicas)
	}
	return err
}

// replicaTimeout is how long replicas may take to have a record.
const replicaTimeout = time.Second
