package listener

import (
	"bytes"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"
)

// taken is what net/http's server makes of the bytes that a client has sent so far.
type taken struct {
	taken bool   // they are a request that its handler gets; otherwise they are refused, or it waits for more
	asked string // its host and target
	head  int    // bytes that the request has
}

// askNetHTTP gives bytes to net/http's server.
func askNetHTTP(t *testing.T, sent []byte) taken {
	t.Helper()
	var got taken
	conn := &sentConn{sent: sent, closed: make(chan struct{})}
	s := http.Server{
		ErrorLog: log.New(io.Discard, "", 0),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c, buffered, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			got = taken{true, r.Host + " " + r.URL.RequestURI(), len(sent) - len(conn.sent) - buffered.Reader.Buffered()}
			c.Close()
		}),
	}
	if err := s.Serve(&oneConn{conn}); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	<-conn.closed
	return got
}

// oneConn is a listener with one connection.
type oneConn struct{ conn net.Conn }

func (l *oneConn) Accept() (net.Conn, error) {
	if l.conn == nil {
		return nil, io.EOF
	}
	c := l.conn
	l.conn = nil
	return c, nil
}

func (l *oneConn) Close() error   { return nil }
func (l *oneConn) Addr() net.Addr { return new(net.TCPAddr) }

// sentConn is a connection on which these bytes have come, and no others in time.
type sentConn struct {
	sent   []byte
	closed chan struct{}
	once   sync.Once
}

func (c *sentConn) Read(b []byte) (int, error) {
	if len(c.sent) == 0 {
		return 0, os.ErrDeadlineExceeded
	}
	n := copy(b, c.sent)
	c.sent = bytes.Clone(c.sent[n:])
	return n, nil
}

func (c *sentConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return nil
}

func (c *sentConn) Write(b []byte) (int, error)      { return len(b), nil }
func (c *sentConn) LocalAddr() net.Addr              { return new(net.TCPAddr) }
func (c *sentConn) RemoteAddr() net.Addr             { return new(net.TCPAddr) }
func (c *sentConn) SetDeadline(time.Time) error      { return nil }
func (c *sentConn) SetReadDeadline(time.Time) error  { return nil }
func (c *sentConn) SetWriteDeadline(time.Time) error { return nil }
