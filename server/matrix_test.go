package server_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"scenecast/api"
	"scenecast/auth"
	"scenecast/config"
	"scenecast/protocol/pusher/httpapi"
)

// sample is a request that a call takes, and how it is answered when its key may make the call.
type sample struct {
	target, body string // the target where it is not the path
	status       int
}

// samples are by method and path. A call that is not among them is made with an empty object.
var samples = map[string]sample{
	"POST /v1/push":             {"", `{"to":"*","message":1}`, 200},
	"POST /v1/triggers/{name}":  {"/v1/triggers/pushHomeLogic", `{}`, 200},
	"GET /v1/pushes/{id}":       {"/v1/pushes/unknown", ``, 404},
	"POST /v1/audience":         {"", `{"to":"*"}`, 200},
	"POST /v1/audience/explain": {"", `{"to":"*","labels":{}}`, 200},
	"GET /v1/connections/{id}":  {"/v1/connections/1.1", ``, 404},
	"GET /v1/labels":            {"/v1/labels?key=page", ``, 200},
	"GET /v1/presence":          {"/v1/presence?key=page", ``, 404},
	"POST /v1/labels":           {"", `{"to":"*","set":{"a":"b"}}`, 200},
	"POST /v1/revoke":           {"", `{"user":"nobody"}`, 200},
	"POST /v1/disconnect":       {"", `{"to":{"page":"none"}}`, 200},
	"GET /v1/feed":              {"/v1/feed?events=nothing", ``, 400}, // a stream does not end
	"GET /v1/connect":           {"", ``, 426},
	"GET /v1/pushes":            {"", ``, 200},
	"GET /v1/connections":       {"", ``, 200},
	"GET /v1/nodes":             {"", ``, 200},
	"GET /v1/address":           {"", ``, 200},
	"GET /metrics":              {"", ``, 200},
	"POST /v1/reload":           {"", ``, 200},
	"GET /v1/settings":          {"", ``, 200},
	"POST /v1/drain":            {"", `{"delay":"1h"}`, 200}, // no page is told before the next but one ends it
	"GET /v1/drain":             {"", ``, 200},
	"DELETE /v1/drain":          {"", ``, 200},
	"GET /v1/self":              {"", ``, 200},
	"GET /v1/scenes":            {"/v1/scenes?by=page", ``, 200},
	"GET /v1/stats":             {"/v1/stats?window=1m", ``, 200},
}

// bearer is somebody who makes calls.
type bearer struct {
	name, credential string
	key              *auth.Key // what it may; nil: it is no key
}

// issuerSecret is what JSON Web Tokens are signed by, for pages of the app default.
const issuerSecret = "secret-of-the-issuer-with-32-bytes-or-more"

// refusal is the status by which the bearer is kept from a call; 0: it is not.
func (b bearer) refusal(r api.Route) int {
	switch {
	case r.Scope == "":
		return 0
	case b.key == nil:
		return 401
	case !b.key.May(r.Scope), r.OfAll && b.key.App != "default", (r.OfAll || r.OfApp) && !b.key.Within.IsZero():
		return 403
	}
	return 0
}

// isPage reports whether the credential lets a page in.
func (b bearer) isPage() bool {
	return b.credential == pageToken || b.credential == "page-token-of-shop" || b.name == "a JWT"
}

// forged is a token as JWTs have it, with this algorithm and claims, signed by a secret where the algorithm is HS256.
func forged(algorithm, claims, secret string) string {
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(`{"alg":"`+algorithm+`","typ":"JWT"}`)) + "." + encode([]byte(claims))
	if algorithm == "none" {
		return text + "."
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(text))
	return text + "." + encode(mac.Sum(nil))
}

const matrixKeys = `
- {name: push, key: secret-with-push, allow: [push]}
- {name: trigger, key: secret-with-trigger, allow: [trigger]}
- {name: read, key: secret-with-read, allow: [read]}
- {name: manage, key: secret-with-manage, allow: [manage]}
- {name: admin, key: secret-with-admin, allow: [admin]}
- {name: all, key: secret-with-all, allow: [push, trigger, read, manage, admin]}
- {name: usual, key: "sha256:%x"}
- {name: rotated, key: secret-before-rotation}
- {name: rotated, key: secret-after-rotation}
- {name: confined, key: secret-confined, within: 'tenant == "7"'}
`

