package otlp

import (
	"encoding/hex"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// The messages of opentelemetry-proto, collector/trace/v1 and trace/v1, in the JSON of OTLP: names in lowerCamelCase, IDs in hexadecimal,
// enumerations as numbers, 64-bit numbers as texts (OTLP 1.10, "JSON Protobuf Encoding"). Fields that are empty are left out.
type (
	request struct {
		ResourceSpans []resourceSpans `json:"resourceSpans"`
	}
	resourceSpans struct {
		Resource   resource     `json:"resource"`
		ScopeSpans []scopeSpans `json:"scopeSpans"`
		SchemaURL  string       `json:"schemaUrl,omitempty"`
	}
	resource struct {
		Attributes []keyValue `json:"attributes,omitempty"`
	}
	scopeSpans struct {
		Scope     scope  `json:"scope"`
		Spans     []span `json:"spans"`
		SchemaURL string `json:"schemaUrl,omitempty"`
	}
	scope struct {
		Name    string `json:"name,omitempty"`
		Version string `json:"version,omitempty"`
	}
	span struct {
		TraceID           string     `json:"traceId"`
		SpanID            string     `json:"spanId"`
		TraceState        string     `json:"traceState,omitempty"`
		ParentSpanID      string     `json:"parentSpanId,omitempty"`
		Flags             uint32     `json:"flags,omitempty"`
		Name              string     `json:"name"`
		Kind              int        `json:"kind"`
		Start             string     `json:"startTimeUnixNano"`
		End               string     `json:"endTimeUnixNano"`
		Attributes        []keyValue `json:"attributes,omitempty"`
		DroppedAttributes int        `json:"droppedAttributesCount,omitempty"`
		Events            []event    `json:"events,omitempty"`
		DroppedEvents     int        `json:"droppedEventsCount,omitempty"`
		Links             []link     `json:"links,omitempty"`
		DroppedLinks      int        `json:"droppedLinksCount,omitempty"`
		Status            *status    `json:"status,omitempty"`
	}
	event struct {
		Time       string     `json:"timeUnixNano"`
		Name       string     `json:"name"`
		Attributes []keyValue `json:"attributes,omitempty"`
	}
	link struct {
		TraceID    string     `json:"traceId"`
		SpanID     string     `json:"spanId"`
		TraceState string     `json:"traceState,omitempty"`
		Attributes []keyValue `json:"attributes,omitempty"`
		Flags      uint32     `json:"flags,omitempty"`
	}
	status struct {
		Message string `json:"message,omitempty"`
		Code    int    `json:"code"`
	}
	keyValue struct {
		Key   string `json:"key"`
		Value value  `json:"value"`
	}
	// value is an AnyValue: one of its fields is set.
	value struct {
		String *string `json:"stringValue,omitempty"`
		Bool   *bool   `json:"boolValue,omitempty"`
		Int    *string `json:"intValue,omitempty"`
		Double any     `json:"doubleValue,omitempty"`
		Array  *array  `json:"arrayValue,omitempty"`
	}
	array struct {
		Values []value `json:"values"`
	}
)

// encode is the body of a request with these spans, grouped by resource and by scope.
func encode(spans []sdk.ReadOnlySpan) ([]byte, error) {
	type group struct {
		resource attribute.Distinct
		scope    string
	}
	var r request
	resources := make(map[attribute.Distinct]int)
	scopes := make(map[group]int)
	for _, s := range spans {
		of := group{s.Resource().Equivalent(), s.InstrumentationScope().Name + " " + s.InstrumentationScope().Version}
		i, known := resources[of.resource]
		if !known {
			i = len(r.ResourceSpans)
			resources[of.resource] = i
			r.ResourceSpans = append(r.ResourceSpans, resourceSpans{
				Resource:  resource{attributes(s.Resource().Attributes())},
				SchemaURL: s.Resource().SchemaURL(),
			})
		}
		to := &r.ResourceSpans[i]
		j, known := scopes[of]
		if !known {
			j = len(to.ScopeSpans)
			scopes[of] = j
			from := s.InstrumentationScope()
			to.ScopeSpans = append(to.ScopeSpans, scopeSpans{Scope: scope{text(from.Name), text(from.Version)}, SchemaURL: from.SchemaURL})
		}
		to.ScopeSpans[j].Spans = append(to.ScopeSpans[j].Spans, spanOf(s))
	}
	return json.Marshal(r)
}

func spanOf(s sdk.ReadOnlySpan) span {
	c := s.SpanContext()
	e := span{
		TraceID:           hexOf(c.TraceID()),
		SpanID:            hexOfSpan(c.SpanID()),
		TraceState:        c.TraceState().String(),
		Flags:             flags(c.TraceFlags(), s.Parent().IsRemote()),
		Name:              text(s.Name()),
		Kind:              int(s.SpanKind()), // whose numbers are those of the protocol
		Start:             nanos(s.StartTime()),
		End:               nanos(s.EndTime()),
		Attributes:        attributes(s.Attributes()),
		DroppedAttributes: s.DroppedAttributes(),
		DroppedEvents:     s.DroppedEvents(),
		DroppedLinks:      s.DroppedLinks(),
	}
	if s.Parent().HasSpanID() {
		e.ParentSpanID = hexOfSpan(s.Parent().SpanID())
	}
	for _, of := range s.Events() {
		e.Events = append(e.Events, event{nanos(of.Time), text(of.Name), attributes(of.Attributes)})
	}
	for _, of := range s.Links() {
		to := of.SpanContext
		e.Links = append(e.Links, link{hexOf(to.TraceID()), hexOfSpan(to.SpanID()), to.TraceState().String(), attributes(of.Attributes), flags(to.TraceFlags(), to.IsRemote())})
	}
	switch s.Status().Code { // whose numbers are not those of the protocol
	case codes.Ok:
		e.Status = &status{Code: 1}
	case codes.Error:
		e.Status = &status{text(s.Status().Description), 2}
	}
	return e
}

// The bits of flags above those of W3C Trace Context (trace.proto, SpanFlags).
const (
	knowsIsRemote = 0x100
	isRemote      = 0x200
)

func flags(f trace.TraceFlags, remote bool) uint32 {
	bits := uint32(f) | knowsIsRemote
	if remote {
		bits |= isRemote
	}
	return bits
}

func attributes(of []attribute.KeyValue) []keyValue {
	list := make([]keyValue, 0, len(of))
	for _, a := range of {
		list = append(list, keyValue{text(string(a.Key)), valueOf(a.Value)})
	}
	return list
}

func valueOf(v attribute.Value) value {
	switch v.Type() {
	case attribute.BOOL:
		b := v.AsBool()
		return value{Bool: &b}
	case attribute.INT64:
		n := strconv.FormatInt(v.AsInt64(), 10)
		return value{Int: &n}
	case attribute.FLOAT64:
		return value{Double: double(v.AsFloat64())}
	case attribute.BOOLSLICE:
		return arrayOf(v.AsBoolSlice(), attribute.BoolValue)
	case attribute.INT64SLICE:
		return arrayOf(v.AsInt64Slice(), attribute.Int64Value)
	case attribute.FLOAT64SLICE:
		return arrayOf(v.AsFloat64Slice(), attribute.Float64Value)
	case attribute.STRINGSLICE:
		return arrayOf(v.AsStringSlice(), attribute.StringValue)
	}
	s := text(v.String())
	return value{String: &s}
}

func arrayOf[T any](of []T, single func(T) attribute.Value) value {
	values := make([]value, len(of))
	for i, v := range of {
		values[i] = valueOf(single(v))
	}
	return value{Array: &array{values}}
}

// double is a number, or one of the texts that ProtoJSON has for what JSON has no number for.
func double(f float64) any {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	return f
}

// text is UTF-8, as every text of Protobuf must be.
func text(s string) string { return strings.ToValidUTF8(s, "\ufffd") }

func hexOf(id trace.TraceID) string    { return hex.EncodeToString(id[:]) }
func hexOfSpan(id trace.SpanID) string { return hex.EncodeToString(id[:]) }

func nanos(t time.Time) string { return strconv.FormatInt(t.UnixNano(), 10) }
