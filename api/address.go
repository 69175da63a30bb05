package api

import (
	"net"
	"net/netip"
)

// addressResponse is the answer to GET /v1/address.
type addressResponse struct {
	Address   string   `json:"address,omitempty"`   // from which the request counts as coming; left out: it cannot be told
	Peer      string   `json:"peer,omitempty"`      // host:port of the connection, or of its PROXY header; left out for a Unix socket
	Forwarded []string `json:"forwarded,omitempty"` // X-Forwarded-For as it came
}

// address answers GET /v1/address: where the server takes the caller to be, so that an operator sees whether proxies pass that on.
func (a *API) address(r *request) (any, error) {
	response := addressResponse{Forwarded: r.Header.Values("X-Forwarded-For")}
	if from := a.o.Origin(r.Request); from.IsValid() {
		response.Address = from.String()
	}
	if host, port, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		if peer, err := netip.ParseAddr(host); err == nil {
			response.Peer = net.JoinHostPort(peer.Unmap().String(), port)
		}
	}
	return response, nil
}
