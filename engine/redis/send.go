package redis

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"scenecast"
	"scenecast/language"
)

// sends are the messages that are to be sent, in order. What comes while others are on their way goes together.
type sends struct {
	wake chan struct{} // there is something in the queue
	anew atomic.Bool   // the log has begun anew: Redis may have lost how long streams are to stay

	mu    sync.Mutex
	queue []waitingSend
}

type waitingSend struct {
	ctx     context.Context
	to      string // key of the stream
	message []byte
	done    chan error // takes one
}

// What a stream of messages holds, and how long it is there when nothing comes. A node that is away for longer than that has missed
// messages, which it may.
const (
	mailboxLength = 1000
	mailboxAge    = time.Minute
)

// Send implements cluster.Backend. It returns when Redis has the message.
func (b *Backend) Send(ctx context.Context, to scenecast.NodeID, message []byte) error {
	w := waitingSend{ctx: ctx, to: b.keys.all, message: message, done: make(chan error, 1)}
	if to != 0 {
		w.to = b.mailboxOf(to)
	}
	s := &b.sends
	s.mu.Lock()
	s.queue = append(s.queue, w)
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
	select {
	case err := <-w.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-b.ctx.Done():
		return errClosed
	}
}

func (b *Backend) mailboxOf(node scenecast.NodeID) string {
	return b.keys.mailbox + strconv.FormatUint(uint64(node), 16)
}

// keepSending sends what is in the queue, as often as something is.
func (b *Backend) keepSending() {
	s := &b.sends
	kept := make(map[string]time.Time) // when each stream was told last to stay
	for {
		select {
		case <-b.ctx.Done():
			return
		case <-s.wake:
		}
		if s.anew.Swap(false) {
			clear(kept)
		}
		s.mu.Lock()
		queue := s.queue
		s.queue = nil
		s.mu.Unlock()
		for len(queue) > 0 {
			n := min(len(queue), maxSends)
			b.send(queue[:n], kept)
			queue = queue[n:]
		}
	}
}

// maxSends bounds the messages that go together.
const maxSends = 256

func (b *Backend) send(queue []waitingSend, kept map[string]time.Time) {
	var commands []command
	now := time.Now()
	for _, w := range queue {
		if w.ctx.Err() != nil { // nobody waits for it any more: Redis was away
			continue
		}
		commands = append(commands, func(c rueidis.Builder) rueidis.Completed {
			return c.Xadd().Key(w.to).Maxlen().Almost().Threshold(strconv.Itoa(mailboxLength)).Id("*").
				FieldValue().FieldValue("m", rueidis.BinaryString(w.message)).Build()
		})
		if now.Sub(kept[w.to]) < mailboxAge/3 {
			continue
		}
		kept[w.to] = now
		commands = append(commands, func(c rueidis.Builder) rueidis.Completed {
			return c.Expire().Key(w.to).Seconds(int64(mailboxAge / time.Second)).Build()
		})
	}
	for key, last := range kept {
		if now.Sub(last) > mailboxAge {
			delete(kept, key)
		}
	}
	if len(commands) == 0 {
		return
	}
	_, err := b.sending.do(answerTimeout, commands...)
	if err != nil {
		clear(kept)
		err = errors.Join(errNotSent, err)
	}
	for _, w := range queue {
		w.done <- err
	}
}

var errNotSent = language.NewError("the server has not said that it has the message")
