package listener

import (
	"bufio"
	"bytes"
	"context"
	"net"
	"net/http"
	"net/netip"

	"scenecast"
	"scenecast/problem"
	"scenecast/socket"
)

// handshaker decides about the connections that one loop accepts. Its buffers are the loop's alone.
type handshaker struct {
	server *Server
	bytes  bytes.Reader
	reader *bufio.Reader

	// Of the last request that was decided about.
	request  *http.Request
	endpoint *Endpoint
}

var _ socket.Handshaker = (*handshaker)(nil)

func newHandshaker(s *Server) *handshaker {
	return &handshaker{server: s, reader: bufio.NewReaderSize(nil, s.options.MaxHead)}
}

var (
	get           = []byte("GET ")
	endOfHead     = []byte("\r\n\r\n")
	emptyLine     = []byte("\n\r\n")
	bareEmptyLine = []byte("\n\n")
	doubleCR      = []byte("\r\r\n") // no line of a head ends so, and a head whose lines do has no end that would be found
)

var onLoop = scenecast.OnLoop(context.Background())

var hijack = socket.Handshake{Action: socket.Hijack}

// Handshake implements socket.Handshaker. What is not certain to become a page goes to net/http, which answers malformed heads too.
func (h *handshaker) Handshake(head []byte, from netip.AddrPort, mayJoin func() bool) socket.Handshake {
	proxy, err := h.server.readProxyHeader(head, from)
	switch {
	case err != nil:
		return hijack // which answers it
	case proxy.more:
		return socket.Handshake{Action: socket.NeedMore}
	}
	decided := h.behindProxyHeader(head[proxy.length:], proxy.from, mayJoin)
	decided.Head += proxy.length
	return decided
}

func (h *handshaker) behindProxyHeader(head []byte, from netip.AddrPort, mayJoin func() bool) socket.Handshake {
	if n := min(len(head), len(get)); !bytes.Equal(head[:n], get[:n]) {
		return hijack
	}
	end, found := headEnd(head)
	switch {
	case found && end <= h.server.options.MaxHead && bytes.HasSuffix(head[:end], endOfHead):
		return h.handshake(head[:end], from, mayJoin)
	case found, len(head) > h.server.options.MaxHead, bytes.Contains(head, doubleCR):
		return hijack
	default:
		return socket.Handshake{Action: socket.NeedMore}
	}
}

// headEnd is where net/http finds the end of a head: behind the first empty line, whether its lines end in CRLF or in LF alone.
func headEnd(b []byte) (end int, found bool) {
	empty := bytes.Index(b, emptyLine)
	if bare := bytes.Index(b, bareEmptyLine); bare >= 0 && (empty < 0 || bare < empty) {
		return bare + len(bareEmptyLine), true
	}
	return empty + len(emptyLine), empty >= 0
}

// handshake reads a whole head and asks its endpoint. A request that is refused over HTTP goes to net/http, where the endpoint is
// asked once more, and answers; and so does one whose admission takes too long for a loop (scenecast.ErrDeferred).
func (h *handshaker) handshake(head []byte, from netip.AddrPort, mayJoin func() bool) socket.Handshake {
	h.bytes.Reset(head)
	h.reader.Reset(&h.bytes)
	r, err := http.ReadRequest(h.reader)
	if err != nil || h.reader.Buffered() > 0 || r.Method != http.MethodGet || r.ContentLength != 0 || !isPlainHead(r) {
		return hijack
	}
	r = r.WithContext(onLoop)
	r.RemoteAddr = remoteAddr(from)
	e := h.server.endpointFor(r)
	if e == nil || e.Blocking {
		return hijack
	}
	h.request, h.endpoint = r, e
	if !mayJoin() {
		return socket.Handshake{Action: socket.Wait}
	}
	to, err := h.server.handshake(r, e)
	if err != nil {
		return hijack
	}
	if to.rejected {
		return socket.Handshake{Action: socket.Reject, Head: len(head), Response: to.response, Ending: to.ending}
	}
	return socket.Handshake{Action: socket.Accept, Head: len(head), Response: to.response, Admission: to.admission}
}

// Hijack implements socket.Handshaker.
func (h *handshaker) Hijack(c net.Conn, read []byte) {
	peer := peerOf(c)
	proxy, err := h.server.readProxyHeader(read, peer)
	if err != nil {
		go h.server.refuseProxyHeader(c, err)
		return
	}
	h.server.handOff(&prefixConn{Conn: c, prefix: read[proxy.length:], remote: proxy.remote(peer)})
}

// HeadTimeout implements socket.Handshaker.
func (h *handshaker) HeadTimeout() []byte { return headerTimeout }

// OutOfDescriptors implements socket.Handshaker. It is asked behind Handshake, about the same connection.
func (h *handshaker) OutOfDescriptors() []byte {
	if h.endpoint.Retry != nil {
		if stream, ok := h.endpoint.Retry(problem.New(problem.Unavailable, outOfDescriptorsText)); ok {
			return h.server.eventStreamOf(h.request, h.endpoint, stream)
		}
	}
	return outOfDescriptors
}
