package listener

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"time"
)

// plainHTTP answers a client that speaks plain HTTP to a port with TLS.
var plainHTTP = errorResponse(http.StatusBadRequest, "this port speaks TLS: its URLs begin with https:// or wss:// (setting: tls)")

// handshakeFailed closes a connection without TLS. One that was closed before it said anything is not logged: health checks of
// load balancers do that.
func (s *Server) handshakeFailed(c net.Conn, err error) {
	defer c.Close()
	var record tls.RecordHeaderError
	if errors.As(err, &record) && looksLikeHTTP(record.RecordHeader) {
		err = errors.New("plain HTTP on a port with TLS")
		answerAndClose(c, plainHTTP)
	}
	if !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
		s.refusedConnections.Info("TLS handshake failed", "client", ipOf(c.RemoteAddr()), "err", err)
	}
}

// looksLikeHTTP reports whether what stands in the place of a TLS record's header begins a method of HTTP.
func looksLikeHTTP(header [5]byte) bool {
	switch string(header[:]) {
	case "GET /", "HEAD ", "POST ", "PUT /", "OPTIO", "PATCH", "DELET", "PRI *":
		return true
	}
	return false
}

// answerAndClose writes a last response. The other direction is read for a moment: closing with bytes unread would make the kernel
// reset the connection, and the client might lose the response.
func answerAndClose(c net.Conn, response []byte) {
	_ = c.SetDeadline(time.Now().Add(time.Second))
	if _, err := c.Write(response); err == nil && closeWrite(c) == nil {
		_, _ = io.Copy(io.Discard, io.LimitReader(c, 1<<20))
	}
}

// ipOf is a client's address as logs have it: the IP address alone, as the limits count it.
func ipOf(a net.Addr) string {
	host, _, err := net.SplitHostPort(a.String())
	if err != nil {
		return a.String()
	}
	return host
}
