package hub

import (
	"fmt"

	"scenecast"
	"scenecast/handover"
	"scenecast/handover/value"
	"scenecast/hub/replay"
)

// Page takes what Shard.ExportPage has appended. It may be called concurrently.
func (i *Import) Page(record []byte) (*MovedPage, error) {
	m := &MovedPage{id: scenecast.ConnID{Node: i.hub.node}}
	err := handover.Decode(record, func(f handover.Field, v *handover.Value) bool { return i.page(m, f, v) })
	if err == nil && (m.protocol == nil || m.app == "") {
		err = fmt.Errorf("%w: a page without a protocol, or an app", handover.ErrMalformed)
	}
	if v, ok := m.protocol.(scenecast.Variants); ok {
		m.protocol = v.Variant(m.conn)
	}
	return m, err
}

func (i *Import) page(m *MovedPage, f handover.Field, v *handover.Value) bool {
	switch f {
	case fieldProtocol:
		name := v.Text()
		if m.protocol = i.protocols[name]; m.protocol == nil {
			v.Fail(fmt.Errorf("a page of the protocol %.40q, which this process does not have", name))
		}
	case fieldApp:
		m.app = v.Text()
	case fieldSeq:
		m.id.Seq = v.Uint()
	case fieldNode:
		m.id.Node = scenecast.NodeID(v.Uint())
	case fieldLabels:
		m.labels = value.DecodeLabels(v)
	case fieldTokenKeys:
		m.trust.token = v.Texts()
	case fieldBackend:
		m.trust.backend = v.Texts()
	case fieldIdentity:
		m.trust.identity = v.Text()
	case fieldCredential:
		copy(m.trust.credential[:], v.Bytes())
	case fieldMaySet:
		m.trust.maySet = value.DecodeKeys(v)
	case fieldLimit:
		m.trust.limit = value.DecodeKeys(v)
	case fieldState:
		m.state = state(v.Count()) & (hasPageID | awaitingToken | holdsLabels)
	case fieldCalls:
		m.calls = uint8(min(v.Count(), scenecast.MaxCalls))
	case fieldToken:
		m.token = new(scenecast.Token)
		v.Record(func(f handover.Field, v *handover.Value) bool { return m.decodeToken(f, v) })
	case fieldCatchUp:
		m.catchUp = replay.Decode(v)
	case fieldFrom:
		m.from = v.Uint()
	case fieldLate:
		m.late = v.Bool()
	case fieldLateSent:
		m.lateSent = v.Uints()
	case fieldGot:
		m.got = v.Uints()
	case fieldAsked:
		m.asked = v.Uints()
	case fieldWaited:
		m.waited = make(map[uint64]bool)
		for _, seq := range v.Uints() {
			m.waited[seq] = true
		}
	case fieldConn:
		m.conn = append([]byte(nil), v.Bytes()...)
	case fieldLease:
		m.origin = append([]byte(nil), v.Bytes()...)
	case fieldTraffic:
		v.Record(m.traffic.decode)
	default:
		return false
	}
	return true
}

func (m *MovedPage) decodeToken(f handover.Field, v *handover.Value) bool {
	switch f {
	case fieldTokenID:
		m.token.ID = v.Text()
	case fieldIssued:
		m.token.IssuedAt = v.Time()
	case fieldExpires:
		m.token.ExpiresAt = v.Time()
	case fieldNotice:
		m.token.Notice = v.Duration()
	case fieldTokenMay:
		m.token.MaySet = value.DecodeKeys(v)
	case fieldTold:
		m.told = v.Bool()
	default:
		return false
	}
	return true
}

// App is the page's app.
func (m *MovedPage) App() string { return m.app }

// Protocol is the page's.
func (m *MovedPage) Protocol() scenecast.Protocol { return m.protocol }

// ID is the page's.
func (m *MovedPage) ID() scenecast.ConnID { return m.id }

// Origin is the record of where the page comes from, as ExportPage's origin has appended it; nil: there is none.
func (m *MovedPage) Origin() []byte { return m.origin }
