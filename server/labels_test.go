package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"scenecast/auth"
	"scenecast/label"
)

// api calls the API with the key that may do everything, and expects 200.
func (r *running) api(method, target, body string) string {
	r.t.Helper()
	status, answer := r.call(method, target, apiKey, "application/json", body)
	if status != http.StatusOK {
		r.t.Errorf("%s %s %s: %d %s", method, target, body, status, answer)
	}
	return answer
}

// say sends a page's message and returns the answer.
func (r *running) say(c *websocket.Conn, message string) string {
	r.t.Helper()
	if err := c.Write(r.t.Context(), websocket.MessageText, []byte(message)); err != nil {
		r.t.Fatal(err)
	}
	return r.read(c)
}

// count is how many pages an audience has.
func (r *running) count(to string) int {
	r.t.Helper()
	quoted, _ := json.Marshal(to)
	var answer struct{ Matched int }
	_ = json.Unmarshal([]byte(r.api("POST", "/v1/audience", `{"to":`+string(quoted)+`}`)), &answer)
	return answer.Matched
}

const trustedTokens = `[{token: ` + pageToken + `}, {token: pro-token, labels: {plan: pro}, user: "42"}]`

// TestTrust: what a token says, a page can neither give itself nor change, by URL or by set, and neither what the backend
// has set.
func TestTrust(t *testing.T) {
	s := start(t, map[string]string{"client_tokens": trustedTokens}, nil)
	for _, c := range []struct{ query, want string }{
		{"plan=pro", "4403 plan: this label is set by the page's token or by the backend, and a page cannot change it"},
		{"page=home&@user=1", "4403 @user: label keys with @ are the server's own"},
		{"@protocol=x", "4403 @protocol: label keys with @ are the server's own"},
	} {
		if got := s.goodbye(s.native("token=pro-token&" + c.query)); got != c.want {
			t.Errorf("%s: %s, want %s", c.query, got, c.want)
		}
	}
	page := s.native("token=pro-token&page=home")
	s.read(page)
	if n := s.count(`plan == "pro" && @user == "42" && @protocol == "native" && page == "home"`); n != 1 {
		t.Errorf("%d pages have the token's labels", n)
	}
	if answer := s.say(page, `{"type":"set","labels":{"plan":null}}`); !strings.Contains(answer, `"kind":"forbidden"`) {
		t.Errorf("a page took away its token's label: %s", answer)
	}

	// What the backend sets is trusted from then on; what it removes is free again.
	if answer := s.api("POST", "/v1/labels", `{"to":{"page":"home"},"set":{"score":"9"}}`); answer != `{"matched":1,"changed":1,"nodes":1,"nodes_known":1}` {
		t.Errorf("relabel: %s", answer)
	}
	if answer := s.say(page, `{"type":"set","labels":{"score":"10"}}`); !strings.Contains(answer, `"kind":"forbidden"`) {
		t.Errorf("a page changed the backend's label: %s", answer)
	}
	s.api("POST", "/v1/labels", `{"to":{"score":"9"},"remove":["score"]}`)
	if answer := s.say(page, `{"type":"set","labels":{"score":"10"}}`); !strings.HasPrefix(answer, `{"type":"set","position":"`) {
		t.Errorf("a page could not set what the backend has removed: %s", answer)
	}
	if n := s.count(`score == "10" && plan == "pro"`); n != 1 {
		t.Errorf("%d pages have the labels in the end", n)
	}
}

// TestBackendLabelsStay when the page reconnects, also before it is known that its connection is dead, and go to no other user who knows
// the page's ID.
func TestBackendLabelsStay(t *testing.T) {
	const tokens = `[{token: of-42, user: "42"}, {token: of-7, user: "7"}]`
	s := start(t, map[string]string{"client_tokens": tokens}, nil)
	open := func(token string) *websocket.Conn {
		page := s.native("token=" + token + "&page=home&score=1&page_id=p1")
		s.read(page)
		return page
	}
	first := open("of-42")
	s.api("POST", "/v1/labels", `{"to":{"@user":"42"},"set":{"score":"9"}}`)
	second := open("of-42")
	if n := s.count(`score == "9"`); n != 2 {
		t.Errorf("%d of both connections have the label", n)
	}
	if answer := s.say(second, `{"type":"set","labels":{"score":"10"}}`); !strings.Contains(answer, `"kind":"forbidden"`) {
		t.Errorf("the page changed the label: %s", answer)
	}
	for _, page := range []*websocket.Conn{first, second} {
		_ = page.Close(websocket.StatusNormalClosure, "")
	}
	s.awaitConnections(0)
	open("of-7")
	open("of-42")
	if mine, others := s.count(`score == "9" && @user == "42"`), s.count(`score == "1" && @user == "7"`); mine != 1 || others != 1 {
		t.Errorf("back: %d with the label; of another user: %d without it", mine, others)
	}
}

