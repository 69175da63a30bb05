package hub

import "scenecast/handover"

// Traffic is what has gone to and fro on a connection.
type Traffic struct {
	Pushes   int64 // live pushes that its outbox took: without those of a replay, and those that wait for it
	Messages int64 // that it has sent, as far as it may send as many
}

// TrafficMember is a Member of a hub that counts traffic.
type TrafficMember interface {
	Traffic() Traffic
}

var _ TrafficMember = (*view)(nil)

// Traffic implements TrafficMember.
func (v *view) Traffic() Traffic {
	if !v.shard.hub.countsTraffic {
		return Traffic{}
	}
	return *v.shard.trafficOf(v.slot.Index)
}

// trafficOf is the traffic in a slot, whose connection may have been taken over from another process.
func (s *Shard) trafficOf(index uint32) *Traffic {
	if int(index) >= len(s.traffic) {
		s.traffic = append(s.traffic, make([]Traffic, int(index)+1-len(s.traffic))...)
	}
	return &s.traffic[index]
}

func (t *Traffic) export(e *handover.Encoder) {
	e.Uint(fieldTrafficPushes, uint64(t.Pushes))
	e.Uint(fieldTrafficMessages, uint64(t.Messages))
}

func (t *Traffic) decode(f handover.Field, v *handover.Value) bool {
	switch f {
	case fieldTrafficPushes:
		t.Pushes = int64(v.Uint())
	case fieldTrafficMessages:
		t.Messages = int64(v.Uint())
	default:
		return false
	}
	return true
}
