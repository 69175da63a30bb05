package server_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

// The keys of a world: one that is confined to a tenant, one that is confined to another, and one that is not.
const (
	tenantKey      = "secret-of-tenant-7"
	otherTenantKey = "secret-of-tenant-8"
)

const confinedSettings = `
- {name: all, key: ` + apiKey + `}
- {name: seven, key: ` + tenantKey + `, within: 'tenant == "7"', triggers: [pushHomeLogic, orderShipped, nope]}
- {name: eight, key: ` + otherTenantKey + `, within: 'tenant == "8"'}
`

// world is a server with pages of a tenant, and others.
type world struct {
	*running
	random  *rand.Rand // of what happens outside
	next    atomic.Uint64
	outside []uint64 // the numbers of pages outside
	cursor  string   // of the confined key's history
	feedAt  string   // the ID of its feed's first event
	id      string   // of the node
}

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{random: rand.New(rand.NewPCG(seed, 1)), cursor: "0-0"}
	w.running = startWith(t, map[string]string{
		"api_keys":             confinedSettings,
		"presence":             "[{key: page, show: [tenant]}, {key: order}]",
		"websocket.close_wait": "100ms", // the pages do not read at the end
		"client_tokens": "[" + pageToken + ", {token: page-of-7, labels: {tenant: '7'}}, {token: page-of-8, labels: {tenant: '8'}}, " +
			"{token: page-of-9, labels: {tenant: ['9', '70']}, user: u9}]",
	}, func(o *options) { o.SetNumber(func(uint64) uint64 { return w.next.Load() }) })
	w.id = w.node()
	feed := w.feed(tenantKey, "", "")
	feed.ready()
	w.feedAt = feed.id
	feed.close()
	return w
}

// connect connects a page whose ID has this number.
func (w *world) connect(number uint64, token, query string) {
	w.next.Store(number)
	w.pageAs(token, query)
}

// disturb has something happen outside of the confinement.
func (w *world) disturb() {
	status := 200
	answer := ""
	key := []string{apiKey, otherTenantKey}[w.random.IntN(2)]
	switch w.random.IntN(8) {
	case 0, 1:
		number := uint64(len(w.outside))*2 + 2000
		w.outside = append(w.outside, number)
		token := []string{pageToken, "page-of-8", "page-of-9"}[w.random.IntN(3)]
		w.connect(number, token, fmt.Sprintf("page=%s&order=7&status=%d", []string{"home", "list"}[w.random.IntN(2)], w.random.IntN(5)))
	case 2, 3:
		body := fmt.Sprintf(`{"to":%s,"message":%d,"id":"%s","ttl":"1m","retain":"%s","coalesce":"c"}`,
			[]string{`"tenant != \"7\""`, `"*"`}[w.random.IntN(2)], w.random.IntN(3), name(w.random, 3), name(w.random, 2))
		status, answer = w.call("POST", "/v1/push", key, "", body)
	case 4:
		headers := map[string]string{"Authorization": "Bearer " + key, "Idempotency-Key": name(w.random, 3)}
		status, answer = w.callWith("POST", "/v1/push", headers, `{"to":"tenant == \"8\"","message":1}`)
	case 5:
		status, answer = w.call("POST", "/v1/labels", key, "", fmt.Sprintf(`{"to":"tenant != \"7\"","set":{"status":"%d","x":"y"}}`, w.random.IntN(5)))
	case 6:
		status, answer = w.call("POST", "/v1/disconnect", key, "", fmt.Sprintf(`{"to":"tenant != \"7\" && status == \"%d\""}`, w.random.IntN(5)))
	case 7:
		status, answer = w.callWith("POST", "/v1/triggers/pushHomeLogic",
			map[string]string{"Authorization": "Bearer " + key, "Idempotency-Key": name(w.random, 3)}, "{}")
	}
	if status != 200 && status != 409 { // an ID that was used with another push
		w.t.Errorf("outside: %d %s", status, answer)
	}
}