// TestClientLabels: the configuration lists what a page may set.
func TestClientLabels(t *testing.T) {
	s := start(t, map[string]string{"labels.client": "page,order"}, nil)
	want := "4403 plan: a page may set only page, order (setting: labels.client)"
	if got := s.goodbye(s.native("token=" + pageToken + "&page=home&plan=pro")); got != want {
		t.Errorf("by URL: %s, want %s", got, want)
	}
	_, in := s.raw(upgrade("/?plan=pro&token=" + pageToken))
	response, err := http.ReadResponse(in, nil)
	if err != nil || response.StatusCode != http.StatusForbidden {
		t.Errorf("by the tutorial's URL: %v, %v", response, err)
	}
	page := s.native("token=" + pageToken + "&page=home")
	s.read(page)
	if answer := s.say(page, `{"type":"set","labels":{"order":"7","plan":"pro"}}`); !strings.Contains(answer, `"where":"labels.plan","setting":"labels.client"`) {
		t.Errorf("by set: %s", answer)
	}
	if n := s.count(`has(order) || has(plan)`); n != 0 {
		t.Error("half of a refused change is in force")
	}
	if answer := s.say(page, `{"type":"set","labels":{"order":"7"}}`); !strings.HasPrefix(answer, `{"type":"set","position":"`) {
		t.Errorf("a listed key: %s", answer)
	}
}

// TestRelabelOverLimit: a page that would have too many labels keeps those that it has, and the answer says so.
func TestRelabelOverLimit(t *testing.T) {
	s := start(t, map[string]string{"labels.max_count": "3"}, nil)
	s.page("a=1&b=2&c=3")
	s.page("a=1")
	if answer := s.api("POST", "/v1/labels", `{"to":"*","set":{"d":["4","5"]},"remove":["b"]}`); answer != `{"matched":2,"changed":1,"nodes":1,"nodes_known":1}` {
		t.Errorf("relabel: %s", answer)
	}
	if n := s.count(`a == "1" && b == "2" && c == "3" && !has(d)`); n != 1 {
		t.Errorf("%d pages are as they were, want 1", n)
	}
}

// TestConnections pages through connections while others come and go: those that stay are listed once each.
func TestConnections(t *testing.T) {
	s := start(t, nil, nil)
	for i := range 7 {
		s.page(fmt.Sprintf("page=home&n=%d", i))
	}
	leaving := s.page("page=home&n=leaving")
	s.page("page=list")
	s.awaitConnections(9)
	var seen []string
	target := "/v1/connections?limit=3&to=" + url.QueryEscape(`{"page":"home"}`)
	for next := target; next != ""; {
		var answer struct {
			Connections []struct {
				ID     string
				Labels map[string]any
			}
			Next    string
			Matched int
		}
		if err := json.Unmarshal([]byte(s.api("GET", next, "")), &answer); err != nil {
			t.Fatal(err)
		}
		for _, c := range answer.Connections {
			seen = append(seen, fmt.Sprint(c.Labels["n"]))
			var one struct{ ID string }
			if _ = json.Unmarshal([]byte(s.api("GET", "/v1/connections/"+c.ID, "")), &one); one.ID != c.ID || c.Labels["@id"] != c.ID {
				t.Errorf("connection %s is listed with %v and found as %s", c.ID, c.Labels, one.ID)
			}
		}
		next = ""
		if answer.Next != "" {
			next = target + "&after=" + answer.Next
		}
		if leaving != nil {
			_ = leaving.CloseNow()
			leaving = nil
			s.awaitConnections(8)
			s.page("page=home&n=new")
		}
	}
	for i := range 7 {
		if n := len(slices.DeleteFunc(slices.Clone(seen), func(s string) bool { return s != fmt.Sprint(i) })); n != 1 {
			t.Errorf("page %d is listed %d times, in %v", i, n, seen)
		}
	}
	if status, answer := s.call("GET", "/v1/connections/1.1", apiKey, "", ""); status != 404 {
		t.Errorf("a connection that is not there: %d %s", status, answer)
	}
	if answer := s.api("GET", "/v1/labels?key=page", ""); answer != `{"key":"page","values":[{"value":"home","connections":8},{"value":"list","connections":1}],"distinct":2,"nodes":1,"nodes_known":1}` {
		t.Errorf("values: %s", answer)
	}
}

