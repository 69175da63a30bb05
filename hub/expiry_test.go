package hub_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"scenecast"
	"scenecast/hub"
	"scenecast/label"
)

// expiring are lines whose pages are told that their token ends, and may say "renew SECONDS LABELS", which the rules say what they may set.
type expiring struct {
	lines
	rules label.Rules
}

func (*expiring) Traits() scenecast.Traits {
	return scenecast.Traits{EncodeExpiring: func(in time.Duration) []byte { return fmt.Appendf(nil, "expiring in %v\n", in) }}
}

func (p *expiring) Received(c scenecast.Conn, m scenecast.Inbound) {
	fields := strings.Fields(string(m.Data))
	if fields[0] != "renew" {
		p.lines.Received(c, m)
		return
	}
	d, _ := time.ParseDuration(fields[1])
	if err := c.Renew(set(fields[2:]...), token(d), p.rules); err != nil {
		c.Send([]byte("refused: " + err.Error()))
	}
}

// token is one that ends in so long.
func token(in time.Duration) scenecast.Token {
	return scenecast.Token{ExpiresAt: time.Now().Add(in), Notice: 30 * time.Second, Credential: scenecast.NewCredential("t")}
}

func withToken(a scenecast.Admission, in time.Duration, trusted ...string) scenecast.Admission {
	a.Trusted, a.Token = set(trusted...), token(in)
	return a
}

// pass has time pass, and the loops run.
func (s *fixture) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
	s.runAll()
}

// TestExpiry: a page is told that its token ends, and is closed when it has; one that shows another token stays.
func TestExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, wire := newFixture(1), new(expiring)
		q := s.queues[0]
		long, short := q.open(withToken(admit(wire, "long"), time.Hour)), q.open(withToken(admit(wire, "short"), 20*time.Second))
		renews, silent := q.open(withToken(admit(wire, "renews"), time.Minute)), q.open(withToken(admit(lines{}, "silent"), time.Minute))
		forever := q.open(admit(wire, "forever"))
		check := func(k *socket, at string, code scenecast.CloseCode, want ...string) {
			t.Helper()
			q.write(k)
			if !slices.Equal(k.got, want) || k.code != code {
				t.Errorf("%s: got %q and code %d, want %q and code %d", at, k.got, k.code, want, code)
			}
			k.got = nil
		}
		s.pass(9 * time.Second)
		check(short, "a short token, before half of its time", 0)
		s.pass(time.Second)
		check(short, "a short token, at half of its time", 0, "expiring in 10s")
		s.pass(10 * time.Second)
		check(short, "a short token, at its end", 4401)
		s.pass(10 * time.Second)
		check(renews, "30 s before the end", 0, "expiring in 30s")
		q.say(renews, "renew 2m")
		s.pass(30 * time.Second)
		check(renews, "behind the first token", 0)
		check(silent, "a wire that cannot be told", 4401)
		s.pass(60 * time.Second)
		check(renews, "30 s before the end of the second", 0, "expiring in 30s")
		s.pass(30 * time.Second)
		check(renews, "at the end of the second", 4401)
		check(long, "a long token", 0)
		check(forever, "a token without an end", 0)
		if n := hub.Tokens(q.shard); n != 1 {
			t.Errorf("%d tokens are kept, want 1", n)
		}
		q.leave(long)
		if n := hub.Tokens(q.shard); n != 0 {
			t.Errorf("%d tokens are kept when their pages have left", n)
		}
	})
}

