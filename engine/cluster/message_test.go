package cluster

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"testing"
	"time"

	"scenecast"
	"scenecast/audience"
	"scenecast/label"
	"scenecast/language"
)

// lonely is a backend whose log is empty, and on which nobody hears anything.
type lonely struct{ on Events }

func (b *lonely) Start(_ context.Context, _ scenecast.NodeID, on Events) error {
	b.on = on
	on.Epoch(1, 0, 0)
	on.Live()
	return nil
}
func (*lonely) CheckRoom() error                                       { return nil }
func (*lonely) MaxRecord() int                                         { return 1 << 20 }
func (b *lonely) Append(_ []byte, done func(error))                    { go done(errLost) }
func (b *lonely) Send(context.Context, scenecast.NodeID, []byte) error { return nil }
func (b *lonely) Close() error                                         { return nil }

// messageFrom is a message of another node.
func messageFrom(from scenecast.NodeID, number uint64, kind byte, body []byte) []byte {
	b := binary.BigEndian.AppendUint64([]byte{kind}, uint64(from))
	return append(binary.AppendUvarint(binary.AppendUvarint(b, number), 0), body...)
}

func asJSON(t testing.TB, v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// FuzzMessage: whatever another node sends, it is answered, passed over or refused.
func FuzzMessage(f *testing.F) {
	e := New(new(lonely), Options{ID: 1, Logger: slog.New(slog.DiscardHandler)})
	if err := e.Start(f.Context(), newSink()); err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = e.Close() })
	for kind, body := range map[byte][]byte{
		messageTally: appendReports(nil, []report{{number: 1, index: 300, tally: scenecast.Tally{Nodes: 1}, done: true}}),
		messageBeat:  asJSON(f, beat{Kind: beatHello, Name: "b", Newest: scenecast.Position{Epoch: 1, Seq: 9}, Records: 1}),
		messageAsk:   asJSON(f, question{No: 1, Within: time.Second, Nodes: []scenecast.NodeID{1}, Query: newQuery(scenecast.Query{App: "app", To: audience.Everybody()})}),
		messageReply: asJSON(f, answer{No: 1, Reply: &scenecast.Reply{}, Tally: &tallied{Found: true}}),
		99:           []byte("of a newer version"),
	} {
		f.Add(kind, body)
		f.Add(kind, body[:len(body)/2])
	}
	f.Add(messageBeat, []byte(`{"kind":"bye"}`))
	f.Add(messageBeat, []byte(`{"newest":"x-1"}`))
	f.Add(messageAsk, []byte(`{"no":1,"within":9223372036854775807,"nodes":[1],"query":{"to":"page ==","list":{"limit":-5}}}`))
	f.Add(messageAsk, []byte(`{"after":"1-18446744073709551615","nodes":[1]}`))
	number := uint64(0)
	f.Fuzz(func(_ *testing.T, kind byte, body []byte) {
		number++
		_ = e.receive(messageFrom(2, number, kind, body))
		_ = e.receive(append([]byte{kind}, body...))
		e.mu.Lock()
		e.waiting = nil
		e.mu.Unlock()
	})
}

// TestDisconnectBetweenVersions: the causes of two versions have different numbers, so none is sent, and none is believed.
func TestDisconnectBetweenVersions(t *testing.T) {
	ending := scenecast.Ending{Cause: scenecast.CauseDisconnected, Code: 4403, Detail: "banned"}
	sent := string(asJSON(t, newQuery(scenecast.Query{App: "app", Disconnect: &scenecast.Disconnect{Ending: ending}}).Disconnect))
	if want := `{"code":4403,"detail":"banned"}`; sent != want {
		t.Errorf("sent %s, want %s", sent, want)
	}
	var q query
	if err := json.Unmarshal([]byte(`{"app":"app","disconnect":{"cause":200,"code":4403,"detail":"banned"}}`), &q); err != nil {
		t.Fatal(err)
	}
	if got, err := q.query(); err != nil || got.Disconnect.Ending != ending {
		t.Errorf("%+v, %v; want %+v", got.Disconnect, err, ending)
	}
}

// TestQueryRoundTrip: every kind of question comes to the other node as it was asked.
func TestQueryRoundTrip(t *testing.T) {
	to, err := audience.Parse(`page == "home" && !has(plan)`)
	if err != nil {
		t.Fatal(err)
	}
	change := label.Change{"plan": {"pro", "beta"}, "old": nil}
	for name, q := range map[string]scenecast.Query{
		"count":      {App: "app", To: to},
		"list":       {App: "app", To: to, List: &scenecast.List{After: scenecast.ConnID{Node: 5, Seq: 7}, Limit: 100}},
		"relabel":    {App: "app", To: to, Relabel: &scenecast.Relabel{Change: change}},
		"disconnect": {App: "app", To: to, Disconnect: &scenecast.Disconnect{Ending: scenecast.EndingBy(scenecast.CauseDisconnected, "bye")}},
		"values":     {App: "app", To: to, Values: &scenecast.Values{Key: "page"}},
		"scenes":     {App: "app", To: to, Scenes: &scenecast.Scenes{By: []string{"page", "order"}, Limit: 100}},
		"stats":      {App: "app", To: to, Stats: &scenecast.Stats{All: true, UpTo: 1 << 40, Steps: 180}},
		"every app":  {App: "app"},
	} {
		t.Run(name, func(t *testing.T) {
			var sent question
			if err := json.Unmarshal(asJSON(t, question{No: 5, Query: newQuery(q)}), &sent); err != nil {
				t.Fatal(err)
			}
			got, err := sent.Query.query()
			if err != nil || got.To.String() != q.To.String() {
				t.Fatalf("%+v, %v", got, err)
			}
			got.To, q.To = audience.Expr{}, audience.Expr{}
			if !reflect.DeepEqual(got, q) {
				t.Errorf("%s came as %s", asJSON(t, q), asJSON(t, got))
			}
		})
	}
}

// TestBeatBetweenVersions: how a node is goes along with its beat, and is not told by one that does not know that.
func TestBeatBetweenVersions(t *testing.T) {
	c := scenecast.Condition{Engine: "nats", LoopLag: time.Millisecond, Draining: "closing", Problems: []string{"x"}}
	for sent, want := range map[string]scenecast.Condition{
		string(asJSON(t, beat{Kind: beatHere, Is: c})):         c,
		string(asJSON(t, beat{Kind: beatHere})):                {},
		`{"kind":"here","newest":"1-9","format":1,"knows":[]}`: {},
	} {
		var b beat
		if err := json.Unmarshal([]byte(sent), &b); err != nil || !reflect.DeepEqual(b.Is, want) {
			t.Errorf("%s tells %+v (%v), want %+v", sent, b.Is, err, want)
		}
	}
	why := language.MessageOf(fmt.Errorf("later: %w", errNewer))
	for sent, want := range map[string]string{
		string(asJSON(t, beat{Kind: beatHere, Problem: why.Error(), Why: why})): why.In(language.Chinese),
		`{"kind":"here","problem":"no room","newest":"1-9","knows":[]}`:         "no room", // an older version
		string(asJSON(t, beat{Kind: beatHere})):                                 "",
	} {
		var b beat
		if err := json.Unmarshal([]byte(sent), &b); err != nil || b.problem().In(language.Chinese) != want {
			t.Errorf("%s tells %q (%v), want %q", sent, b.problem().In(language.Chinese), err, want)
		}
	}
}