// TestEveryCallByEveryBearer generates the matrix of who may make which call from the table of routes.
func TestEveryCallByEveryBearer(t *testing.T) {
	keys := fmt.Sprintf(matrixKeys, sha256.Sum256([]byte("secret-by-digest")))
	settings := func(keys string) map[string]string {
		return map[string]string{
			"api_keys": keys,
			"jwt.keys": "[{key: " + issuerSecret + ", alg: HS256}]",
			"pusher":   pusherApp("")["pusher"],
			"apps": "{shop: {pusher: {id: shop, key: shop-key, secret: secret-of-the-shop}, client_tokens: [page-token-of-shop], api_keys: [{name: shop, key: secret-of-shop, allow: [push, trigger, read, manage, admin]}], " +
				"triggers: {pushHomeLogic: {to: '*', message: 1}}}}",
		}
	}
	next, err := config.Read(config.Sources{Flags: harnessSettings(settings(keys))})
	if err != nil {
		t.Fatal(err)
	}
	const gone = "- {name: gone, key: secret-that-is-gone, allow: [push, trigger, read, manage, admin]}\n"
	s := startWith(t, settings(keys+gone), func(o *options) { o.Load = func() (*config.Loaded, error) { return next, nil } })
	if status, answer := s.call("GET", "/v1/connections", "secret-that-is-gone", "", ""); status != 200 {
		t.Fatalf("before it was taken away: %d %s", status, answer)
	}
	if _, err := s.ReloadConfiguration(t.Context()); err != nil {
		t.Fatal(err)
	}

	claims := fmt.Sprintf(`{"sub":"42","exp":%d}`, time.Now().Add(time.Hour).Unix())
	revoked := forged("HS256", strings.Replace(claims, "{", `{"jti":"revoked",`, 1), issuerSecret)
	if status, answer := s.call("POST", "/v1/revoke", "secret-with-manage", "", `{"jti":"revoked"}`); status != 200 {
		t.Fatalf("revoke: %d %s", status, answer)
	}
	bearers := []bearer{
		{"nobody", "", nil},
		{"a key that is none", "secret-of-nobody", nil},
		{"a key that was taken away", "secret-that-is-gone", nil},
		{"a digest", fmt.Sprintf("sha256:%x", sha256.Sum256([]byte("secret-by-digest"))), nil},
		{"a page's token", pageToken, nil},
		{"another app's page token", "page-token-of-shop", nil},
		{"a JWT", forged("HS256", claims, issuerSecret), nil},
		{"a JWT that has expired", forged("HS256", `{"sub":"42","exp":1}`, issuerSecret), nil},
		{"a JWT that was revoked", revoked, nil},
		{"a JWT without a signature", forged("none", claims, ""), nil},
		{"a JWT signed by a page's token", forged("HS256", claims, pageToken), nil},
		{"a JWT signed by an API key", forged("HS256", claims, "secret-with-all"), nil},
		{"a JWT of another algorithm than the key's", forged("HS512", claims, issuerSecret), nil},
		{"a JWT of an algorithm with public keys, signed by the secret", forged("RS256", claims, issuerSecret), nil},
		{"the secret of a Pusher key", pusherSecret, nil},
		{"another app's key", "secret-of-shop", &auth.Key{App: "shop", Scopes: auth.Scopes}},
		{"a key by its digest", "secret-by-digest", &auth.Key{App: "default", Scopes: auth.DefaultScopes}},
		{"a key that is to be replaced", "secret-before-rotation", &auth.Key{App: "default", Scopes: auth.DefaultScopes}},
		{"a key that has replaced another", "secret-after-rotation", &auth.Key{App: "default", Scopes: auth.DefaultScopes}},
		{"a key of all scopes", "secret-with-all", &auth.Key{App: "default", Scopes: auth.Scopes}},
	}
	for _, scope := range auth.Scopes {
		bearers = append(bearers, bearer{"a key of the scope " + string(scope), "secret-with-" + string(scope), &auth.Key{App: "default", Scopes: []auth.Scope{scope}}})
	}
	for _, app := range next.Apps() {
		for _, k := range app.APIKeys {
			if key := k.Auth(app.Name); !key.Within.IsZero() {
				bearers = append(bearers, bearer{"a confined key", string(k.Key), &key})
			}
		}
	}

	calls := 0
	for _, route := range api.Routes() {
		call := route.Method + " " + route.Path
		in, known := samples[call]
		switch {
		case known && in.target == "":
			in.target = route.Path
		case !known:
			in = sample{route.Path, "{}", 0}
			if route.Scope == "" {
				in.body, in.status = "", 200
			}
		}
		// Who is kept out comes first: a call that changes the server would change it for the others.
		order := slices.Clone(bearers)
		slices.SortStableFunc(order, func(a, b bearer) int { return b.refusal(route) - a.refusal(route) })
		for _, b := range order {
			status, answer := s.call(route.Method, in.target, b.credential, "", in.body)
			want := b.refusal(route)
			letIn := want == 0
			if letIn {
				want = in.status
			}
			switch {
			case want == 0 && (status == 401 || status == 403):
				t.Errorf("%s by %s: %d %s, want it let in", call, b.name, status, answer)
			case want != 0 && status != want:
				t.Errorf("%s by %s: %d %s, want %d", call, b.name, status, answer, want)
			case !letIn && !strings.Contains(answer, `"setting":"api_keys"`):
				t.Errorf("%s by %s: %d %s does not name the setting", call, b.name, status, answer)
			}
			calls++
		}
	}
	if want := len(api.Routes()) * len(bearers); calls != want || want < 400 {
		t.Errorf("%d calls were made, want %d", calls, want)
	}
	for call := range samples {
		if !slices.ContainsFunc(api.Routes(), func(r api.Route) bool { return r.Method+" "+r.Path == call }) {
			t.Errorf("there is no call %s", call)
		}
	}
	s.checkTutorialEndpoint(bearers)
	s.checkPages(bearers)
	s.checkPusher(bearers)
}

