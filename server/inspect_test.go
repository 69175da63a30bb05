package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// connectionDetail is what GET /v1/connections/{id} answers.
type connectionDetail struct {
	ID      string
	Sources map[string]string
	Node    json.Number
	Wire    string
	User    string
	PageID  string `json:"page_id"`
	Since   time.Time
	Remote  string
	Outbox  *struct{ Bytes, Frames int }
	Endings []struct {
		At    time.Time
		Cause string
		Code  int
	}
	Nodes int
	Known int `json:"nodes_known"`
}

// inspect asks for a connection in detail.
func (r *running) inspect(key, id string) (d connectionDetail) {
	r.t.Helper()
	status, answer := r.call(http.MethodGet, "/v1/connections/"+id, key, "", "")
	if err := json.Unmarshal([]byte(answer), &d); err != nil || status != http.StatusOK {
		r.t.Fatalf("connection %s: %d %s", id, status, answer)
	}
	return d
}

// nativeID connects a page of the native protocol, and returns its ID, too.
func (r *running) nativeID(query string) (*websocket.Conn, string) {
	r.t.Helper()
	c := r.native(query)
	var welcome struct{ ID string }
	if text := r.read(c); json.Unmarshal([]byte(text), &welcome) != nil || welcome.ID == "" {
		r.t.Fatalf("no welcome: %s", text)
	}
	return c, welcome.ID
}

// TestConnectionInDetail: who has given its labels, since when it is there, from where, and what waits for it.
func TestConnectionInDetail(t *testing.T) {
	for _, portable := range []bool{false, true} {
		t.Run(fmt.Sprint("portable ", portable), func(t *testing.T) {
			s := startWith(t, map[string]string{
				"client_tokens":    `[{token: token-of-42, user: "42", labels: {plan: pro}}]`,
				"outbox.max_bytes": "8MiB",
			}, func(o *options) { o.SetPortable(portable) })
			before := time.Now().Truncate(time.Second)
			page, id := s.nativeID("token=token-of-42&page=home&page_id=p1")
			s.api("POST", "/v1/labels", `{"to":{"page":"home"},"set":{"tag":"vip"}}`)
			d := s.inspect(apiKey, id)
			want := map[string]string{"@id": "server", "@page": "server", "@protocol": "server", "@user": "token", "plan": "token", "page": "page", "tag": "backend"}
			if fmt.Sprint(d.Sources) != fmt.Sprint(want) {
				t.Errorf("the sources are %v, want %v", d.Sources, want)
			}
			if d.ID != id || d.Node.String() != s.node() || d.Wire != "native" || d.User != "42" || d.PageID != "p1" || d.Remote != "127.0.0.1" || d.Nodes != 1 || d.Known != 1 ||
				d.Since.Before(before) || d.Since.After(time.Now()) || d.Outbox == nil || d.Outbox.Frames+d.Outbox.Bytes != 0 || len(d.Endings) != 0 {
				t.Errorf("%+v", d)
			}

			since := d.Since
			message := `{"to":"*","message":"` + strings.Repeat("x", 200_000) + `"}`
			pushed := 0
			for full := d; full.Outbox.Frames == 0; pushed++ { // until the kernel takes no more
				s.publish(message)
				if full = s.inspect(apiKey, id); !full.Since.Equal(d.Since) || full.Outbox.Frames > 0 && full.Outbox.Bytes == 0 {
					t.Fatalf("with an outbox: %+v, and before %v", full, d.Since)
				}
			}
			page.SetReadLimit(1 << 20)
			for range pushed {
				s.read(page)
			}
			for begun := time.Now(); s.inspect(apiKey, id).Outbox.Frames > 0 && time.Since(begun) < patience; time.Sleep(5 * time.Millisecond) { // until the kernel has taken it
			}
			if d := s.inspect(apiKey, id); !d.Since.Equal(since) || d.Outbox.Bytes != 0 {
				t.Errorf("when everything is read: %+v", d)
			}
		})
	}
}

