package server

import (
	"net/netip"

	"scenecast"
	"scenecast/handover"
)

// originOf is where a page with a lease comes from: as it was noted, or, where nothing asks for that, the peer, unless that is a proxy. The zero
// address: it is not known.
func (s *Server) originOf(l scenecast.Lease, peer netip.Addr) netip.Addr {
	if from, known := s.quota.Origin(l); known {
		if from.IsUnspecified() { // pages without an address, which count together
			return netip.Addr{}
		}
		return from
	}
	if s.apps.proxyProtocol() != nil || s.apps.proxies().Contain(peer) {
		return netip.Addr{}
	}
	return peer
}

// Of where a page comes from. The optional ones are what the access log knows, where there is one.
var (
	fieldAddress  = handover.Required(1) // as addresses are counted
	fieldClient   = handover.Optional(2) // to the last bit; none: the page has no address
	fieldAdmitted = handover.Optional(3)
)

// encodeOrigin appends where a page comes from, as far as that is known. It is called on the page's loop.
func (s *Server) encodeOrigin(e *handover.Encoder, id scenecast.ConnID, l scenecast.Lease) {
	if from, known := s.quota.Origin(l); known {
		e.Text(fieldAddress, from.String())
	}
	if page, known := s.accessPages.page(id); known {
		if page.from.IsValid() {
			e.Text(fieldClient, page.from.String())
		}
		e.Time(fieldAdmitted, page.began)
	}
}

// pageOrigin is where a page comes from that was another process's.
type pageOrigin struct {
	counted netip.Addr // by the limits of addresses; not valid: they do not count it
	access  accessPage // began is zero: the other process does not tell
}

// decodeOrigin reads what encodeOrigin has appended. What is no address is not known.
func decodeOrigin(record []byte) (o pageOrigin) {
	_ = handover.Decode(record, func(f handover.Field, v *handover.Value) bool {
		switch f {
		case fieldAddress:
			o.counted, _ = netip.ParseAddr(v.Text())
		case fieldClient:
			o.access.from, _ = netip.ParseAddr(v.Text())
		case fieldAdmitted:
			o.access.began = v.Time()
		}
		return true
	})
	return o
}

// adoptOrigin counts a page that was another process's, and has the access log know of it. What the other process does not tell is taken from
// the page's socket. The lease is the one that the page leaves under. It is called on the page's loop.
func (s *Server) adoptOrigin(id scenecast.ConnID, app string, o pageOrigin, socket scenecast.SocketState) scenecast.Lease {
	lease := s.quota.Adopt(app, o.counted, o.counted.IsValid())
	if o.access.began.IsZero() {
		o.access = accessPage{s.originOf(lease, socket.Peer), socket.Opened}
	}
	s.accessPages.adopt(id, o.access)
	return lease
}
