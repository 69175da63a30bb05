package scenecast

import (
	"encoding/hex"
	"errors"
)

// TraceContext names a span of a trace that is sampled, by which others become its children (W3C Trace Context). The zero value is none.
type TraceContext struct {
	TraceID [16]byte
	SpanID  [8]byte
}

// TracesApp is the app of the pushes by which trace contexts go through a log that several nodes share. No page is of it, because no app can
// have this name, so nodes that do not know it have nobody to hand them to.
const TracesApp = "@traces"

// traceparent is the form of version 00, with the flag of a trace that is sampled (W3C Trace Context, 3.2).
const (
	traceparentBytes = 55
	traceparentBegin = "00-"
	traceparentEnd   = "-01"
)

// String is the traceparent, as in 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.
func (c TraceContext) String() string {
	b := make([]byte, 0, traceparentBytes)
	b = append(b, traceparentBegin...)
	b = hex.AppendEncode(b, c.TraceID[:])
	b = append(b, '-')
	b = hex.AppendEncode(b, c.SpanID[:])
	return string(append(b, traceparentEnd...))
}

var errTraceContext = errors.New("no traceparent of a trace that is sampled")

// ParseTraceContext reads what String has made, and nothing else.
func ParseTraceContext(text string) (c TraceContext, err error) {
	if len(text) != traceparentBytes || text[:3] != traceparentBegin || text[35] != '-' || text[52:] != traceparentEnd {
		return TraceContext{}, errTraceContext
	}
	_, err = hex.Decode(c.TraceID[:], []byte(text[3:35]))
	if err == nil {
		_, err = hex.Decode(c.SpanID[:], []byte(text[36:52]))
	}
	if err != nil || c.TraceID == [16]byte{} || c.SpanID == [8]byte{} || c.String() != text {
		return TraceContext{}, errTraceContext
	}
	return c, nil
}
