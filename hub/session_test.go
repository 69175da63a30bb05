package hub_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"scenecast"
	"scenecast/label"
)

// ofToken is a page whose token brings labels, written as "plan=pro", and that has the ID p.
func ofToken(p scenecast.Protocol, labels ...string) scenecast.Admission {
	a := known(p, "p")
	a.Trusted = set(labels...)
	return a
}

func set(labels ...string) label.Set {
	var all []label.Label
	for _, l := range labels {
		key, value, _ := strings.Cut(l, "=")
		all = append(all, label.Label{Key: key, Value: value})
	}
	return label.New(all...)
}

// strangers are pages that know the page ID of one with the labels of its token, and are others by their own.
var strangers = []struct {
	name           string
	page, stranger []string
}{
	{"another user", []string{"@user=42"}, []string{"@user=7"}},
	{"one whose token names no user", []string{"@user=42"}, nil},
	{"one whose token says something else", []string{"plan=pro"}, []string{"plan=free"}},
	{"one whose token says less", []string{"plan=pro", "team=a"}, []string{"plan=pro"}},
	{"one whose token says it all in one", []string{"plan=pro", "team=a"}, []string{"plan=pro\x04team\x01a"}},
	{"one whose token says nothing", []string{"plan=pro"}, nil},
	{"one whose user is called like the page's labels", nil, []string{"@user="}},
}

// TestStrangerTakesNoPushAway: who knows another page's ID and gets a push with a ttl, has not got it for that page.
func TestStrangerTakesNoPushAway(t *testing.T) {
	for _, c := range strangers {
		withFixture(t, c.name, func(t *testing.T, s *fixture, a, b *queue) {
			stranger, page := ofToken(lines{}, c.stranger...), ofToken(lines{}, c.page...)
			got := a.open(stranger)
			s.lasts(1)
			s.runAll()
			a.leave(got)
			k := b.open(page)
			if s.runAll(); !slices.Equal(k.got, []string{"late 1"}) {
				t.Errorf("the page got %q", k.got)
			}
			b.leave(k)
			k = a.open(page)
			if s.runAll(); len(k.got) != 0 {
				t.Errorf("when it is back, the page got %q again", k.got)
			}
		})
	}
}

// TestStrangerAcknowledgesNothing: who knows another page's ID has not got what that has left unacknowledged.
func TestStrangerAcknowledgesNothing(t *testing.T) {
	for _, c := range strangers {
		withFixture(t, c.name, func(t *testing.T, s *fixture, a, b *queue) {
			page := ofToken(acking{}, c.page...)
			k := a.open(page)
			r := s.asks(t, scenecast.ReceiptAcked)
			s.runAll()
			a.leave(k)
			b.say(b.open(ofToken(acking{}, c.stranger...)), "ack 1")
			r.waits(1)
			b.say(b.open(page), "ack 1")
			r.want(1, 1, 1, 0)
		})
	}
}

// gives has the backend give labels to pages.
func (s *fixture) gives(t *testing.T, audience, key string, values ...string) {
	t.Helper()
	changed := -1
	s.Answer(scenecast.Query{App: "a", To: to(audience), Relabel: &scenecast.Relabel{Change: label.Change{key: values}}},
		func(r scenecast.Reply) { changed = r.Changed })
	if s.runAll(); changed != 1 {
		t.Fatalf("the backend gives %s=%s to %s: %d changed, want 1", key, values, audience, changed)
	}
}

// labelsOf are the labels of the pages that an audience chooses, but for the server's.
func (s *fixture) labelsOf(audience string) (all []string) {
	s.Answer(scenecast.Query{App: "a", To: to(audience), List: &scenecast.List{Limit: 10}}, func(r scenecast.Reply) {
		for _, c := range r.Connections {
			text := ""
			for l := range c.Labels.All() {
				if !label.Reserved(l.Key) {
					text += " " + l.Key + "=" + l.Value
				}
			}
			all = append(all, strings.TrimSpace(text))
		}
	})
	s.runAll()
	return all
}

