package socket

import (
	"errors"
	"time"

	"scenecast"
	"scenecast/websocket"
)

// class is what many sockets have in common, so that each need keep only its number.
type class struct {
	protocol scenecast.Protocol
	traits   scenecast.Traits
	idle     scenecast.IdlePolicy
}

// classOf is the number of an admission's class. There are as many as there are protocols, or a few more.
func (l *Loop) classOf(a scenecast.Admission) uint32 {
	for i := range l.classes {
		if l.classes[i].protocol == a.Protocol && l.classes[i].idle == a.Idle {
			return uint32(i)
		}
	}
	l.classes = append(l.classes, newClass(a))
	return uint32(len(l.classes) - 1)
}

func newClass(a scenecast.Admission) class {
	k := class{protocol: a.Protocol, idle: a.Idle}
	if a.Protocol != nil {
		k.traits = a.Protocol.Traits()
	}
	return k
}

// ping is what a silent page gets.
func (c *class) ping() []byte {
	if c.traits.Ping != nil {
		return c.traits.Ping
	}
	return pingFrame
}

var pingFrame = websocket.PingFrame()

// closeFrame is the last frame that a page gets.
func (c *class) closeFrame(e scenecast.Ending) []byte {
	if c.traits.EncodeClose != nil {
		return c.traits.EncodeClose(e.Code, e.Detail)
	}
	return websocket.CloseFrame(e.Code, e.Detail)
}

// gap is the notice that frames were dropped; nil where the protocol has none.
func (c *class) gap(dropped int) []byte {
	if c.traits.EncodeGap != nil {
		return c.traits.EncodeGap(scenecast.GapNotice{Reason: scenecast.GapDropped, Dropped: dropped})
	}
	return nil
}

// variant is the form of a frame that a socket gets.
func variant(f *scenecast.Frame, deflate bool) []byte {
	if deflate {
		return f.Variant(websocket.CompressFrame)
	}
	return f.Data
}

// keepalivePolicy is how long the pages of a class may be silent.
func (l *Loop) keepalivePolicy(c *class) keepalivePolicy {
	return keepalivePolicy{pingEvery: l.options.PingEvery, pongWait: l.options.PongWait, idle: c.idle, listenOnly: c.traits.ListenOnly}
}

// violation is the ending of a page whose decoder gives this error.
func violation(err error) scenecast.Ending {
	v := (*websocket.Error)(nil)
	if !errors.As(err, &v) {
		return scenecast.EndingBy(scenecast.CauseViolation, err.Error())
	}
	return scenecast.Ending{Cause: scenecast.CauseViolation, Code: v.Code, Detail: v.Reason}
}

// Details of endings.
const detailNoCloseFrame = "the connection ended without a close frame"

func detailNoPong(o *Options) string          { return "no pong within " + o.PongWait.String() }
func detailIdle(allowed time.Duration) string { return "no frame within " + allowed.String() }