// TestEndingsOfAPage: how the connections of a page have ended before. Another page that knows its ID learns nothing of them, nor does a key
// that is confined.
func TestEndingsOfAPage(t *testing.T) {
	s := start(t, map[string]string{
		"client_tokens": `[{token: token-of-42, user: "42", labels: {tenant: "7"}}, {token: token-of-43, user: "43", labels: {tenant: "7"}}]`,
		"api_keys":      "[{name: all, key: " + apiKey + "}, {name: seven, key: " + tenantKey + `, within: 'tenant == "7"'}]`,
	}, nil)
	for code := 4001; code <= 4007; code++ {
		page, _ := s.nativeID("token=token-of-42&page_id=p1")
		s.api("POST", "/v1/disconnect", fmt.Sprintf(`{"to":{"@page":"p1"},"code":%d}`, code))
		if got := s.closeCode(page); int(got) != code {
			t.Fatalf("closed with %d", got)
		}
	}
	_, id := s.nativeID("token=token-of-42&page_id=p1")
	d := s.inspect(apiKey, id)
	codes := ""
	for i, e := range d.Endings {
		codes += fmt.Sprintln(e.Code, e.Cause)
		if e.At.After(d.Since.Add(time.Second)) || i > 0 && e.At.After(d.Endings[i-1].At) {
			t.Errorf("ended at %v, and the page is there since %v", e.At, d.Since)
		}
	}
	if want := "4007 disconnected\n4006 disconnected\n4005 disconnected\n4004 disconnected\n4003 disconnected\n"; codes != want {
		t.Errorf("the endings are\n%swant\n%s", codes, want)
	}
	if d := s.inspect(tenantKey, id); len(d.Endings) != 0 || d.Sources["tenant"] != "token" {
		t.Errorf("a confined key is told %+v", d)
	}
	_, other := s.nativeID("token=token-of-43&page_id=p1")
	if d := s.inspect(apiKey, other); len(d.Endings) != 0 {
		t.Errorf("another user's page of this ID: %+v", d.Endings)
	}
}

// TestInspectingACluster: any node tells of a connection of another, how its page's connections have ended elsewhere, why an audience does not
// match it, and what has become of pushes that others took.
func TestInspectingACluster(t *testing.T) {
	t.Parallel()
	nodes := startNodes(t, 3, map[string]string{"client_tokens": `[{token: token-of-42, user: "42"}]`})
	for code, s := range nodes[:2] {
		page, _ := s.nativeID("token=token-of-42&page=list&page_id=p1")
		page.SetReadLimit(1 << 20)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		s.api("POST", "/v1/disconnect", fmt.Sprintf(`{"to":{"@page":"p1"},"code":%d}`, 4001+code))
		for _, _, err := page.Read(ctx); err == nil; _, _, err = page.Read(ctx) {
		}
		cancel()
	}
	_, id := nodes[2].nativeID("token=token-of-42&page=list&page_id=p1")
	feeds := make([]*feedStream, len(nodes))
	for i, s := range nodes {
		feeds[i] = s.feed(apiKey, "events=push", "")
		feeds[i].ready()
	}
	for _, s := range nodes {
		s.publish(`{"to":{"page":"list"},"message":1}`)
	}
	var told []toldPush // by every node the same
	for i, f := range feeds {
		for j := range nodes {
			p := f.push()
			if i == 0 {
				told = append(told, p)
			} else if p.Data.Push != told[j].Data.Push || p.Data.Position != told[j].Data.Position {
				t.Errorf("the feed at node %d tells of %+v, and the first of %+v", i, p.Data, told[j].Data)
			}
		}
		f.close()
	}
	for i, s := range nodes {
		d := s.inspect(apiKey, id)
		if d.ID != id || d.Sources["page"] != "page" || d.Remote != "127.0.0.1" || d.Nodes != 3 || d.Known != 3 || len(d.Endings) != 2 ||
			d.Endings[0].Code != 4002 || d.Endings[1].Code != 4001 {
			t.Errorf("at node %d: %+v", i, d)
		}
		if answer := s.api("GET", "/v1/connections?address=127.0.0.0/8", ""); !strings.Contains(answer, `"id":"`+id+`"`) || !strings.Contains(answer, `"nodes":3,"nodes_known":3}`) {
			t.Errorf("by address at node %d: %s", i, answer)
		}
		if answer := s.api("GET", "/v1/labels?to=has(@user)", ""); !strings.Contains(answer, `{"key":"@user","connections":1}`) || !strings.Contains(answer, `"distinct":5,"nodes":3,"nodes_known":3}`) {
			t.Errorf("the keys at node %d: %s", i, answer)
		}
		answer := s.api("POST", "/v1/audience/explain", fmt.Sprintf(`{"to":"page == \"home\"","connection":"%s"}`, id))
		if !strings.Contains(answer, `"why":"page = list, not home"`) || !strings.HasSuffix(strings.TrimSpace(answer), `"nodes":3,"nodes_known":3}`) {
			t.Errorf("at node %d: %s", i, answer)
		}
		answer = s.api("GET", "/v1/pushes?order=desc&connection="+id, "")
		if n := strings.Count(answer, `"tally":{"matched":1,"queued":1,"dropped":0,"nodes":3,"nodes_known":3,"done":true}`); n != 3 {
			t.Errorf("at node %d: %d pushes with their tallies: %s", i, n, answer)
		}
	}
}