// name is one of the first few letters.
func name(random *rand.Rand, n int) string { return string(rune('a' + random.IntN(n))) }

// confinedCall is a call of the confined key. CURSOR and NODE stand for what a world has in their place.
type confinedCall struct {
	method, target, body string
	idempotency          string
}

// draw draws a call, of all that there are.
func draw(random *rand.Rand) (c confinedCall) {
	audiences := []string{
		`*`, `tenant == "8"`, `tenant != "7"`, `!has(tenant)`, `page == "home"`, `page != "home" || tenant == "9"`, `@user == "u9"`,
		`@id == "NODE.2000"`, `@id == "NODE.1001"`, `!(tenant == "7")`, `tenant.startsWith("7")`, `status == "3"`,
	}
	to := audiences[random.IntN(len(audiences))]
	except := audiences[1:][random.IntN(len(audiences)-1)]
	number := []string{"1000", "1001", "1003", "2000", "2002", "2004", "9"}[random.IntN(7)]
	quoted := strings.ReplaceAll(to, `"`, `\"`)
	get := func(path string, parameters ...string) confinedCall {
		values := make(url.Values)
		for i := 0; i < len(parameters); i += 2 {
			if parameters[i+1] != "" && random.IntN(3) > 0 || parameters[i] == "key" || parameters[i] == "since" {
				values.Set(parameters[i], parameters[i+1])
			}
		}
		return confinedCall{method: "GET", target: path + "?" + values.Encode()}
	}
	switch random.IntN(21) {
	case 0, 1, 2:
		c = confinedCall{method: "POST", target: "/v1/push", body: fmt.Sprintf(`{"to":"%s","message":%d,"id":"%s","ttl":"1m","retain":"%s","coalesce":"c","receipt":"written"}`,
			quoted, random.IntN(2), name(random, 3), name(random, 2))}
	case 3:
		c = confinedCall{method: "POST", target: "/v1/push", idempotency: name(random, 3),
			body: fmt.Sprintf(`{"to":"%s","message":1,"except":"%s"}`, quoted, strings.ReplaceAll(except, `"`, `\"`))}
	case 4:
		c = confinedCall{method: "POST", target: "/v1/push", body: fmt.Sprintf(`[{"to":"%s","message":1},{"to":"%s","dry_run":true},{"to":"a = b"}]`, quoted, quoted)}
	case 5:
		c = confinedCall{method: "POST", target: "/v1/push", body: fmt.Sprintf(`{"to":"%s","dry_run":true,"except":"NODE.%s"}`, quoted, number)}
	case 6:
		c = confinedCall{method: "POST", target: "/v1/triggers/" + []string{"pushHomeLogic", "orderShipped", "nope", "setStock", "never"}[random.IntN(5)],
			body: `{"order":"7"}`, idempotency: name(random, 3)}
	case 7:
		c = get("/v1/pushes", "since", "CURSOR", "limit", fmt.Sprint(1+random.IntN(4)), "to", "")
	case 8:
		c = get("/v1/pushes", "limit", fmt.Sprint(1+random.IntN(9)), "to", `page == "home" && tenant == "7"`)
	case 9:
		c = get("/v1/pushes/" + name(random, 4))
	case 10:
		c = confinedCall{method: "POST", target: "/v1/audience", body: fmt.Sprintf(`{"to":"%s","except":"NODE.%s","sample":%d}`, quoted, number, random.IntN(4))}
	case 11:
		c = get("/v1/connections", "to", to, "limit", fmt.Sprint(1+random.IntN(3)), "after", "NODE."+number, "address", []string{"127.0.0.1", "127.0.0.0/8", "::1"}[random.IntN(3)])
	case 12:
		c = get("/v1/connections/NODE." + number)
	case 13:
		if random.IntN(2) == 0 {
			by := []string{"tenant", "page", "@id", "page,status", "@user,page,x"}[random.IntN(5)]
			c = confinedCall{method: "GET", target: "/v1/scenes?" + url.Values{"by": {by}, "to": {to}, "limit": {fmt.Sprint(1 + random.IntN(3))}}.Encode()}
			break
		}
		if random.IntN(3) == 0 {
			c = get("/v1/labels", "to", to, "limit", fmt.Sprint(1+random.IntN(9)))
			break
		}
		c = get("/v1/labels", "key", []string{"tenant", "page", "@id", "@user", "x", "status"}[random.IntN(6)], "to", to)
	case 14:
		c = confinedCall{method: "POST", target: "/v1/labels", body: fmt.Sprintf(`{"to":"%s",%s}`, quoted,
			[]string{`"set":{"status":"1"}`, `"set":{"status":"3","y":"z"}`, `"set":{"tenant":"7"}`, `"remove":["tenant"]`, `"remove":["status"]`}[random.IntN(5)])}
	case 15:
		if random.IntN(3) == 0 {
			c = confinedCall{method: "POST", target: "/v1/revoke", body: []string{`{"user":"u9"}`, `{"to":"tenant != \"7\""}`, `{"to":{"@user":"u9"}}`, `{"jti":"x"}`}[random.IntN(4)]}
			break
		}
		if random.IntN(4) > 0 { // those that reach nobody inside
			quoted = `tenant != \"7\"`
		}
		c = []confinedCall{{method: "POST", target: "/v1/disconnect", body: `{"to":"` + quoted + `"}`}, {method: "GET", target: "/v1/nodes"},
			{method: "GET", target: "/metrics"}, {method: "GET", target: "/v1/connections/NODE." + number + "x"}}[random.IntN(4)]
	case 16:
		c = get("/v1/presence", "key", []string{"page", "order", "tenant"}[random.IntN(3)], "value", []string{"home", "7"}[random.IntN(2)],
			"limit", fmt.Sprint(1+random.IntN(2)), "after", []string{"h", "home", "u8"}[random.IntN(3)])
	case 17:
		c = []confinedCall{{method: "GET", target: "/v1/self"}, {method: "GET", target: "/v1/stats"}, {method: "GET", target: "/v1/hooks"}, {method: "POST", target: "/v1/hooks/orders/retry"}, {method: "POST", target: "/v1/hooks/none/retry"}}[random.IntN(5)]
	case 20:
		c = get("/v1/pushes", "order", "desc", "limit", fmt.Sprint(1+random.IntN(4)), "connection", "NODE."+number, "before", "CURSOR")
	case 19:
		c = confinedCall{method: "POST", target: "/v1/audience/explain", body: fmt.Sprintf(`{"to":"%s","except":"%s",%s}`, quoted, strings.ReplaceAll(except, `"`, `\"`),
			[]string{`"connection":"NODE.` + number + `"`, `"labels":{"tenant":"9","page":"home"}`}[random.IntN(2)])}
	case 18: // without disconnected, which comes when a page is gone, and not when it was told to go
		c = get("/v1/feed", "events", []string{"connected,relabelled,gap", "relabelled", "connected,joined", "trigger"}[random.IntN(4)], "since", "FEED", "to", to)
		if !strings.Contains(c.target, "events=") {
			c.target += "&events=connected,relabelled"
		}
	}
	return c
}

