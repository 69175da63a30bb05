package cluster

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"scenecast"
	"scenecast/audience"
	"scenecast/engine/tail"
)

var traced = scenecast.TraceContext{TraceID: [16]byte{0x4b, 15: 0x36}, SpanID: [8]byte{7: 0xb7}}

const tracedText = "00-4b000000000000000000000000000036-00000000000000b7-01"

// TestTracesNeedNoVersion: a record with a push that is sampled is one of version 1 whose last push has the traces, literally, and a record
// without one has nothing more than before. So a node that knows of no traces reads it.
func TestTracesNeedNoVersion(t *testing.T) {
	at := time.Unix(1_700_000_000, 0)
	pushes := []*scenecast.Push{
		{ID: "a", App: "app", To: audience.Everybody(), At: at, Message: scenecast.Message{Data: []byte("1")}},
		{ID: "b", App: "app", To: audience.Everybody(), At: at, Message: scenecast.Message{Data: []byte("2")}},
	}
	plain := encode(5, 7, pushes)
	pushes[1].Trace = &traced
	b := encode(5, 7, pushes)
	body := string(plain[len("v12345678n")+1:])
	data := `{"1":"` + tracedText + `"}`
	want := string(plain[:10]) + "\x03" + body + "\x00\x07@traces\x01*\x00\x00\x00\x00" + fmt.Sprintf("%c", len(data)) + data
	if got := string(b); !strings.HasPrefix(got, want) || b[0] != 1 {
		t.Errorf("%q\nwant\n%q", got, want)
	}
	r, err := decode(b)
	if err != nil || len(r.pushes) != 3 || r.pushes[0].Trace != nil || r.pushes[1].Trace == nil || *r.pushes[1].Trace != traced {
		t.Errorf("%+v, %v", r.pushes, err)
	}
}

// TestTracesThatAreNone: what cannot be read of traces costs no push.
func TestTracesThatAreNone(t *testing.T) {
	for _, data := range []string{
		``, `{`, `[]`, `{"0":1}`, `{"1":"` + tracedText + `"}`, `{"-1":"` + tracedText + `"}`, `{"x":"` + tracedText + `"}`,
		`{"0":"00-00000000000000000000000000000000-00000000000000b7-01"}`, `{"0":"` + strings.ToUpper(tracedText) + `"}`, `{"0":"` + tracedText + `-"}`,
		`{"0":"` + strings.TrimSuffix(tracedText, "1") + `0"}`,
	} {
		pushes := []*scenecast.Push{
			{ID: "a", App: "app", To: audience.Everybody(), Message: scenecast.Message{Data: []byte("1")}},
			{App: scenecast.TracesApp, To: audience.Everybody(), Message: scenecast.Message{Data: []byte(data)}},
		}
		r, err := decode(encode(5, 7, pushes))
		if err != nil || len(r.pushes) != 2 || r.pushes[0].Trace != nil {
			t.Errorf("%s: %+v, %v", data, r.pushes, err)
		}
	}
}

// TestTracesTravel: on three nodes each push that is sampled is delivered with its trace, and each other one without; the counts that a
// publisher gets are the same; a node that starts later restores none; and a full record of pushes that are sampled is one.
func TestTracesTravel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 3, 1, faults{})
		var pending []scenecast.Pending
		var want []string
		for i := range 2*maxPushes + 10 { // more than records hold
			p := scenecast.Push{ID: fmt.Sprint(i), App: "app", To: audience.Everybody(), Message: scenecast.Message{Data: []byte("1")}}
			if i%3 > 0 {
				p.Trace = &scenecast.TraceContext{TraceID: [16]byte{1}, SpanID: [8]byte{byte(i), byte(i >> 8), 1}}
			}
			want = append(want, fmt.Sprint(p.ID, " ", p.Trace))
			submitted, err := c.engines[i%2].Submit(p)
			if err != nil {
				t.Fatal(err)
			}
			pending = append(pending, submitted)
		}
		for _, p := range pending {
			if done, err := p.Wait(t.Context()); err != nil || done.Tally != (scenecast.Tally{Matched: 3, Queued: 3, Nodes: 3}) {
				t.Fatalf("%+v, %v", done, err)
			}
		}
		slices.Sort(want)
		synctest.Wait()
		for n, s := range c.sinks {
			var got []string
			for _, p := range s.pushes() {
				if p.App != scenecast.TracesApp {
					got = append(got, fmt.Sprint(p.ID, " ", p.Trace))
				}
			}
			if slices.Sort(got); !slices.Equal(got, want) {
				t.Errorf("the node %d has got\n%s\nwant\n%s", n, got, want)
			}
		}
		for n, e := range c.engines {
			if late := e.Stats().TalliesLate; late > 0 || e.Newest() != c.engines[0].Newest() {
				t.Errorf("the node %d: %d tallies are late, and its newest is %v of %v", n, late, e.Newest(), c.engines[0].Newest())
			}
		}
		c.add()
		for _, p := range c.sinks[3].pushes() {
			if p.Trace != nil {
				t.Errorf("%s was restored with its trace", p.ID)
			}
		}
		reader := NewReader(tail.KeyOptions{Window: time.Hour})
		happened := 0
		for _, entry := range c.log.entries {
			if entry.epoch == 0 {
				happening, n, err := reader.Read(1, 1, entry.record)
				if happened += len(happening); err != nil || n != len(happening) {
					t.Errorf("%d of %d, %v", len(happening), n, err)
				}
			}
		}
		if happened != len(want) {
			t.Errorf("the log has %d pushes, want %d", happened, len(want))
		}
		c.close()
	})
}