// TestFindByAddress: connections are found by the address that each is told with, that of a proxy's client too, whoever owns the sockets; by a
// confined key those alone that it reaches.
func TestFindByAddress(t *testing.T) {
	for _, portable := range []bool{false, true} {
		t.Run(fmt.Sprint("portable ", portable), func(t *testing.T) {
			s := startWith(t, map[string]string{
				"client_tokens":          `[{token: page-of-7, labels: {tenant: "7"}}, {token: page-of-8, labels: {tenant: "8"}}]`,
				"api_keys":               "[{name: all, key: " + apiKey + "}, {name: seven, key: " + tenantKey + `, within: 'tenant == "7"'}]`,
				"limits.per_address":     "100",
				"limits.trusted_proxies": "127.0.0.2",
			}, func(o *options) { o.SetPortable(portable) })
			for i, v := range []struct{ token, from, forwarded string }{
				{"page-of-7", "127.0.0.2", "203.0.113.7"}, {"page-of-8", "127.0.0.2", "203.0.113.9"}, {"page-of-7", "127.0.0.2", "2001:db8:0:1::7"},
				{"page-of-7", "127.0.0.3", "203.0.113.7"}, {"page-of-8", "127.0.0.4", "198.51.100.1"},
			} {
				s.mustVisit(v.from, fmt.Sprintf("token=%s&page=p%d", v.token, i), "X-Forwarded-For: "+v.forwarded)
			}
			s.awaitConnections(5) // a page is let in before it is among those that are found
			for _, c := range []struct{ address, all, confined string }{
				{"203.0.113.7", "p0", "p0"},
				{"203.0.113.0/24", "p0 p1", "p0"},
				{"::ffff:203.0.113.9", "p1", ""},
				{"127.0.0.0/8", "p3 p4", "p3"},
				{"2001:db8:0:1::/64", "p2", "p2"},
				{"0.0.0.0/0", "p0 p1 p3 p4", "p0 p3"},
				{"192.0.2.0/24", "", ""},
			} {
				for key, want := range map[string]string{apiKey: c.all, tenantKey: c.confined} {
					var found struct {
						Connections []struct {
							ID     string
							Labels map[string]string
						}
						Matched int
					}
					status, answer := s.call(http.MethodGet, "/v1/connections?address="+c.address, key, "", "")
					if err := json.Unmarshal([]byte(answer), &found); err != nil || status != http.StatusOK {
						t.Fatalf("from %s: %d %s", c.address, status, answer)
					}
					var pages []string
					for _, one := range found.Connections {
						pages = append(pages, one.Labels["page"])
						network, err := netip.ParsePrefix(c.address)
						if remote := s.inspect(key, one.ID).Remote; err == nil && !network.Contains(netip.MustParseAddr(remote)) || err != nil && remote != strings.TrimPrefix(c.address, "::ffff:") {
							t.Errorf("%s is found from %s, and comes from %s", one.Labels["page"], c.address, remote)
						}
					}
					slices.Sort(pages)
					if got := strings.Join(pages, " "); got != want || found.Matched != len(pages) {
						t.Errorf("from %s by the key %s: %q (%d), want %q", c.address, key, got, found.Matched, want)
					}
				}
			}
			for key, want := range map[string]string{
				apiKey:    `{"keys":[{"key":"@id","connections":5},{"key":"@protocol","connections":5},{"key":"page","connections":5},{"key":"tenant","connections":5}],"distinct":4,"nodes":1,"nodes_known":1}`,
				tenantKey: `{"keys":[{"key":"@id","connections":3},{"key":"@protocol","connections":3},{"key":"page","connections":3},{"key":"tenant","connections":3}],"distinct":4,"nodes":1,"nodes_known":1}`,
			} {
				if _, answer := s.call(http.MethodGet, "/v1/labels", key, "", ""); strings.TrimSpace(answer) != want {
					t.Errorf("the keys by %s are %s, want %s", key, answer, want)
				}
			}
		})
	}
}