var (
	times   = regexp.MustCompile(`"(at|until|timestamp|time|since)":"[^"]+"`)
	drawn   = regexp.MustCompile(`[a-z2-7]{26}|[A-Z2-7]{26}`)
	cursors = regexp.MustCompile(`"next":"([0-9a-z]{6,})-`) // of a time
)

// ask makes a call of the confined key and returns the whole answer, without what differs from run to run.
func (w *world) ask(c confinedCall) string {
	node := w.id
	put := strings.NewReplacer("NODE", node, "CURSOR", url.QueryEscape(w.cursor), "FEED", w.feedAt)
	headers := map[string]string{"Authorization": "Bearer " + tenantKey}
	if c.idempotency != "" {
		headers["Idempotency-Key"] = c.idempotency
	}
	r, body := w.answer(c, put.Replace(c.target), headers, put.Replace(c.body))
	if strings.Contains(c.target, "CURSOR") && r.StatusCode == http.StatusOK {
		_, next, _ := strings.Cut(body, `"next":"`)
		w.cursor, _, _ = strings.Cut(next, `"`)
	}
	answer := fmt.Sprintln(r.StatusCode)
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		if name != "Date" && name != "Content-Length" { // the length is that of the body
			answer += fmt.Sprintln(name, r.Header[name])
		}
	}
	body = strings.ReplaceAll(body, node, "NODE")
	return answer + cursors.ReplaceAllString(drawn.ReplaceAllString(times.ReplaceAllString(body, `"$1":"…"`), "DRAWN"), `"next":"TIME-`)
}

