package hub_test

import (
	"fmt"
	"strings"

	"scenecast"
	"scenecast/label"
)

// lines is a protocol whose messages are lines: "push SEQ", "late SEQ", "gap REASON SEQ". Its pages say "LABEL=VALUE" to get a
// label.
type lines struct{}

func (lines) Name() string                            { return "lines" }
func (lines) Opened(scenecast.Conn)                   {}
func (lines) Closed(scenecast.Conn, scenecast.Ending) {}
func (lines) Traits() scenecast.Traits {
	return scenecast.Traits{EncodeGap: func(n scenecast.GapNotice) []byte {
		return fmt.Appendf(nil, "gap %s %d\n", n.Reason, n.Newest.Seq)
	}}
}
func (lines) EncodePush(p *scenecast.Push, d scenecast.Delivery) []byte {
	if d == scenecast.Late {
		return fmt.Appendf(nil, "late %d\n", p.Position.Seq)
	}
	return fmt.Appendf(nil, "push %d\n", p.Position.Seq)
}

func (lines) Received(c scenecast.Conn, m scenecast.Inbound) {
	key, value, _ := strings.Cut(string(m.Data), "=")
	c.Relabel(label.Change{key: {value}})
}

// acking are lines whose pages acknowledge: they say "ack SEQ" as well.
type acking struct{ lines }

func (acking) Name() string { return "acking" }
func (a acking) Traits() scenecast.Traits {
	t := a.lines.Traits()
	t.Acknowledges = true
	return t
}
func (a acking) Received(c scenecast.Conn, m scenecast.Inbound) {
	p := scenecast.Position{Epoch: epoch}
	if _, err := fmt.Sscanf(string(m.Data), "ack %d", &p.Seq); err == nil {
		c.Acknowledge(p)
		return
	}
	a.lines.Received(c, m)
}