// checkPusher: calls of the Pusher protocol are for whoever signs with a key of that app, whatever else a request shows.
func (r *running) checkPusher(bearers []bearer) {
	r.t.Helper()
	for _, route := range httpapi.Routes() {
		path := strings.NewReplacer("{id}", "3", "{}", "presence-a").Replace(route.Path)
		body := ""
		if route.Method == http.MethodPost {
			body = "{}"
		}
		for _, b := range bearers {
			if status, answer := r.call(route.Method, path, b.credential, "", body); status != 401 {
				r.t.Errorf("%s %s by %s: %d %s", route.Method, route.Path, b.name, status, answer)
			}
		}
		for name, c := range map[string]struct {
			key, secret string
			letIn       bool
		}{
			"its key":                       {pusherKey, pusherSecret, true},
			"its next key":                  {"next", "next-secret-123456", true},
			"another app's key":             {"shop-key", "secret-of-the-shop", false},
			"its key and another's secret":  {pusherKey, "secret-of-the-shop", false},
			"its key and another of its":    {pusherKey, "next-secret-123456", false},
			"its key and an API key":        {pusherKey, "secret-with-all", false},
			"an API key":                    {"all", "secret-with-all", false},
			"its key without a secret":      {pusherKey, "", false},
			"its key, which it signs with":  {pusherKey, pusherKey, false},
			"another app's key, its secret": {"shop-key", pusherSecret, false},
		} {
			status, answer := r.call(route.Method, path+signedQuery(route.Method, path, c.key, c.secret, body, time.Now()), "", "", body)
			if isIn := status != 401 && status != 403; isIn != c.letIn {
				r.t.Errorf("%s %s by %s: %d %s", route.Method, route.Path, name, status, answer)
			}
		}
	}
}

// checkTutorialEndpoint holds the endpoint / to the scope of the call that does the same.
func (r *running) checkTutorialEndpoint(bearers []bearer) {
	r.t.Helper()
	for _, b := range bearers {
		want := b.refusal(api.Route{Scope: auth.Trigger})
		switch {
		case want == 0:
			want = 200
		case b.isPage():
			want = 403 // it is known, and may not: page_token_may_trigger
		}
		for _, method := range []string{"GET", "POST"} {
			target := "/?func=pushHomeLogic&token=" + b.credential
			if status, answer := r.call(method, target, "", "", ""); status != want {
				r.t.Errorf("%s /?func= by %s: %d %s, want %d", method, b.name, status, answer, want)
			}
			if status, answer := r.call(method, "/?func=pushHomeLogic", b.credential, "", ""); status != want {
				r.t.Errorf("%s /?func= by %s, as a header: %d %s, want %d", method, b.name, status, answer, want)
			}
		}
	}
}

// checkPages: nobody comes in as a page but by a page's token.
func (r *running) checkPages(bearers []bearer) {
	r.t.Helper()
	for _, b := range bearers {
		isPage := b.isPage()
		conn, from := r.raw(upgrade("/?page=home&token=" + b.credential))
		expectBytes(r.t, from, map[bool]string{true: "HTTP/1.1 101 ", false: "HTTP/1.1 401 "}[isPage])
		conn.Close()
		native, _, err := websocket.Dial(r.t.Context(), "ws://"+r.addr+"/v1/connect?page=home&token="+b.credential, &websocket.DialOptions{Subprotocols: []string{"scenecast.v1"}})
		if err != nil {
			r.t.Fatal(err)
		}
		if isPage {
			r.read(native)
		} else if code := r.closeCode(native); code != 4401 {
			r.t.Errorf("a native page by %s: closed with %d", b.name, code)
		}
		_ = native.CloseNow()
		if isPage {
			continue // an event stream does not end
		}
		if status, answer := r.call("GET", "/v1/events?page=home&token="+b.credential, "", "", ""); status != 401 {
			r.t.Errorf("an event stream by %s: %d %s", b.name, status, answer)
		}
	}
}