// answer is what a call is answered; of the feed, which does not end, everything until it is live: pages at several loops have no order.
func (w *world) answer(c confinedCall, target string, headers map[string]string, body string) (*http.Response, string) {
	if !strings.HasPrefix(target, "/v1/feed") || strings.Contains(target, "joined") || strings.Contains(target, "trigger") {
		return w.response(c.method, target, headers, body)
	}
	stream := w.feed(tenantKey, strings.TrimPrefix(target, "/v1/feed?"), "")
	defer stream.close()
	var told []string
	for {
		name, data := stream.next()
		told = append(told, name+" "+drawn.ReplaceAllString(times.ReplaceAllString(data, `"$1":"…"`), "DRAWN"))
		if name == "ready" {
			slices.Sort(told)
			return stream.head, strings.Join(told, "\n")
		}
	}
}

// TestConfinedKeyLearnsNothing: two worlds have the same pages within a confinement, and differ in everything outside: who is there,
// what is pushed to them, and under which names. A confined key that does the same in both gets the same answers, byte for byte.
func TestConfinedKeyLearnsNothing(t *testing.T) {
	for seed := range uint64(4) {
		worlds := []*world{newWorld(t, 2*seed), newWorld(t, 2*seed+1)}
		random := rand.New(rand.NewPCG(seed, 2))
		for number := range uint64(4) {
			for _, w := range worlds {
				w.connect(1000+number, "page-of-7", fmt.Sprintf("page=%s&order=%d&status=%d", []string{"home", "list"}[number%2], 7+number%2, number))
			}
		}
		statuses := make(map[string]int)
		for range 150 {
			for _, w := range worlds {
				for range w.random.IntN(3) {
					w.disturb()
				}
			}
			c := draw(random)
			one, other := worlds[0].ask(c), worlds[1].ask(c)
			if one != other {
				t.Fatalf("seed %d: %+v is answered\n%s\nand where only the outside differs\n%s", seed, c, one, other)
			}
			for _, told := range []string{"page-of-8", `tenant":"8"`, `"u9"`, `tenant":["70"`, `"status":"y"`, ".2000\"", ".2002\""} {
				if strings.Contains(one, told) && !strings.Contains(c.target+c.body, "200") {
					t.Errorf("seed %d: %+v tells %s:\n%s", seed, c, told, one)
				}
			}
			statuses[one[:3]]++
		}
		if statuses["200"] < 75 || statuses["403"] == 0 || statuses["404"] == 0 || statuses["409"] == 0 {
			t.Errorf("seed %d: the answers were %v: this test does not ask for much", seed, statuses)
		}
		for _, w := range worlds {
			w.end()
		}
	}
}

