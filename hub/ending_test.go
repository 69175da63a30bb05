package hub_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"testing"

	"scenecast"
	"scenecast/hub"
	"scenecast/label"
)

// recorder is an observer, and a wire, that writes down what it is told, in one list.
type recorder struct {
	told  []string
	close bool // the wire closes the connection when it hears that it is closed
}

func (r *recorder) note(event string, c interface {
	ID() scenecast.ConnID
	App() string
	Labels() label.Set
}, more ...any) {
	text := fmt.Sprintf("%s %v of %s with %v", event, c.ID(), c.App(), c.Labels().Values("page"))
	r.told = append(r.told, fmt.Sprint(append([]any{text}, more...)...))
}

// Joined, Relabelled and Left implement hub.Observer.
func (r *recorder) Joined(c hub.Member) { r.note("joined", c) }
func (r *recorder) Relabelled(c hub.Member, before label.Set) {
	r.note("relabelled", c, ", before ", before.Values("page"))
}
func (r *recorder) Left(c hub.Member, e scenecast.Ending) {
	r.note("left", c, ": ", e.Cause, " ", e.Code, " ", e.Detail)
}

// MissedPushes implements hub.GapObserver.
func (r *recorder) MissedPushes(c hub.Member, n scenecast.GapNotice) {
	r.note("missed", c, ": ", n.Reason)
}

// recording is the recorder's wire.
type recording struct {
	lines
	*recorder
}

func (r recording) Opened(c scenecast.Conn) { r.note("opened", c) }
func (r recording) Received(c scenecast.Conn, m scenecast.Inbound) {
	switch string(m.Data) {
	case "close":
		c.Close(scenecast.EndingBy(scenecast.CauseBadMessage, "no such thing"))
		r.note("has closed", c)
	default:
		r.lines.Received(c, m)
		r.note("has set", c)
	}
}
func (r recording) Closed(c scenecast.Conn, e scenecast.Ending) {
	if r.close {
		c.Relabel(label.Change{"page": {"nowhere"}})
		c.Close(scenecast.EndingBy(scenecast.CauseUnknown, "closed twice"))
	}
	r.note("closed", c, ": ", e.Cause, " ", e.Code, " ", e.Detail)
}

