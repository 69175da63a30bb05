package websockettest_test

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"scenecast"
	"scenecast/leaktest"
	"scenecast/problem"
	"scenecast/websocket"
	"scenecast/websocket/websockettest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// TestRun runs the suite against the smallest server that can be made of package websocket.
func TestRun(t *testing.T) {
	for _, c := range []struct {
		name       string
		deflate    bool
		maxMessage int
	}{
		{"plain", false, 64 << 10},
		{"deflate", true, 64 << 10},
		{"deflate, large messages", true, 300 << 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := httptest.NewUnstartedServer(echo{c.deflate, c.maxMessage})
			s.Config.MaxHeaderBytes = 8 << 10
			s.Start()
			defer s.Close()
			websockettest.Run(t, websockettest.Echo{
				Dial:       func() (net.Conn, error) { return net.Dial("tcp", s.Listener.Addr().String()) },
				MaxMessage: c.maxMessage,
				MaxHead:    8 << 10,
				Deflate:    c.deflate,
			})
		})
	}
}

// echo reads and writes in turns. It is slow, and short enough to be right.
type echo struct {
	deflate    bool
	maxMessage int
}

func (e echo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := websocket.CheckHandshake(r, ""); err != nil {
		w.Header().Set("Allow", "GET")
		w.Header().Set("Sec-WebSocket-Version", "13")
		http.Error(w, err.Error(), problem.Of(err).Kind.Status())
		return
	}
	extensions := ""
	if e.deflate {
		extensions, _ = websocket.AcceptDeflate(r.Header)
	}
	conn, in, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	c := &connection{Conn: conn, deflate: extensions != ""}
	_, _ = conn.Write(websocket.SwitchingProtocols(r, "", extensions))
	d := &websocket.Decoder{MaxMessage: e.maxMessage, Deflate: c.deflate}
	buf := make([]byte, 4096)
	for !c.closed {
		n, err := in.Read(buf)
		if err != nil {
			return
		}
		var violation *websocket.Error
		if errors.As(d.Feed(buf[:n], c), &violation) {
			_, _ = conn.Write(websocket.CloseFrame(violation.Code, violation.Reason))
			_ = conn.(*net.TCPConn).CloseWrite()
			for err == nil { // what the page still sends is thrown away, or closing would reset the connection
				_, err = in.Read(buf)
			}
			return
		}
	}
}

// connection is one page's.
type connection struct {
	net.Conn
	deflate bool
	closed  bool
}

func (c *connection) Message(m scenecast.Inbound) {
	frame := websocket.BinaryFrame(m.Data)
	if m.Text {
		frame = websocket.TextFrame(m.Data)
	}
	if c.deflate {
		frame = websocket.CompressFrame(frame)
	}
	_, _ = c.Write(frame)
}

func (c *connection) Ping(payload []byte) { _, _ = c.Write(websocket.PongFrame(payload)) }

func (c *connection) Pong([]byte) {}

func (c *connection) PeerClosed(code scenecast.CloseCode, _ string) {
	c.closed = true
	_, _ = c.Write(websocket.CloseFrame(code, ""))
}
