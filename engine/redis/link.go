package redis

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"scenecast/language"
)

// link is one connection to the server that keeps the log. It belongs to one goroutine; only close may come from another. A link that
// has failed is closed, and what comes next opens another one, to the server that keeps the log then.
type link struct {
	servers *servers
	log     string        // key of the log
	done    chan struct{} // closed by close

	mu     sync.Mutex
	conn   *connection // nil: none is open
	closed bool

	opened time.Time // when one was opened last
}

func newLink(s *servers, log string) *link {
	return &link{servers: s, log: log, done: make(chan struct{})}
}

// command is one that is still to be built.
type command func(rueidis.Builder) rueidis.Completed

// reopenAfter is how long after one attempt to open a connection the next one may come.
const reopenAfter = 100 * time.Millisecond

var (
	errClosed  = language.NewError("the engine is closed")
	errDeposed = language.NewError("the server is not the master any more, as the Sentinels say")
)

// do sends commands in one go and returns their answers, or an error if any of them has failed, in the order of the commands. Redis may
// take so long to answer; to open a connection, where none is, may take about twice answerTimeout besides.
func (l *link) do(timeout time.Duration, commands ...command) ([]rueidis.RedisMessage, error) {
	conn, err := l.open()
	if err != nil {
		return nil, l.explain(err)
	}
	built := make([]rueidis.Completed, len(commands))
	for i, c := range commands {
		built[i] = c(conn.B())
	}
	// close ends it, too: a context that can be cancelled would have the library start goroutines for the connection.
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	answers := make([]rueidis.RedisMessage, 0, len(built))
	for _, r := range conn.DoMulti(ctx, built...) {
		m, err := r.ToMessage()
		if err != nil && !rueidis.IsRedisNil(err) {
			if !staysOpen(err) {
				l.drop(conn)
			}
			return answers, l.explain(err)
		}
		answers = append(answers, m)
	}
	return answers, nil
}

// explain says what an error is about where it does not say so itself. What the server answers stays as it is, but for a key of another
// type, which it does not name.
func (l *link) explain(err error) error {
	e, isAnswer := rueidis.IsRedisErr(err)
	switch {
	case errors.Is(err, errClosed):
		return err
	case isAnswer && strings.Contains(e.Error(), "WRONGTYPE"):
		return language.Errorf("somebody else has set %s, or another key with that prefix: %w", l.log, err)
	case isAnswer:
		return err
	case errors.Is(err, context.DeadlineExceeded):
		return language.Errorf("no answer of Redis in time: %w", err)
	}
	return language.Errorf("the connection to Redis: %w", err)
}

// staysOpen reports whether an answer says nothing against the connection, nor against the server as the one that keeps the log.
func staysOpen(err error) bool {
	e, ok := rueidis.IsRedisErr(err)
	return ok && slices.ContainsFunc([]string{"NOSCRIPT", "OOM", "BUSY", "LOADING", "NOPERM", "MISCONF", "NOREPLICAS", "TRYAGAIN"}, func(word string) bool {
		return strings.Contains(e.Error(), word) // before Redis 7, errors within a script stand in the middle of a line
	})
}

// open returns the connection, or opens one.
func (l *link) open() (*connection, error) {
	l.mu.Lock()
	conn, closed := l.conn, l.closed
	l.mu.Unlock()
	if closed {
		return nil, errClosed
	}
	if conn != nil {
		return conn, nil
	}
	select {
	case <-l.done:
		return nil, errClosed
	case <-time.After(reopenAfter - time.Since(l.opened)):
	}
	l.opened = time.Now()
	conn, err := l.servers.connect()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), answerTimeout)
	defer cancel()
	// In a Redis Cluster, the key of the first command says which server it is.
	err = conn.Do(ctx, conn.B().Exists().Key(l.log).Build()).Error()
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		err = errClosed
	case err == nil && !l.servers.isCurrent(conn):
		err = errDeposed
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	l.conn = conn
	return conn, nil
}

// leave closes a connection to a server that is not the master any more, also while it waits for an answer: one that Sentinel has
// replaced, and does not reach, still takes what it is sent.
func (l *link) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn != nil && !l.servers.isCurrent(l.conn) {
		l.conn.Close()
		l.conn = nil
	}
}

// drop closes a connection that has failed.
func (l *link) drop(conn *connection) {
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
	if l.closed {
		return
	}
	l.closed = true
	close(l.done)
	if l.conn != nil {
		l.conn.Close()
		l.conn = nil
	}
}
