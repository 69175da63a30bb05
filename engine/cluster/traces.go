package cluster

import (
	"encoding/json"
	"strconv"

	"scenecast"
	"scenecast/audience"
)

// The trace contexts of a record's pushes travel in a push of their own, the last of the record: one of an app that no page is of, whose data
// are {"INDEX": "TRACEPARENT", …}. So they need no version of records: a node of whatever version reads the record, and one that does not
// know this push hands it to nobody. A record without a push that is sampled has none.

// carryTraces is that push; nil: none of these pushes is sampled.
func carryTraces(pushes []*scenecast.Push) *scenecast.Push {
	var traces map[string]string
	for i, p := range pushes {
		if p.Trace != nil {
			if traces == nil {
				traces = make(map[string]string)
			}
			traces[strconv.Itoa(i)] = p.Trace.String()
		}
	}
	if traces == nil {
		return nil
	}
	data, _ := json.Marshal(traces) // texts: it cannot fail
	return &scenecast.Push{App: scenecast.TracesApp, At: pushes[0].At, To: audience.Everybody(), Message: scenecast.Message{Data: data}}
}

// takeTraces gives pushes of a record the trace contexts that its last push carries. What cannot be read is as if it were not there: a trace
// is not worth a push.
func takeTraces(pushes []*scenecast.Push) {
	last := len(pushes) - 1
	if last < 0 || pushes[last].App != scenecast.TracesApp {
		return
	}
	var traces map[string]string
	if json.Unmarshal(pushes[last].Message.Data, &traces) != nil {
		return
	}
	for key, traceparent := range traces {
		i, err := strconv.Atoi(key)
		if err != nil || i < 0 || i >= last {
			continue
		}
		if c, err := scenecast.ParseTraceContext(traceparent); err == nil {
			pushes[i].Trace = &c
		}
	}
}

// roomFor is how many pushes a record may hold: one fewer where it carries traces.
func roomFor(o *ownRecord, p *scenecast.Push) int {
	if o.traced || p.Trace != nil {
		return maxPushes - 1
	}
	return maxPushes
}

// withTraces is the body of a record with the push that carries its traces, if it has any, and how many pushes that are.
func (o *ownRecord) withTraces() (body []byte, count int) {
	if !o.traced {
		return o.bytes, len(o.pushes)
	}
	pushes := make([]*scenecast.Push, len(o.pushes))
	for i, s := range o.pushes {
		pushes[i] = s.push
	}
	return appendPush(o.bytes, carryTraces(pushes)), len(pushes) + 1
}
