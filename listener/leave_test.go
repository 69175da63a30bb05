package listener

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"scenecast/socket"
)

// leaving is a server of net/http's connections alone, and one client of it, whose bytes the test writes itself.
type leaving struct {
	*Server
	t        *testing.T
	client   net.Conn
	r        *bufio.Reader
	moved    atomic.Int32
	requests chan string   // those that have come
	answer   chan struct{} // lets one be answered
	read     chan int      // lengths of the reads that have brought something
	idle     chan struct{} // not nil: lets a connection be idle
	wakeAt   atomic.Bool   // the connection is woken once more when a read has brought something
}

// spiedConn tells of what was read.
type spiedConn struct {
	net.Conn
	l *leaving
}

func (c *spiedConn) NetConn() net.Conn { return c.Conn }

func (c *spiedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		if c.l.wakeAt.Swap(false) {
			c.l.moving.Store(&moving{c.l.take})
			c.l.connections.leave()
		}
		c.l.read <- n
	}
	return n, err
}

func (l *leaving) take(int, socket.Visitor) { l.moved.Add(1) }

func newLeaving(t *testing.T) *leaving {
	t.Helper()
	l := &leaving{t: t, requests: make(chan string, 8), answer: make(chan struct{}, 8), read: make(chan int, 64)}
	l.Server = &Server{options: Options{IdleTimeout: time.Minute}.withDefaults(), connections: newConnections()}
	port, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.handoff = newHandoffListener(port.Addr())
	s := &http.Server{
		ReadHeaderTimeout: time.Minute, IdleTimeout: time.Minute, ConnContext: l.connections.context,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c := connectionOf(r)
			c.begin()
			defer c.end()
			l.requests <- r.URL.Path
			<-l.answer
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(r.URL.Path, err)
			}
			_, _ = io.WriteString(w, r.URL.Path+string(body))
		}),
		ConnState: func(c net.Conn, state http.ConnState) {
			if state == http.StateIdle && l.idle != nil {
				<-l.idle
			}
			l.connections.note(c, state)
		},
	}
	served := make(chan struct{})
	go func() { defer close(served); _ = s.Serve(httpListener{l.handoff, l.Server}) }()
	if l.client, err = net.Dial("tcp", port.Addr().String()); err != nil {
		t.Fatal(err)
	}
	_ = l.client.SetDeadline(time.Now().Add(20 * time.Second))
	l.r = bufio.NewReader(l.client)
	c, err := port.Accept()
	if err != nil {
		t.Fatal(err)
	}
	l.handOff(&prefixConn{Conn: &spiedConn{c, l}})
	t.Cleanup(func() {
		_ = l.client.Close()
		_ = s.Close()
		_ = port.Close()
		<-served
	})
	return l
}

func (l *leaving) write(text string) {
	l.t.Helper()
	if _, err := io.WriteString(l.client, text); err != nil {
		l.t.Fatal(err)
	}
}

func (l *leaving) expect(body string) {
	l.t.Helper()
	r, err := http.ReadResponse(l.r, nil)
	if err != nil {
		l.t.Fatalf("%s is not answered: %v", body, err)
	}
	got, err := io.ReadAll(r.Body)
	if err != nil || string(got) != body {
		l.t.Errorf("%q, %v, want %q", got, err, body)
	}
	_ = r.Body.Close()
}

// awaitMoved waits until the connection has gone to the other process.
func (l *leaving) awaitMoved() {
	l.t.Helper()
	l.AwaitLeft(l.t.Context())
	if n := l.moved.Load(); n != 1 {
		l.t.Errorf("%d connections have moved", n)
	}
}

const rest = " HTTP/1.1\r\nHost: x\r\n\r\n"

// TestLeaveIdle: a connection moves when the client has no request under way, at once or behind the answer.
func TestLeaveIdle(t *testing.T) {
	for _, when := range []string{"before", "behind"} {
		l := newLeaving(t)
		l.write("GET /1" + rest)
		<-l.requests
		if when == "before" {
			l.Leave(l.take)
		}
		l.answer <- struct{}{}
		l.expect("/1")
		if when == "behind" {
			l.Leave(l.take)
		}
		l.awaitMoved()
	}
}

// TestLeaveBetween: a connection counts from when it was given to net/http, and until net/http has ended with it, also between the end of an
// answer and the wait for the next request. Whoever stops net/http there resets the connection under the next request.
func TestLeaveBetween(t *testing.T) {
	c := newConnections()
	c.arrive()
	if n := c.leave(); n != 1 {
		t.Errorf("%d connections have not left, before net/http knows of it", n)
	}
	l := newLeaving(t)
	l.write("GET /0" + rest[:2])
	<-l.read
	l.idle = make(chan struct{})
	l.Leave(l.take)
	l.write(rest[2:])
	<-l.requests
	l.answer <- struct{}{}
	l.expect("/0") // the answer has ended, and net/http does not know of the connection as idle
	for l.connections.busy() > 0 {
		time.Sleep(time.Millisecond)
	}
	if n := l.connections.leave(); n != 1 {
		t.Errorf("%d connections have not left, between two requests", n)
	}
	l.idle <- struct{}{}
	l.awaitMoved()
}

// TestLeaveBegun: a connection stays as long as net/http has read anything of the next request, however that has come.
func TestLeaveBegun(t *testing.T) {
	next := "GET /2" + rest
	for _, cut := range []int{1, 3, len("GET /2 HTTP/1.1\r\n"), len(next) - 5, len(next)} { // also where a line ends, and nothing is left in the buffer
		for _, together := range []bool{true, false} {
			l := newLeaving(t)
			first := "GET /1" + rest
			if together {
				first += next[:cut]
			}
			l.write(first)
			<-l.requests
			<-l.read
			if !together {
				l.write(next[:cut])
				<-l.read // the reader in the background has got a byte
			}
			l.Leave(l.take)
			l.answer <- struct{}{}
			l.expect("/1")
			for range 3 { // it is asked to leave at every moment
				l.connections.leave()
				time.Sleep(time.Millisecond)
			}
			l.write(next[cut:])
			l.answer <- struct{}{}
			l.expect("/2")
			l.awaitMoved() // behind that
		}
	}
}

// TestLeaveAsRequestComes: a request that comes at the moment at which its connection is to leave has all the time that it would have had.
func TestLeaveAsRequestComes(t *testing.T) {
	for _, head := range []string{"POST /2 HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n", "PO", "POST /2 HTTP/1.1\r\n"} {
		l := newLeaving(t)
		l.write("GET /1" + rest)
		<-l.requests
		<-l.read
		l.answer <- struct{}{}
		l.expect("/1")
		for !l.waits() {
			time.Sleep(time.Millisecond)
		}
		l.wakeAt.Store(true)
		l.write(head)
		<-l.read
		time.Sleep(20 * time.Millisecond) // so that a deadline that is in force shows
		l.write(("POST /2 HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody")[len(head):])
		l.answer <- struct{}{}
		l.expect("/2body")
		l.awaitMoved()
	}
}

// waits reports whether net/http waits for a request.
func (l *leaving) waits() bool {
	l.connections.mu.Lock()
	defer l.connections.mu.Unlock()
	for c := range l.connections.open {
		h := asHTTPConn(c)
		h.idle.mu.Lock()
		defer h.idle.mu.Unlock()
		return h.idle.reading
	}
	return false
}
