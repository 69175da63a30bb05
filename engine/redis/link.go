package redis

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/rueidis"
)

// link is one connection to the server that keeps the log. It belongs to one goroutine; only close may come from another. A link that
// has failed is closed, and what comes next opens another one, to the server that keeps the log then.
type link struct {
	client rueidis.Client
	log    string // key of the log

	mu     sync.Mutex
	conn   rueidis.DedicatedClient // nil: none is open
	closed bool

	opened time.Time // when one was opened last
}

// command is one that is still to be built.
type command func(rueidis.Builder) rueidis.Completed

// reopenAfter is how long after one attempt to open a connection the next one may come.
const reopenAfter = 100 * time.Millisecond

var errClosed = errors.New("the engine is closed")

// do sends commands in one go and returns their answers, or an error if any of them has failed, in the order of the commands. It takes
// no longer than the context's deadline, and about answerTimeout more where a connection must be opened.
func (l *link) do(ctx context.Context, commands ...command) ([]rueidis.RedisMessage, error) {
	conn, err := l.open(ctx)
	if err != nil {
		return nil, err
	}
	built := make([]rueidis.Completed, len(commands))
	for i, c := range commands {
		built[i] = c(conn.B())
	}
	answers := make([]rueidis.RedisMessage, 0, len(built))
	for _, r := range conn.DoMulti(ctx, built...) {
		m, err := r.ToMessage()
		if err != nil && !rueidis.IsRedisNil(err) {
			if !staysOpen(err) {
				l.drop(conn)
			}
			return answers, err
		}
		answers = append(answers, m)
	}
	return answers, nil
}

// staysOpen reports whether an answer says nothing against the connection, nor against the server as the one that keeps the log.
func staysOpen(err error) bool {
	e, ok := rueidis.IsRedisErr(err)
	return ok && slices.ContainsFunc([]string{"NOSCRIPT", "OOM", "BUSY", "LOADING", "NOPERM", "MISCONF", "NOREPLICAS", "TRYAGAIN"}, func(word string) bool {
		return strings.Contains(e.Error(), word) // before Redis 7, errors within a script stand in the middle of a line
	})
}

func (l *link) open(ctx context.Context) (rueidis.DedicatedClient, error) {
	l.mu.Lock()
	conn, closed := l.conn, l.closed
	l.mu.Unlock()
	switch {
	case closed:
		return nil, errClosed
	case conn != nil:
		return conn, nil
	}
	if wait := reopenAfter - time.Since(l.opened); wait > 0 {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(wait):
		}
	}
	l.opened = time.Now()
	conn, _ = l.client.Dedicate()
	// In a Redis Cluster, the key of the first command says which server it is.
	err := conn.Do(ctx, conn.B().Exists().Key(l.log).Build()).Error()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		err = errClosed
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	l.conn = conn
	return conn, nil
}

// drop closes a connection that has failed.
func (l *link) drop(conn rueidis.DedicatedClient) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn == conn {
		l.conn = nil
	}
	conn.Close()
}

// close ends what is under way with an error, and everything that comes.
func (l *link) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	if l.conn != nil {
		l.conn.Close()
		l.conn = nil
	}
}
