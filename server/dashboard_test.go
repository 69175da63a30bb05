package server_test

import (
	"net/http"
	"strings"
	"testing"
)

// loggedIn is the cookie of a login at the dashboard.
func (r *running) loggedIn(key string) string {
	r.t.Helper()
	response, answer := r.responseOnce(http.MethodPost, "/dashboard/login", map[string]string{"Content-Type": "application/json"}, `{"key":"`+key+`"}`)
	if response.StatusCode != http.StatusNoContent {
		r.t.Fatalf("login: %s %s", response.Status, answer)
	}
	c := response.Cookies()[0]
	return c.Name + "=" + c.Value
}

// TestDashboard: what a session may is what its key may; the log tells of what is done, and a reload without the key ends it.
func TestDashboard(t *testing.T) {
	const seven = "secret-of-the-key-seven"
	keys := "[{name: all, key: " + apiKey + "}, {name: seven, key: " + seven + `, allow: [read, push], within: 'order == "7"'}, {name: admin, key: ` + adminKey + ", allow: [admin]}]"
	s := startReloadable(t, map[string]string{"dashboard.enabled": "true", "api_keys": keys})
	s.page("order=7")
	s.page("order=8")
	all, confined := s.loggedIn(apiKey), s.loggedIn(seven)
	const push, dry = `{"to":"*","message":1}`, `{"to":"*","message":1,"dry_run":true}`
	for _, c := range []struct {
		cookie, method, target, body string
		status                       int
		answer                       string
	}{
		{all, "POST", "/dashboard/api/v1/push", push, 200, `"matched":2`},
		{confined, "POST", "/dashboard/api/v1/push", push, 200, `"matched":1`},
		{all, "POST", "/dashboard/api/v1/push", dry, 200, `"matched":2`},
		{confined, "GET", "/dashboard/api/v1/connections", "", 200, `"order":"7"`},
		{confined, "GET", "/dashboard/api/v1/nodes", "", 403, "confined"},
		{confined, "POST", "/dashboard/api/v1/disconnect", `{"to":"*"}`, 403, `\"manage\"`},
		{all, "GET", "/dashboard/api/v1/settings", "", 403, `\"admin\"`},
		{all, "GET", "/v1/nodes", "", 401, "Bearer"},
		{"", "POST", "/dashboard/api/v1/push", push, 401, "nobody is logged in"},
	} {
		status, answer := s.callWith(c.method, c.target, map[string]string{"Cookie": c.cookie, "Content-Type": "application/json"}, c.body)
		if status != c.status || !strings.Contains(answer, c.answer) || c.cookie == confined && strings.Contains(answer, `"order":"8"`) {
			t.Errorf("%s %s is answered %d %s, want %d %s", c.method, c.target, status, answer, c.status, c.answer)
		}
	}
	log := s.log.String()
	for line, want := range map[string]int{
		`msg=audit call="POST /dashboard/login" app=default key=seven client=127.0.0.1`: 1,
		`call="POST /v1/push" app=default key=all via=dashboard to=`:                    1, // not of the dry run
		`call="POST /v1/push" app=default key=seven within=`:                            1,
	} {
		if n := strings.Count(log, line); n != want {
			t.Errorf("the log has %d lines with %s, want %d", n, line, want)
		}
	}

	s.set(map[string]string{"api_keys": strings.ReplaceAll(keys, seven, "secret-that-takes-its-place")})
	if _, err := s.ReloadConfiguration(t.Context()); err != nil {
		t.Fatal(err)
	}
	for cookie, want := range map[string]int{all: 200, confined: 401} {
		if status, answer := s.callWith(http.MethodGet, "/dashboard/api/v1/connections", map[string]string{"Cookie": cookie}, ""); status != want {
			t.Errorf("after the reload: %d %s, want %d", status, answer, want)
		}
	}
}

// TestSessionAtAnotherNode: a session is good at any server with the same key, and at none with another one.
func TestSessionAtAnotherNode(t *testing.T) {
	on := map[string]string{"dashboard.enabled": "true"}
	one, two := start(t, on, nil), start(t, on, nil)
	other := start(t, map[string]string{"dashboard.enabled": "true", "api_keys": "[{name: all, key: secret-of-another-server}]"}, nil)
	cookie := one.loggedIn(apiKey)
	for s, want := range map[*running]int{one: 200, two: 200, other: 401} {
		if status, answer := s.callWith(http.MethodGet, "/dashboard/api/v1/nodes", map[string]string{"Cookie": cookie}, ""); status != want {
			t.Errorf("%d %s, want %d", status, answer, want)
		}
	}
}

// TestNoDashboard: where it is off, there is nothing at its paths.
func TestNoDashboard(t *testing.T) {
	s := start(t, nil, nil)
	for _, target := range []string{"/dashboard", "/dashboard/", "/dashboard/login", "/dashboard/api/v1/nodes", "/dashboard/dashboard.js"} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			if status, answer := s.callWith(method, target, map[string]string{"Authorization": "Bearer " + apiKey}, ""); status != http.StatusNotFound {
				t.Errorf("%s %s: %d %s", method, target, status, answer)
			}
		}
	}
}
