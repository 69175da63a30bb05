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
		return from
	}
	if s.apps.proxyProtocol() != nil || s.apps.proxies().Contain(peer) {
		return netip.Addr{}
	}
	return peer
}

var fieldAddress = handover.Required(1)

// encodeLease appends where the pages with a lease come from, as far as that is known.
func (s *Server) encodeLease(e *handover.Encoder, l scenecast.Lease) {
	if from, known := s.quota.Origin(l); known {
		e.Text(fieldAddress, from.String())
	}
}

// decodeLease reads it. What is no address is not known.
func decodeLease(record []byte) (from netip.Addr, known bool) {
	_ = handover.Decode(record, func(f handover.Field, v *handover.Value) bool {
		if f == fieldAddress {
			addr, err := netip.ParseAddr(v.Text())
			from, known = addr, err == nil
		}
		return true
	})
	return from, known
}
