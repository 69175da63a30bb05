package cluster

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"scenecast"
	"scenecast/audience"
)

// encode is the record of these pushes.
func encode(origin scenecast.NodeID, number uint64, pushes []*scenecast.Push) []byte {
	version := byte(1)
	for _, p := range pushes {
		version = max(version, versionOf(p))
	}
	if n := len(pushes); n == 0 || pushes[n-1].App != scenecast.TracesApp {
		if traces := carryTraces(pushes); traces != nil {
			pushes = append(slices.Clip(pushes), traces)
		}
	}
	b := appendCount(appendHead(nil, version, origin, number), len(pushes))
	for _, p := range pushes {
		b = appendPush(b, p)
	}
	return b
}

func decode(b []byte) (record, error) {
	var texts audiences
	return decodeRecord(b, texts.parse)
}

// everyField are pushes that between them set every field that travels.
func everyField(t testing.TB) []*scenecast.Push {
	to, err := audience.Parse(`page == "home" && !has(plan) || path.startsWith("/a")`)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Unix(1_700_000_000, 123_456_789)
	return []*scenecast.Push{
		{ID: "a", App: "app", To: audience.Everybody(), At: at, Message: scenecast.Message{Data: []byte(`1`)}, Trace: &scenecast.TraceContext{TraceID: [16]byte{15: 1}, SpanID: [8]byte{2}}},
		{
			ID: "订单", App: "other", To: to, At: at.Add(time.Nanosecond), Message: scenecast.Message{Event: "e", Data: []byte(`{"a":[1,2]}`)},
			TTL: time.Hour, Coalesce: "c", Retain: "r", IdempotencyKey: "key", Receipt: scenecast.ReceiptAcked, Timeout: 3 * time.Second,
		},
		{ID: "b", App: "app", To: audience.Everybody(), At: at, Message: scenecast.Message{Data: []byte(`2`)}, Receipt: scenecast.ReceiptAcked, Confinement: `tenant == "7"`},
		{ID: "c", App: "app", To: audience.Everybody(), At: at, Message: scenecast.Message{User: "42", Data: []byte(`2`)}, Receipt: scenecast.ReceiptAcked, Confinement: `tenant == "7"`},
		{ID: "d", App: "app", To: audience.Everybody(), At: at, Message: scenecast.Message{User: "张", Data: []byte(`2`)}},
		{ID: "empty", App: "", To: audience.Everybody(), At: time.Unix(0, 0), Message: scenecast.Message{Data: []byte{}}, Receipt: scenecast.ReceiptWritten},
	}
}

// TestRecordRoundTrip: every field of a push comes back, and a record that has lost its end, or has gained one, is none.
func TestRecordRoundTrip(t *testing.T) {
	pushes := everyField(t)
	b := encode(1<<53-1, 1<<40, pushes)
	r, err := decode(b)
	if err != nil || r.origin != 1<<53-1 || r.number != 1<<40 || len(r.pushes) != len(pushes)+1 {
		t.Fatalf("%+v, %v", r, err)
	}
	for i, p := range r.pushes[:len(pushes)] {
		want := *pushes[i]
		if !p.At.Equal(want.At) || p.To.String() != want.To.String() {
			t.Errorf("push %d: at %v to %s, want %v, %s", i, p.At, p.To, want.At, want.To)
		}
		got := *p
		got.At, got.To, want.At, want.To = time.Time{}, audience.Expr{}, time.Time{}, audience.Expr{}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("push %d: %+v, want %+v", i, got, want)
		}
		if p.Fingerprint() != pushes[i].Fingerprint() {
			t.Errorf("push %d: another fingerprint", i)
		}
	}
	for n := range b {
		if _, err := decode(b[:n]); err == nil {
			t.Errorf("the first %d of %d bytes are a record", n, len(b))
		}
	}
	if _, err := decode(append(bytes.Clone(b), 0)); err == nil {
		t.Error("with one byte more it is a record")
	}
}

// TestRecordFields: a field that is added to Push, and does not travel, is noticed here.
func TestRecordFields(t *testing.T) {
	local := map[string]bool{"Position": true} // which every node gives it by its place in the log
	set := make(map[string]bool)
	for _, p := range everyField(t) {
		v := reflect.ValueOf(*p)
		for i := range v.NumField() {
			if !v.Field(i).IsZero() {
				set[v.Type().Field(i).Name] = true
			}
		}
	}
	for i := range reflect.TypeFor[scenecast.Push]().NumField() {
		if name := reflect.TypeFor[scenecast.Push]().Field(i).Name; !set[name] && !local[name] {
			t.Errorf("no push of the round trip sets %s: does it travel?", name)
		}
	}
}

// TestRecordOfANewerVersion is told apart from one that is damaged: it makes the node unhealthy.
func TestRecordOfANewerVersion(t *testing.T) {
	b := encode(1, 1, everyField(t))
	b[0] = recordVersion + 1
	if _, err := decode(b); !errors.Is(err, errNewer) {
		t.Errorf("%v", err)
	}
	b[0] = 0
	if _, err := decode(b); err == nil || errors.Is(err, errNewer) {
		t.Errorf("the version 0: %v", err)
	}
}