// TestLabelsOfTheBackendStay with a page that comes back by its ID, and with no other one.
func TestLabelsOfTheBackendStay(t *testing.T) {
	user := []string{"@user=42"}
	for _, c := range []struct {
		name string
		back func(s *fixture, a, b *queue, k *socket)
		want string // the labels of whoever is there then
	}{
		{"on the same shard", func(_ *fixture, a, _ *queue, k *socket) { a.leave(k); a.open(ofToken(lines{}, user...)) }, "order=7 page=home"},
		{"on another shard", func(_ *fixture, a, b *queue, k *socket) { a.leave(k); b.open(ofToken(lines{}, user...)) }, "order=7 page=home"},
		{"just in time", func(_ *fixture, a, b *queue, k *socket) {
			a.leave(k)
			time.Sleep(time.Minute - time.Nanosecond)
			b.open(ofToken(lines{}, user...))
		}, "order=7 page=home"},
		{"too late", func(_ *fixture, a, b *queue, k *socket) {
			a.leave(k)
			time.Sleep(time.Minute)
			b.open(ofToken(lines{}, user...))
		}, "page=home"},
		{"too late, when it has been back before", func(_ *fixture, a, b *queue, k *socket) {
			a.leave(k)
			b.leave(b.open(ofToken(lines{}, user...)))
			time.Sleep(time.Minute)
			b.open(ofToken(lines{}, user...))
		}, "page=home"},
		{"before it is known that it has left, an hour after", func(_ *fixture, a, b *queue, k *socket) {
			time.Sleep(time.Hour)
			b.open(ofToken(lines{}, user...))
			a.leave(k)
		}, "order=7 page=home"},
		{"before it is known, when it has been back for an hour", func(_ *fixture, a, b *queue, k *socket) {
			second := b.open(ofToken(lines{}, user...))
			a.leave(k)
			time.Sleep(time.Hour)
			a.open(ofToken(lines{}, user...))
			b.leave(second)
		}, "order=7 page=home"},
		{"twice", func(_ *fixture, a, b *queue, k *socket) {
			for range 2 {
				a.leave(k)
				time.Sleep(50 * time.Second)
				k = a.open(ofToken(lines{}, user...))
			}
		}, "order=7 page=home"},
		{"with another value of its own", func(_ *fixture, a, b *queue, k *socket) {
			a.leave(k)
			again := ofToken(lines{}, user...)
			again.Labels = set("page=list", "order=1", "order=2")
			b.open(again)
		}, "order=7 page=list"},
		{"and its token says something else", func(_ *fixture, a, b *queue, k *socket) {
			a.leave(k)
			b.open(ofToken(lines{}, "@user=42", "order=8"))
		}, "order=8 page=home"},
		{"with as many labels as it may have", func(_ *fixture, a, b *queue, k *socket) {
			a.leave(k)
			again := ofToken(lines{}, user...)
			var many []string
			for i := range label.DefaultLimits.Count {
				many = append(many, fmt.Sprint("l=", 10+i))
			}
			again.Labels = set(many...)
			b.open(again)
		}, "l=10"},
		{"as another user", func(_ *fixture, a, b *queue, k *socket) { a.leave(k); b.open(ofToken(lines{}, "@user=7")) }, "page=home"},
		{"with another ID", func(_ *fixture, a, b *queue, k *socket) {
			a.leave(k)
			again := ofToken(lines{}, user...)
			again.PageID = "q"
			b.open(again)
		}, "page=home"},
		{"when the backend has taken them away", func(s *fixture, a, b *queue, k *socket) {
			s.Answer(scenecast.Query{App: "a", To: to("*"), Relabel: &scenecast.Relabel{Change: label.Change{"order": nil}}}, func(scenecast.Reply) {})
			s.runAll()
			a.leave(k)
			b.open(ofToken(lines{}, user...))
		}, "page=home"},
	} {
		withFixture(t, c.name, func(t *testing.T, s *fixture, a, b *queue) {
			k := a.open(ofToken(lines{}, user...))
			s.gives(t, "*", "order", "7")
			c.back(s, a, b, k)
			if got := s.labelsOf("*"); len(got) != 1 || !strings.HasPrefix(got[0], c.want) {
				t.Errorf("there are pages with %q, want one with %s", got, c.want)
			}
		})
	}
}

// TestKeptLabelsAreTrusted: the page can change them no more than on the connection that the backend has labelled.
func TestKeptLabelsAreTrusted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFixture(1)
		defer s.end()
		q := s.queues[0]
		k := q.open(known(trusting{}, "p"))
		s.gives(t, "*", "order", "7")
		for range 2 {
			q.say(k, "?")
			if s.runAll(); !slices.Equal(k.got, []string{"order: true, page: false"}) {
				t.Errorf("the page is told %q", k.got)
			}
			q.leave(k)
			k = q.open(known(trusting{}, "p"))
		}
	})
}

// trusting are lines that tell which labels are trusted.
type trusting struct{ lines }

func (trusting) Received(c scenecast.Conn, _ scenecast.Inbound) {
	c.Send(fmt.Appendf(nil, "order: %v, page: %v\n", c.Trusted("order"), c.Trusted("page")))
}
