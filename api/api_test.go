package api_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const pushed = `{"id":"abc","position":"10-17","matched":3,"queued":2,"dropped":1,"nodes":1,"nodes_known":3}`

func TestTaken(t *testing.T) {
	for _, c := range []struct {
		path, body string
		asked      string
		answer     string
	}{
		{"/v1/push", `{"to":{"page":["home","list"],"plan":"pro"},"message":{"b": 1.0,"a":"<\u4e2d>"}}`,
			`shop: push {"b": 1.0,"a":"<\u4e2d>"} to page in ["home", "list"] && plan == "pro"`, pushed},
		{"/v1/push", ` {"message": null, "to": "*", "dry_run": false} ` + "\n",
			`shop: push null to *`, pushed},
		{"/v1/push", `{"to":"page == \"home\"","dry_run":true}`,
			`shop: push  to page == "home", dry run`, `{"matched":3,"queued":2,"dropped":1,"nodes":1,"nodes_known":3,"dry_run":true}`},
		{"/v1/push", `{"to":"*","message":{},"dry_run":true}`,
			`shop: push {} to *, dry run`, `{"matched":3,"queued":2,"dropped":1,"nodes":1,"nodes_known":3,"dry_run":true}`},
		// What is missing is for the push service to say.
		{"/v1/push", `{}`, `shop: push  to `, pushed},
		{"/v1/push", ``, `shop: push  to `, pushed},

		{"/v1/triggers/orderShipped", `{"order":"7"}`, `shop: trigger "orderShipped" with order "7", <nil>`, pushed},
		{"/v1/triggers/orderShipped", `{"order":7}`, `shop: trigger "orderShipped" with order "7", <nil>`, pushed},
		{"/v1/triggers/orderShipped", `{"order":true}`, `shop: trigger "orderShipped" with order "", order: not of the type that it takes: string`, pushed},
		{"/v1/triggers/pushHomeLogic", ``, `shop: trigger "pushHomeLogic" with order "", order: missing: this trigger takes the parameter order (string)`, pushed},
		{"/v1/triggers/a%2Fb%20%E8%AE%A2", `{"order":""}`, `shop: trigger "a/b 订" with order "", <nil>`, pushed},
	} {
		f := newFixture(t)
		name := c.path + " " + c.body
		checkAnswer(t, name, f.call("POST", c.path, "all", strings.NewReader(c.body)), 200, c.answer)
		if len(f.pusher.asked) != 1 || f.pusher.asked[0] != c.asked {
			t.Errorf("%s asked for\n\t%q, want\n\t%q", name, f.pusher.asked, c.asked)
		}
	}
}

func TestProbes(t *testing.T) {
	for _, c := range []struct {
		path   string
		ready  error
		status int
		answer string
	}{
		{"/healthz", nil, 200, `{"status":"ok"}`},
		{"/healthz", errors.New("the server is going away"), 200, `{"status":"ok"}`}, // not to be restarted
		{"/readyz", nil, 200, `{"status":"ready"}`},
		{"/readyz", errors.New("the server is going away"), 503,
			`{"title":"Service Unavailable","status":503,"kind":"unavailable","detail":"the server is going away"}`},
	} {
		for _, key := range []string{"", "nonsense", "all"} { // they need none
			f := newFixture(t)
			f.ready = c.ready
			checkAnswer(t, fmt.Sprintf("%s with the key %q", c.path, key), f.call("GET", c.path, key, nil), c.status, c.answer)
		}
	}
}

// TestHead: over the wire, a HEAD is answered as a GET without its body.
func TestHead(t *testing.T) {
	server := httptest.NewServer(newFixture(t))
	defer server.Close()
	for _, path := range []string{"/healthz", "/readyz", "/v1/docs", "/v1/openapi.json"} {
		response, err := http.Head(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if response.StatusCode != 200 || len(body) != 0 || err != nil {
			t.Errorf("HEAD %s: %s %q, %v", path, response.Status, body, err)
		}
	}
}