// TestConfinedKeyReaches: what a confined key does reaches the pages within, and those alone.
func TestConfinedKeyReaches(t *testing.T) {
	w := newWorld(t, 1)
	w.next.Store(1)
	inside := w.pageAs("page-of-7", "page=home&order=7")
	w.next.Store(2)
	outside := w.pageAs("page-of-8", "page=home&order=7")
	for _, c := range []struct{ target, body, answer string }{
		{"/v1/push", `{"to":"*","message":"a"}`, `"matched":1,"queued":1,"dropped":0,"nodes":1,"nodes_known":1}`},
		{"/v1/push", `{"to":{"tenant":"8"},"message":"b"}`, `"matched":0,`},
		{"/v1/push", `{"to":"!(tenant == \"7\")","message":"b"}`, `"matched":0,`},
		{"/v1/push", `{"to":{"page":"home"},"message":"c","ttl":"1h","retain":"k"}`, `"matched":1,`},
		{"/v1/triggers/pushHomeLogic", `{}`, `"matched":1,`},
		{"/v1/audience/explain", `{"to":{"page":"home"},"connection":"NODE.1"}`, `{"matches":true,"explanation":{"text":"page == \"home\" && tenant == \"7\"","matches":true,` +
			`"of":[{"text":"page == \"home\"","matches":true,"why":"page = home"},{"text":"tenant == \"7\"","matches":true,"why":"tenant = 7"}]},`},
		{"/v1/audience/explain", `{"to":"*","connection":"NODE.2"}`, `"kind":"not_found"`},
		{"/v1/audience/explain", `{"to":"*","labels":{"tenant":"8"}}`, `{"text":"tenant == \"7\"","matches":false,"why":"tenant = 8, not 7"}]}`},
		{"/v1/labels", `{"to":"*","set":{"plan":"pro"}}`, `{"matched":1,"changed":1,"nodes":1,"nodes_known":1}`},
		{"/v1/labels", `{"to":"*","set":{"tenant":"8"}}`, `"detail":"this API key is confined by the label tenant, and cannot change it","setting":"api_keys"}`},
		{"/v1/labels", `{"to":"*","remove":["tenant"]}`, `"status":403,`},
		{"/v1/audience", `{"to":"*","sample":5}`, `{"matched":1,"sample":[{"id":"` + w.node() + `.1",`},
		{"/v1/triggers/setStock", `{"left":1}`, `"kind":"forbidden","detail":"this API key may not run a trigger named \"setStock\"","setting":"api_keys"}`},
		{"/v1/triggers/nope", `{}`, `"kind":"not_found"`},
	} {
		if _, answer := w.call("POST", c.target, tenantKey, "", strings.ReplaceAll(c.body, "NODE", w.node())); !strings.Contains(answer, c.answer) {
			t.Errorf("%s %s is answered %s, want %s", c.target, c.body, answer, c.answer)
		}
	}
	// A page that comes gets both retained values: neither key has taken the place of the other's.
	if status, answer := w.call("POST", "/v1/push", apiKey, "", `{"to":"*","message":"d","ttl":"1h","retain":"k"}`); status != 200 {
		t.Fatal(answer)
	}
	for _, want := range []string{`"a"`, `"c"`, `{"message":"后端触发了按钮 1","code":"200"}`, `"d"`} {
		if got := w.read(inside); got != want {
			t.Errorf("the page within got %s, want %s", got, want)
		}
	}
	w.next.Store(3)
	late := w.pageAs("page-of-7", "page=home")
	for _, want := range []string{`"c"`, `"d"`} {
		if got := w.read(late); got != want {
			t.Errorf("the page that came late got %s, want %s", got, want)
		}
	}
	if _, answer := w.call("POST", "/v1/disconnect", tenantKey, "", `{"to":"*"}`); !strings.Contains(answer, `{"matched":2,`) {
		t.Errorf("disconnect: %s", answer)
	}
	w.publish(`{"to":"*","message":"last"}`)
	for _, want := range []string{`"d"`, `"last"`} {
		if got := w.read(outside); got != want {
			t.Errorf("the page outside got %s, want %s", got, want)
		}
	}
	if code := w.closeCode(inside); code != 1000 {
		t.Errorf("the page within was closed with %d", code)
	}
}