// TestVersions: a record is of the oldest version that can say what is in it, also when it is appended again.
func TestVersions(t *testing.T) {
	pushes := everyField(t)
	for _, c := range []struct {
		push                int
		version, repetition byte
	}{{0, 1, 3}, {2, 2, 3}, {3, 4, 5}, {4, 4, 5}} {
		b := encode(1, 300, pushes[c.push:c.push+1])
		repeated := again(b, 1<<63+9)
		if b[0] != c.version || repeated[0] != c.repetition || !bytes.Equal(again(repeated, 5), repeated) {
			t.Errorf("the push %d: version %d, again %d", c.push, b[0], repeated[0])
		}
		if r, err := decode(repeated); err != nil || r.first != 1<<63+9 || r.origin != 1 || r.number != 300 || r.pushes[0].Message.User != pushes[c.push].Message.User {
			t.Errorf("the push %d again: %+v, %v", c.push, r, err)
		}
		if r, err := decode(b); err != nil || r.first != 0 {
			t.Errorf("the push %d: %+v, %v", c.push, r, err)
		}
	}
}

// TestRecordWithoutPushes is what finds out that records get through again.
func TestRecordWithoutPushes(t *testing.T) {
	if r, err := decode(encode(7, 9, nil)); err != nil || r.origin != 7 || r.number != 9 || len(r.pushes) != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestSequenceNumbers: those of a record's pushes lie between the ends of the records around it.
func TestSequenceNumbers(t *testing.T) {
	for _, number := range []uint64{0, 1, 2, 1 << 30} {
		if first, last := seqOf(number, 0), seqOf(number, maxPushes-1); first > last || last >= endOf(number) || endOf(number) >= seqOf(number+1, 0) {
			t.Errorf("record %d: %d to %d, ending %d; the next begins %d", number, first, last, endOf(number), seqOf(number+1, 0))
		}
	}
}

// FuzzRecord: no bytes upset the decoder, and what it reads is written as it was read.
func FuzzRecord(f *testing.F) {
	b := encode(5, 77, everyField(f))
	f.Add(b)
	f.Add(b[:len(b)/2])
	f.Add(encode(1, 1, nil))
	f.Add([]byte{2})
	f.Add(append(appendHead(nil, 1, 1, 1), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := decode(b)
		if err != nil {
			return
		}
		again, err := decode(encode(r.origin, r.number, r.pushes))
		if err != nil || again.origin != r.origin || again.number != r.number || len(again.pushes) != len(r.pushes) {
			t.Fatalf("%x was read as %+v, and that as %+v, %v", b, r, again, err)
		}
		for i, p := range again.pushes {
			if q := r.pushes[i]; p.Fingerprint() != q.Fingerprint() || p.ID != q.ID || p.App != q.App || !p.At.Equal(q.At) || p.Receipt != q.Receipt {
				t.Fatalf("%x: push %d was %+v, and is %+v", b, i, q, p)
			}
		}
	})
}

// TestReportsRoundTrip: what nodes tell of pushes comes as it was told, also corrections, which are negative.
func TestReportsRoundTrip(t *testing.T) {
	want := []report{
		{number: 1, index: 0, seq: 1 << 10, tally: scenecast.Tally{Matched: 3, Queued: 2, Dropped: 1, Nodes: 1}, done: false},
		{number: 1 << 40, index: maxPushes - 1, seq: 1<<63 + 5, tally: scenecast.Tally{Written: 1, Acked: -2, TimedOut: 1 << 30}, done: true},
	}
	b := appendReports(nil, want)
	got, err := decodeReports(b)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	for n := 1; n < len(b); n++ {
		if got, err := decodeReports(b[:n]); err == nil && len(got) != 1 {
			t.Errorf("the first %d bytes are %+v", n, got)
		}
	}
	v := reflect.ValueOf(scenecast.Tally{})
	if v.NumField() != 7 {
		t.Errorf("a tally has %d fields, and 7 travel", v.NumField())
	}
}

// FuzzReports: no bytes upset the decoder, and what it reads is written as it was read.
func FuzzReports(f *testing.F) {
	f.Add(appendReports(nil, []report{{number: 1, index: 2, seq: 3, tally: scenecast.Tally{Matched: 4, Acked: -1, Nodes: 1}, done: true}}))
	f.Add([]byte{1, 2, 3})
	f.Fuzz(func(t *testing.T, b []byte) {
		reports, err := decodeReports(b)
		if err != nil {
			return
		}
		again, err := decodeReports(appendReports(nil, reports))
		if err != nil || !reflect.DeepEqual(reports, again) {
			t.Fatalf("%x was read as %+v, and that as %+v, %v", b, reports, again, err)
		}
	})
}

// naiveSeen is every number that was added.
type naiveSeen struct {
	highest uint64
	added   map[uint64]bool
}

func (n *naiveSeen) add(number uint64) bool {
	isNew := !n.added[number] && (n.highest < seenWindow || number > n.highest-seenWindow)
	n.highest = max(n.highest, number)
	n.added[number] = true
	return isNew
}

// TestSeenAgainstNaiveSet: a number is new once, whatever the order, and never when it is older than the window.
func TestSeenAgainstNaiveSet(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 0))
			set, model := new(seen), naiveSeen{added: make(map[uint64]bool)}
			at := uint64(1)
			for range 20_000 {
				number := at
				switch r.IntN(10) {
				case 0:
					number = at - min(at-1, r.Uint64N(2*seenWindow))
				case 1, 2, 3:
					number = at - min(at-1, r.Uint64N(20))
				case 4:
					at += r.Uint64N(200)
				case 5:
					if r.IntN(200) == 0 {
						at += seenWindow - 2 + r.Uint64N(4)
					}
				default:
					at++
				}
				if got, want := set.add(number), model.add(number); got != want {
					t.Fatalf("%d is new: %v, want %v; the highest is %d", number, got, want, model.highest)
				}
			}
		})
	}
}