// TestDisconnect: the pages of the audience are sent away, and the others are not.
func TestDisconnect(t *testing.T) {
	s := start(t, nil, nil)
	away, plain, stays := s.page("page=away"), s.page("page=plain"), s.page("page=home")
	if answer := s.api("POST", "/v1/disconnect", `{"to":{"page":"away"},"code":4403,"reason":"banned"}`); answer != `{"matched":1,"nodes":1,"nodes_known":1}` {
		t.Errorf("disconnect: %s", answer)
	}
	s.api("POST", "/v1/disconnect", `{"to":{"page":"plain"}}`)
	if got := s.goodbye(away) + ", " + s.goodbye(plain); got != "4403 banned, 1000 " {
		t.Errorf("they got %s", got)
	}
	s.api("POST", "/v1/push", `{"to":"*","message":"still here"}`)
	if got := s.read(stays); got != `"still here"` {
		t.Errorf("the other page got %s", got)
	}
}

// TestExcept: a connection by its ID, as the sender of what it caused, and an audience.
func TestExcept(t *testing.T) {
	s := start(t, nil, nil)
	sender, other, third := s.native("page=home&token="+pageToken), s.page("page=home"), s.page("page=home&mute=1")
	var welcome struct{ ID string }
	_ = json.Unmarshal([]byte(s.read(sender)), &welcome)
	if answer := s.api("POST", "/v1/push", `{"to":{"page":"home"},"except":"`+welcome.ID+`","message":1}`); !strings.Contains(answer, `"matched":2`) {
		t.Errorf("except a connection: %s", answer)
	}
	if answer := s.api("POST", "/v1/push", `{"to":{"page":"home"},"except":"has(mute)","message":2}`); !strings.Contains(answer, `"matched":2`) {
		t.Errorf("except an audience: %s", answer)
	}
	if got := s.read(sender); !strings.HasSuffix(got, `"data":2}`) {
		t.Errorf("the sender got %s first", got)
	}
	if got := []string{s.read(other), s.read(other), s.read(third)}; !slices.Equal(got, []string{"1", "2", "1"}) {
		t.Errorf("the others got %q", got)
	}
}

// tokens is a program's own authenticator, whose database breaks down at one of them.
type tokens map[string]auth.Page

func (t tokens) AuthenticatePage(_ context.Context, token string) (auth.Page, error) {
	p, ok := t[token]
	switch {
	case token == "broken":
		return p, errors.New("the database says no")
	case !ok:
		return p, auth.ErrInvalidToken
	}
	return p, nil
}

// TestAuthenticator: a program's own stands beside the tokens of the configuration.
func TestAuthenticator(t *testing.T) {
	s := startWith(t, nil, func(o *options) {
		o.PageAuthenticator = tokens{"signed": {Labels: label.New(label.Label{Key: "role", Value: "admin"})}}
	})
	s.read(s.native("token=signed&page=home"))
	s.page("page=home")
	if n := s.count(`role == "admin"`); n != 1 {
		t.Errorf("%d pages have the authenticator's label", n)
	}
	for query, want := range map[string]string{
		"token=signed&role=user": "4403 role: ",
		"token=unknown":          "4401 token: ",
		"token=broken":           "1011 internal error",
	} {
		if got := s.goodbye(s.native(query)); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	if status, answer := s.call("GET", "/?func=pushHomeLogic&token=broken", "", "", ""); status != 500 || answer != `{"code":500,"message":"internal error"}` {
		t.Errorf("a trigger: %d %s", status, answer)
	}
	if n := strings.Count(s.log.String(), "the database says no"); n != 2 {
		t.Errorf("the log tells %d times that the authenticator is broken, want twice", n)
	}
}
