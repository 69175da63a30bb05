package listener

import (
	"bufio"
	"bytes"
	"net"
	"net/http"
	"net/netip"

	"scenecast/socket"
	"scenecast/websocket"
)

// door decides about the visitors of one loop. What it reads with is the loop's alone.
type door struct {
	server *Server
	bytes  bytes.Reader
	reader *bufio.Reader
}

var _ socket.Handshaker = (*door)(nil)

func newDoor(s *Server) *door {
	return &door{server: s, reader: bufio.NewReaderSize(nil, s.options.MaxHead)}
}

var (
	get           = []byte("GET ")
	endOfHead     = []byte("\r\n\r\n")
	emptyLine     = []byte("\n\r\n")
	bareEmptyLine = []byte("\n\n")
)

// Greet implements socket.Handshaker. Whatever is not certain to become a page is net/http's, mistakes among it.
func (d *door) Handshake(said []byte, from netip.AddrPort) socket.Handshake {
	if n := min(len(said), len(get)); !bytes.Equal(said[:n], get[:n]) {
		return socket.Handshake{Action: socket.Hijack}
	}
	end, found := headEnd(said)
	switch {
	case found && end <= d.server.options.MaxHead && bytes.HasSuffix(said[:end], endOfHead):
		return d.greet(said[:end], from)
	case found, len(said) > d.server.options.MaxHead:
		return socket.Handshake{Action: socket.Hijack}
	default:
		return socket.Handshake{Action: socket.NeedMore}
	}
}

// headEnd is where a head ends, for net/http: behind the first empty line, whether its lines end in CRLF or in LF alone.
func headEnd(said []byte) (end int, found bool) {
	empty := bytes.Index(said, emptyLine)
	if bare := bytes.Index(said, bareEmptyLine); bare >= 0 && (empty < 0 || bare < empty) {
		return bare + len(bareEmptyLine), true
	}
	return empty + len(emptyLine), empty >= 0
}

// greet reads a whole head.
func (d *door) greet(head []byte, from netip.AddrPort) socket.Handshake {
	takeOver := socket.Handshake{Action: socket.Hijack}
	d.bytes.Reset(head)
	d.reader.Reset(&d.bytes)
	r, err := http.ReadRequest(d.reader)
	if err != nil || d.reader.Buffered() > 0 || r.Host == "" || r.ContentLength != 0 || len(r.TransferEncoding) > 0 {
		return takeOver
	}
	r.RemoteAddr = from.String()
	var e entry
	if stream, ok := d.server.options.Streams[r.URL.Path]; ok && !stream.MayWait {
		e, err = d.server.admitToStream(r, &stream)
	} else if upgrade, ok := d.server.options.Upgrades[r.URL.Path]; ok && !upgrade.MayWait && websocket.IsUpgrade(r) {
		e, err = d.server.decide(r, &upgrade)
	} else {
		return takeOver
	}
	if err != nil {
		return takeOver // it is asked again there, and answered over HTTP
	}
	g := socket.Handshake{Action: socket.Accept, Head: len(head), Response: e.answer, Admission: e.admission}
	if e.sentAway {
		g.Action, g.Ending = socket.Reject, e.ending
	}
	return g
}

// Hijack implements socket.Handshaker.
func (d *door) Hijack(c net.Conn, said []byte) {
	d.server.handed.put(&handedConn{Conn: c, said: said})
}

// Late implements socket.Handshaker.
func (d *door) HeadTimeout() []byte { return slowHead }

// Full implements socket.Handshaker.
func (d *door) OutOfDescriptors() []byte { return noFiles }
