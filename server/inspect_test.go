package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
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
			for empty := s.inspect(apiKey, id); empty.Outbox.Frames > 0; empty = s.inspect(apiKey, id) {
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