// TestRenew: another token's labels take the place of the old one's, and of the page's own those stay that it may still set.
func TestRenew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rules := label.Rules{Limits: label.DefaultLimits, Client: []string{"page", "tag", "team"}}
		for _, c := range []struct {
			name        string
			own, token  []string
			backend     label.Change
			next        string
			want, keeps string
		}{
			{"other values", []string{"page=a"}, []string{"@user=1", "plan=free"}, nil, "@user=1 plan=pro", `{"@user":"1","page":"a","plan":"pro"}`, ""},
			{"a label that the page had", []string{"page=a", "team=x"}, []string{"@user=1"}, nil, "@user=1 team=y", `{"@user":"1","page":"a","team":"y"}`, ""},
			{"a label that is free again", []string{"page=a"}, []string{"team=x"}, nil, "", `{"page":"a"}`, ""},
			{"a label that the page may not set", []string{"page=a", "shop=1"}, nil, nil, "plan=pro", `{"page":"a","plan":"pro"}`, ""},
			{"a label of the backend", []string{"page=a"}, nil, label.Change{"vip": {"yes"}}, "plan=pro", `{"page":"a","plan":"pro","vip":"yes"}`, "vip"},
			{"a label of the backend that the token has now", []string{"page=a"}, nil, label.Change{"plan": {"gold"}}, "plan=pro", `{"page":"a","plan":"pro"}`, ""},
			{"too many", []string{"page=a"}, []string{"plan=free"}, nil, manyLabels(40), `{"page":"a","plan":"free"}`, ""},
		} {
			s := newFixture(1)
			q := s.queues[0]
			k := q.open(withToken(scenecast.Admission{App: "a", Labels: set(c.own...), Protocol: &expiring{rules: rules}}, time.Hour, c.token...))
			if c.backend != nil {
				s.Answer(scenecast.Query{App: "a", To: to("*"), Relabel: &scenecast.Relabel{Change: c.backend}}, func(scenecast.Reply) {})
				s.runAll()
			}
			q.say(k, "renew 1h "+c.next)
			var got string
			s.Answer(scenecast.Query{App: "a", To: to("*"), List: &scenecast.List{Limit: 1}}, func(r scenecast.Reply) {
				b, _ := r.Connections[0].Labels.Apply(label.Change{"@id": nil, "@protocol": nil}).MarshalJSON()
				got = string(b)
			})
			s.runAll()
			if got != c.want {
				t.Errorf("%s: %s, want %s", c.name, got, c.want)
			}
			for _, key := range []string{"plan", "vip", "page"} {
				trusted := strings.Contains(c.next, key+"=") && c.name != "too many" || key == c.keeps || c.name == "too many" && key == "plan"
				if hub.Trusts(q.shard, k.slot, key) != trusted {
					t.Errorf("%s: %s is trusted: %t, want %t", c.name, key, !trusted, trusted)
				}
			}
		}
	})
}

func manyLabels(n int) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("k%d=v", i))
	}
	return strings.Join(all, " ")
}

// TestExpiryModel compares what a shard keeps of tokens with a list, over random joins, renewals and departures.
func TestExpiryModel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(1, 2))
		s, wire := newFixture(1), new(expiring)
		q := s.queues[0]
		ends := make(map[*socket]time.Time)
		for step := range 3000 {
			in := time.Duration(1+random.IntN(100)) * time.Second
			switch pages := slices.Collect(func(yield func(*socket) bool) {
				for k := range ends {
					if !yield(k) {
						return
					}
				}
			}); {
			case random.IntN(3) == 0 || len(pages) == 0:
				ends[q.open(withToken(admit(wire, "x"), in))] = time.Now().Add(in)
			case random.IntN(3) == 0:
				k := pages[random.IntN(len(pages))]
				q.say(k, "renew "+in.String())
				ends[k] = time.Now().Add(in)
			case random.IntN(2) == 0:
				k := pages[random.IntN(len(pages))]
				q.leave(k)
				delete(ends, k)
			default:
				s.pass(time.Duration(random.IntN(3000)) * time.Millisecond)
			}
			for k, end := range ends {
				gone := q.sockets[k.slot] != k
				if expired := !time.Now().Before(end); gone != expired {
					t.Fatalf("step %d: a page whose token ends at %v is gone: %t, at %v", step, end, gone, time.Now())
				}
				if gone {
					delete(ends, k)
				}
			}
			if err := hub.CheckTokens(q.shard); err != nil {
				t.Fatalf("step %d: %v", step, err)
			}
			if n := hub.Tokens(q.shard); n != len(ends) {
				t.Fatalf("step %d: %d tokens are kept, want %d", step, n, len(ends))
			}
		}
	})
}
