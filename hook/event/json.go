package event

import (
	"strconv"
	"time"

	"scenecast"
	"scenecast/label"
)

// AppendJSON appends what MarshalJSON prints. A feed has thousands of events a second, so this is done without reflection.
func (e Event) AppendJSON(b []byte) []byte {
	b = appendText(append(b, '{'), `"id":`, e.ID)
	b = appendText(b, `,"type":`, string(e.Type))
	b = e.At.UTC().Truncate(time.Millisecond).AppendFormat(append(b, `,"timestamp":`...), `"`+time.RFC3339Nano+`"`)
	b = e.Data.appendJSON(append(b, `,"data":`...))
	if e.Trace != nil {
		b = appendText(b, `,"traceparent":`, e.Trace.String())
	}
	return append(b, '}')
}

func (d *Data) appendJSON(b []byte) []byte {
	b = appendText(append(b, '{'), `"app":`, d.App)
	b = appendNumber(b, `,"node":`, int64(d.Node))
	if d.Connection != (scenecast.ConnID{}) {
		b, _ = d.Connection.AppendText(append(b, `,"connection":"`...)) // digits and a dot; it cannot fail
		b = append(b, '"')
	}
	b = appendLabels(b, `,"labels":`, d.Labels)
	b = appendLabels(b, `,"before":`, d.Before)
	b = appendSome(b, `,"cause":`, d.Cause)
	b = appendNumber(b, `,"code":`, int64(d.Code))
	b = appendSome(b, `,"key":`, d.Key)
	b = appendSome(b, `,"value":`, d.Value)
	b = appendSome(b, `,"user":`, d.User)
	b = appendNumber(b, `,"version":`, d.Version)
	b = appendSome(b, `,"trigger":`, d.Trigger)
	b = appendSome(b, `,"by":`, d.By)
	b = appendSome(b, `,"push":`, d.Push)
	b = appendSome(b, `,"to":`, d.To)
	b = appendSome(b, `,"event":`, d.Event)
	b = appendNumber(b, `,"matched":`, int64(d.Matched))
	b = appendSome(b, `,"position":`, d.Position)
	return append(b, '}')
}

func appendText(b []byte, name, text string) []byte {
	return label.AppendJSONString(append(b, name...), text)
}

// appendSome appends a text that is left out where it is empty.
func appendSome(b []byte, name, text string) []byte {
	if text == "" {
		return b
	}
	return appendText(b, name, text)
}

func appendNumber(b []byte, name string, n int64) []byte {
	if n == 0 {
		return b
	}
	return strconv.AppendInt(append(b, name...), n, 10)
}

func appendLabels(b []byte, name string, labels label.Set) []byte {
	if labels.Len() == 0 {
		return b
	}
	return labels.AppendJSON(append(b, name...))
}

// leastJSON is how many bytes an event has in JSON whose texts are empty, at least.
const leastJSON = len(`{"id":"","type":"","timestamp":"2026-01-02T15:04:05Z","data":{"app":""}}`)

// Size is how many bytes the event has in JSON, at least: its texts, as they are, and what is in every event.
func (e Event) Size() int {
	d := &e.Data
	return leastJSON + len(e.ID) + len(e.Type) + len(d.App) + sizeOf(d.Labels) + sizeOf(d.Before) + len(d.Cause) + len(d.Key) + len(d.Value) + len(d.User) +
		len(d.Trigger) + len(d.By) + len(d.Push) + len(d.To) + len(d.Event) + len(d.Position)
}

func sizeOf(labels label.Set) (bytes int) {
	key := ""
	for l := range labels.All() {
		if bytes += len(l.Value); l.Key != key {
			bytes += len(l.Key)
		}
		key = l.Key
	}
	return bytes
}