// newRecorded is a hub on one queue, with an observer and a log of the level debug.
func newRecorded(r *recorder) (*hub.Hub, *queue, *bytes.Buffer) {
	log := new(bytes.Buffer)
	h := hub.New(hub.Options{
		Number: counted,
		Node:   7, Limits: label.DefaultLimits, Log: emptyLog{}, Observers: []hub.Observer{r},
		Logger: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	q := &queue{sockets: make(map[scenecast.Slot]*socket)}
	q.shard = h.AddShard(q)
	return h, q, log
}

// TestObserver is told of what changes, in order, with the labels that the connection has, or had, then.
func TestObserver(t *testing.T) {
	r := new(recorder)
	h, q, _ := newRecorded(r)
	wire := recording{recorder: r}
	k := q.open(admit(wire, "home"))
	q.say(k, "page=list")
	h.Answer(scenecast.Query{App: "a", To: to("*"), Relabel: &scenecast.Relabel{Change: label.Change{"page": {"order"}}}}, func(scenecast.Reply) {})
	q.run(1)
	q.leave(k)
	if want := []string{
		"joined 7.1 of a with [home]",
		"opened 7.1 of a with [home]",
		"relabelled 7.1 of a with [list], before [home]",
		"has set 7.1 of a with [list]",
		"relabelled 7.1 of a with [order], before [list]",
		"closed 7.1 of a with [order]: reset 0 ",
		"left 7.1 of a with [order]: reset 0 ",
	}; !slices.Equal(r.told, want) {
		t.Errorf("told\n%q, want\n%q", r.told, want)
	}
}

// TestGapObserver is told of a gap that a page brings, and of one that all have.
func TestGapObserver(t *testing.T) {
	r := new(recorder)
	h, q, _ := newRecorded(r)
	a := admit(recording{recorder: r}, "home")
	a.Resume = scenecast.Resume{Wanted: true, Malformed: true}
	q.open(a)
	h.Skip(scenecast.GapNotice{Reason: scenecast.GapRetention})
	q.run(1)
	if want := []string{
		"joined 7.1 of a with [home]", "opened 7.1 of a with [home]", "missed 7.1 of a with [home]: position", "missed 7.1 of a with [home]: retention",
	}; !slices.Equal(r.told, want) {
		t.Errorf("told\n%q, want\n%q", r.told, want)
	}
}

// TestEndings: whoever ends a connection, and however, its end is told once, with its cause and its labels, and logged in one line.
func TestEndings(t *testing.T) {
	for _, c := range []struct {
		name string
		end  func(h *hub.Hub, q *queue, k *socket)
		want string // cause, code and detail
	}{
		{"the page", func(_ *hub.Hub, q *queue, k *socket) { q.leave(k) }, `reset 0 `},
		{"its wire", func(_ *hub.Hub, q *queue, k *socket) { q.say(k, "close") }, "bad_message 4400 no such thing"},
		{"a backend", func(h *hub.Hub, q *queue, _ *socket) {
			ending := scenecast.Ending{Cause: scenecast.CauseDisconnected, Code: 4001, Detail: "signed out"}
			h.Answer(scenecast.Query{App: "a", To: to("*"), Disconnect: &scenecast.Disconnect{Ending: ending}}, func(scenecast.Reply) {})
			q.run(1)
		}, "disconnected 4001 signed out"},
		{"a full outbox", func(h *hub.Hub, q *queue, _ *socket) {
			q.frames = 1
			for range 3 {
				h.Deliver(&scenecast.Push{App: "a", To: to("*")}, ignore)
			}
			q.run(3)
		}, "outbox_full 4408 "},
	} {
		for _, closesTwice := range []bool{false, true} {
			r := &recorder{close: closesTwice}
			h, q, log := newRecorded(r)
			a := admit(recording{recorder: r}, "home")
			a.PageID, a.Trusted = "p", set("@user=42", "secret=label")
			k := q.open(a)
			r.told = nil
			c.end(h, q, k)
			q.leave(k) // it has
			want := []string{"closed 7.1 of a with [home]: " + c.want, "left 7.1 of a with [home]: " + c.want}
			if r.told = slices.DeleteFunc(r.told, func(s string) bool { return s[:3] == "has" }); !slices.Equal(r.told, want) {
				t.Errorf("%s ends a connection: told %q, want %q", c.name, r.told, want)
			}
			line := regexp.MustCompile(`^time=\S+ level=DEBUG msg="connection ended" connection=7\.1 app=a protocol=lines user=42 page_id=p ` +
				`cause=(\S+) code=(\d+) detail=(.*)\n$`).FindStringSubmatch(log.String())
			if line == nil || fmt.Sprintf("%s %s %s", line[1], line[2], unquote(line[3])) != c.want {
				t.Errorf("%s ends a connection: the log says %q", c.name, log)
			}
			if h.Connections() != 0 {
				t.Errorf("%s ends a connection: %d are left", c.name, h.Connections())
			}
		}
	}
}

func unquote(s string) string { return regexp.MustCompile(`^"(.*)"$`).ReplaceAllString(s, "$1") }

// TestTakenOver: a connection that was another node's before keeps its ID, and is found by it.
func TestTakenOver(t *testing.T) {
	h, loops := newHub(1)
	p := newProtocol("plain")
	loops[0].open(page(p, "a", "home"))
	for i, id := range []scenecast.ConnID{{Node: 5, Seq: 3}, {Node: 9, Seq: 1}, {Node: 5, Seq: 4}} {
		hub.Join(loops[0].shard, scenecast.Slot{Index: uint32(10 + i)}, page(p, "a", "home"), id)
	}
	var listed []string
	for _, c := range ask(t, h, scenecast.Query{App: "a", To: mustParse(t, "*"), List: &scenecast.List{Limit: 10}}).Connections {
		listed = append(listed, c.ID.String())
		if !c.Labels.Contains(scenecast.LabelID, c.ID.String()) {
			t.Errorf("%v has the labels %v", c.ID, c.Labels)
		}
	}
	if want := []string{"5.3", "5.4", "7.1", "9.1"}; !slices.Equal(listed, want) {
		t.Errorf("there are %q, want %q", listed, want)
	}
	if tally := deliver(t, h, "a", `@id == "5.4"`, "1"); tally.Queued != 1 {
		t.Errorf("a push to one of them: %+v", tally)
	}
}

// TestEndingsByIdentity: how pages have ended is found by what Detail tells of those that come back, whoever their tokens say that they are, and by
// nothing else, also where many end one after the other.
func TestEndingsByIdentity(t *testing.T) {
	h, queues := newQueued(1)
	q := queues[0]
	ask := func(query scenecast.Query) (reply scenecast.Reply) {
		query.App = "a"
		h.Answer(query, func(r scenecast.Reply) { reply = r })
		for q.run(1) {
		}
		return reply
	}
	var admissions []scenecast.Admission
	for i, trusted := range []label.Set{{}, set("tenant=7"), set("@user=42"), set("@user=43", "tenant=7"), set("@user=42", "@user=41"), set("tenant=8")} {
		for _, page := range []string{"p", "page-with-a-longer-name"} {
			admissions = append(admissions, scenecast.Admission{App: "a", PageID: page, Labels: set("page=home", fmt.Sprint("no=", i)), Trusted: trusted, Protocol: lines{}})
		}
	}
	admissions = append(admissions, scenecast.Admission{App: "a", Labels: set("page=home"), Protocol: lines{}}) // without an ID
	for i, a := range admissions {
		q.do(func() {
			q.shard.Closed(q.open(a).slot, scenecast.Ending{Cause: scenecast.CauseDisconnected, Code: scenecast.CloseCode(4000 + i)})
		})
	}
	for i, a := range admissions[:len(admissions)-1] {
		k := q.open(a)
		d := ask(scenecast.Query{To: to("*"), List: &scenecast.List{Limit: 1, Detail: true}}).Detail
		if d == nil || d.Page != a.PageID {
			t.Fatalf("%d: %+v", i, d)
		}
		endings := ask(scenecast.Query{Endings: &scenecast.Endings{Page: d.Page, Identity: d.Identity}}).Endings
		if len(endings) != 1 || endings[0].Code != scenecast.CloseCode(4000+i) {
			t.Errorf("%d, %s of %q: %+v", i, d.Page, d.Identity, endings)
		}
		q.leave(k)
	}
}
