package server_test

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// pusherApp is an app of the Pusher protocol that has two keys, with further settings.
func pusherApp(more string) map[string]string {
	return pusherSettings(", keys: [{key: next, secret: next-secret-123456}]" + more)
}

// signedQuery is the query of a request as libraries of Pusher make it, with further parameters, which are sent in this order.
func signedQuery(method, path, key, secret, body string, at time.Time, more ...string) string {
	params := []string{"auth_key=" + key, fmt.Sprint("auth_timestamp=", at.Unix()), "auth_version=1.0"}
	if body != "" {
		params = append(params, fmt.Sprintf("body_md5=%x", md5.Sum([]byte(body))))
	}
	params = append(more, params...)
	sorted := slices.Clone(params)
	slices.SortStableFunc(sorted, func(a, b string) int {
		nameA, _, _ := strings.Cut(a, "=")
		nameB, _, _ := strings.Cut(b, "=")
		return strings.Compare(nameA, nameB)
	})
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(method + "\n" + path + "\n" + strings.Join(sorted, "&")))
	for i, p := range params {
		name, value, _ := strings.Cut(p, "=")
		params[i] = url.QueryEscape(name) + "=" + url.QueryEscape(value)
	}
	return "?" + strings.Join(append(params, "auth_signature="+hex.EncodeToString(mac.Sum(nil))), "&")
}

// pusher makes a signed call of the HTTP API of the Pusher protocol: its status, and the answer.
func (r *running) pusher(method, path, body string, more ...string) string {
	r.t.Helper()
	unescaped, _ := url.PathUnescape(path)
	status, answer := r.call(method, path+signedQuery(method, unescaped, pusherKey, pusherSecret, body, time.Now(), more...), "", "application/json", body)
	return fmt.Sprint(status, " ", answer)
}

// pushed are the pushes in the log, oldest first: audience, event and message.
func (r *running) pushed() (list []string) {
	r.t.Helper()
	var page struct {
		Pushes []struct {
			To, Event string
			Message   json.RawMessage
		}
	}
	if err := json.Unmarshal([]byte(r.api("GET", "/v1/pushes?limit=1000", "")), &page); err != nil {
		r.t.Fatal(err)
	}
	for _, p := range page.Pushes {
		list = append(list, fmt.Sprint(p.To, " ", p.Event, " ", string(p.Message)))
	}
	return list
}

// TestPusherAPIEvents: each channel of an event is a push.
func TestPusherAPIEvents(t *testing.T) {
	s := start(t, pusherApp(""), nil)
	long := strings.Repeat("c", 200)
	for _, c := range []struct {
		path, body string
		answer     string
		pushed     []string
	}{
		{"events", `{"name":"e","channels":["news"],"data":"{\"a\":1.10}"}`, `200 {}`, []string{`@channel == "news" e {"a":1.10}`}},
		{"events", `{"name":"e","channel":"news","data":"plain"}`, `200 {}`, []string{`@channel == "news" e "plain"`}},
		{"events", `{"data":"7","channels":["a","b","a"],"name":"e","unknown":[1,{}]}`, `200 {}`, []string{`@channel == "a" e 7`, `@channel == "b" e 7`}},
		{"events", `{"name":"e","channels":["a"],"data":"\"x\"","socket_id":"12.34"}`, `200 {}`, []string{`@channel == "a" && @id != "12.34" e "\"x\""`}},
		{"events", `{"name":"e","channels":["a"],"data":"","socket_id":null,"info":null}`, `200 {}`, []string{`@channel == "a" e ""`}},
		{"events", `{"name":"` + long + `","channels":["` + long + `"],"data":"1"}`, `200 {}`, []string{`@channel == "` + long + `" ` + long + ` 1`}},
		{"events", `{"name":"e","channels":["private-encrypted-a"],"data":"{\"nonce\":\"n\",\"ciphertext\":\"c\"}"}`, `200 {}`,
			[]string{`@channel == "private-encrypted-a" e {"nonce":"n","ciphertext":"c"}`}},
		{"events", `{"name":"e","channels":["#server-to-user-7 8"],"data":"1"}`, `200 {}`, []string{`@channel == "#server-to-user-7 8" e 1`}},
		{"events", `{"name":"e","channels":["presence-a","b"],"data":"1","info":"user_count,subscription_count"}`,
			`200 {"channels":{"b":{"subscription_count":0},"presence-a":{"user_count":0,"subscription_count":0}}}`, []string{`@channel == "presence-a" e 1`, `@channel == "b" e 1`}},
		{"batch_events", `{"batch":[{"name":"e","channel":"a","data":"1"},{"name":"f","channel":"b","data":"2","socket_id":"1.2"}]}`, `200 {}`,
			[]string{`@channel == "a" e 1`, `@channel == "b" && @id != "1.2" f 2`}},
		{"batch_events", `{"batch":[{"name":"e","channel":"a","data":"1"},{"name":"f","channel":"presence-b","data":"2","info":"user_count"}]}`,
			`200 {"batch":[{},{"user_count":0}]}`, []string{`@channel == "a" e 1`, `@channel == "presence-b" f 2`}},
	} {
		before := len(s.pushed())
		if got := s.pusher("POST", "/apps/3/"+c.path, c.body); got != c.answer {
			t.Errorf("%s %.200s: %s, want %s", c.path, c.body, got, c.answer)
		}
		if got := s.pushed()[before:]; !slices.Equal(got, c.pushed) {
			t.Errorf("%s %.200s is pushed as %q, want %q", c.path, c.body, got, c.pushed)
		}
	}
}

// TestPusherAPIBadInput: what is wrong is answered in plain text, and nothing of the call is done.
func TestPusherAPIBadInput(t *testing.T) {
	s := start(t, pusherApp(", max_event: 100, max_event_channels: 100"), nil)
	many := func(n int) string {
		var names []string
		for i := range n {
			names = append(names, fmt.Sprintf("%q", fmt.Sprint("c", i)))
		}
		return "[" + strings.Join(names, ",") + "]"
	}
	good := `{"name":"e","channel":"a","data":"1"}`
	for _, c := range []struct{ path, body, want string }{
		{"events", ``, "400 takes a JSON object"},
		{"events", `[]`, "400 takes a JSON object"},
		{"events", `{`, "400 the body is not valid JSON"},
		{"events", `{"name":"e","channel":"a","data":"1"}x`, "400 the body is not"},
		{"events", `{"name":"e","channel":"a","data":"1"`, "400 the body is not valid JSON"},
		{"events", "{\"name\":\"\xff\",\"channel\":\"a\",\"data\":\"1\"}", "400 "},
		{"events", `{"channel":"a","data":"1"}`, "400 name: an event needs a name"},
		{"events", `{"name":"","channel":"a","data":"1"}`, "400 name: an event needs a name"},
		{"events", `{"name":7,"channel":"a","data":"1"}`, "400 name: takes a text"},
		{"events", `{"name":"e","name":"f","channel":"a","data":"1"}`, "400 name: there twice"},
		{"events", `{"name":"` + strings.Repeat("n", 201) + `","channel":"a","data":"1"}`, "400 name: has 201 bytes, and 200 are allowed (setting: pusher.max_event_name)"},
		{"events", `{"name":"e","channel":"a"}`, "400 data: an event needs data, a text"},
		{"events", `{"name":"e","channel":"a","data":{"a":1}}`, "400 data: takes a text, such as JSON in a text"},
		{"events", `{"name":"e","channel":"a","data":null}`, "400 data: takes a text, such as JSON in a text"},
		{"events", `{"name":"e","channel":"a","data":"` + strings.Repeat("x", 101) + `"}`, "413 data: has 101 bytes, and 100 are allowed (setting: pusher.max_event)"},
		{"events", `{"name":"e","data":"1"}`, "400 channels: an event needs a channel"},
		{"events", `{"name":"e","channels":[],"data":"1"}`, "400 channels: an event needs a channel"},
		{"events", `{"name":"e","channels":"a","data":"1"}`, "400 channels: takes a list of texts"},
		{"events", `{"name":"e","channels":["a",7],"data":"1"}`, "400 channels.1: takes a text"},
		{"events", `{"name":"e","channels":["a"],"channel":"b","data":"1"}`, "400 channel: an event has either channel or channels"},
		{"events", `{"name":"e","channels":["a","b c"],"data":"1"}`, `400 channels.1: "b c" is no name of a channel: letters, digits and any of _-=@,.;`},
		{"events", `{"name":"e","channel":"","data":"1"}`, "400 channel: the name of a channel is empty"},
		{"events", `{"name":"e","channel":"#server-to-user-","data":"1"}`, `400 channel: "#server-to-user-" is no name of a channel`},
		{"events", `{"name":"e","channel":"` + strings.Repeat("c", 201) + `","data":"1"}`, "400 channel: the name of a channel has 201 bytes, and 200 are allowed (setting: pusher.max_channel_name)"},
		{"events", `{"name":"e","channels":` + many(101) + `,"data":"1"}`, "400 channels: an event may have 100 channels (setting: pusher.max_event_channels)"},
		{"events", `{"name":"e","channels":["a","private-encrypted-b"],"data":"1"}`, "400 channels: what is for an encrypted channel can be read in no other, and there are 2"},
		{"events", `{"name":"e","channel":"a","data":"1","socket_id":"x"}`, `400 socket_id: "x" is no socket_id: it has the form 123.456`},
		{"events", `{"name":"e","channel":"a","data":"1","socket_id":12.34}`, `400 socket_id: takes a text`},
		{"events", `{"name":"e","channel":"a","data":"1","info":"cache"}`, `400 info: "cache" is no attribute that is known here`},
		{"batch_events", `[` + good + `]`, "400 the body is not"},
		{"batch_events", `{}`, "400 batch: a batch needs events"},
		{"batch_events", `{"batch":[]}`, "400 batch: a batch needs events"},
		{"batch_events", `{"batch":` + good + `}`, "400 batch: takes one list of events"},
		{"batch_events", `{"batch":[` + strings.Repeat(good+",", 10) + good + `]}`, "400 batch: a batch may have 10 events (setting: pusher.max_batch)"},
		{"batch_events", `{"batch":[` + good + `,{"name":"e","channel":"b c","data":"1"}]}`, `400 batch.1.channel: "b c" is no name of a channel`},
		{"batch_events", `{"batch":[` + good + `,{"name":"e","channels":["a","b"],"data":"1"}]}`, `400 batch.1.channels: an event of a batch has one channel`},
		{"batch_events", `{"batch":[` + good + `,7]}`, `400 batch.1: takes a JSON object`},
		{"batch_events", `{"batch":[` + good + `,{"name":"e"`, `400 the body is not valid JSON`},
		{"batch_events", `{"batch":[` + good + `],"batch":[` + good + `]}`, `400 batch: takes one list of events`},
		{"nothing", good, "404 there is no such call"},
		{"", good, "404 there is no such call"},
		{"channels", good, "405 this call takes GET"},
		{"channels/a/b", good, "404 there is no such call"},
	} {
		if got := s.pusher("POST", "/apps/3/"+c.path, c.body); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s %.200s: %s, want %s", c.path, c.body, got, c.want)
		}
	}
	for path, want := range map[string]string{
		"events":                             "405 this call takes POST",
		"channels?info=user_count":           "400 info: user_count is of presence channels: filter_by_prefix has to begin with presence-",
		"channels?info=x":                    `400 info: "x" is no attribute that is known here`,
		"channels/a?info=user_count":         `400 info: user_count is of presence channels, and "a" is none`,
		"channels/a?info=cache":              `400 info: cache is of cache channels, and "a" is none`,
		"channels/a%20b":                     `400 "a b" is no name of a channel`,
		"channels/a/users":                   `400 users are of presence channels, and "a" is none`,
		"channels//users":                    "404 ",
		"users/a/terminate_connections":      "405 this call takes POST",
		"users/a%2Fb/terminate_connections":  "405 this call takes POST",
		"users/a/b/terminate_connections":    "404 there is no such call",
		"channels?filter_by_prefix=presence": `200 {"channels":{}}`,
	} {
		path, query, _ := strings.Cut(path, "?")
		var more []string
		if query != "" {
			more = []string{query}
		}
		if got := s.pusher("GET", "/apps/3/"+path, "", more...); !strings.HasPrefix(got, want) {
			t.Errorf("GET %s: %s, want %s", path, got, want)
		}
	}
	if pushed := s.pushed(); len(pushed) > 0 {
		t.Errorf("this was published: %q", pushed)
	}
}

// TestPusherAPISignatures: who has not signed is answered 401, and nothing is done.
func TestPusherAPISignatures(t *testing.T) {
	settings := pusherApp("")
	settings["apps"] = "{shop: {pusher: {id: shop, key: shop-key, secret: secret-of-the-shop, path_prefix: /push}}, " +
		"off: {pusher: {id: off, key: off-key, secret: secret-of-the-off-app, enabled: false}}}"
	s := start(t, settings, nil)
	const body = `{"name":"e","channel":"a","data":"1"}`
	now := time.Now()
	for name, c := range map[string]struct{ path, query, body, want string }{
		"right":              {"/apps/3/events", signedQuery("POST", "/apps/3/events", pusherKey, pusherSecret, body, now), body, "200 {}"},
		"another key":        {"/apps/3/events", signedQuery("POST", "/apps/3/events", "next", "next-secret-123456", body, now), body, "200 {}"},
		"590 s late":         {"/apps/3/events", signedQuery("POST", "/apps/3/events", pusherKey, pusherSecret, body, now.Add(-590*time.Second)), body, "200 {}"},
		"590 s early":        {"/apps/3/events", signedQuery("POST", "/apps/3/events", pusherKey, pusherSecret, body, now.Add(590*time.Second)), body, "200 {}"},
		"700 s late":         {"/apps/3/events", signedQuery("POST", "/apps/3/events", pusherKey, pusherSecret, body, now.Add(-700*time.Second)), body, "401 auth_timestamp is "},
		"700 s early":        {"/apps/3/events", signedQuery("POST", "/apps/3/events", pusherKey, pusherSecret, body, now.Add(700*time.Second)), body, "401 auth_timestamp is "},
		"more parameters":    {"/apps/3/events", signedQuery("POST", "/apps/3/events", pusherKey, pusherSecret, body, now, "z=1 +&=%", "a=ü"), body, "200 {}"},
		"one of them twice":  {"/apps/3/events", signedQuery("POST", "/apps/3/events", pusherKey, pusherSecret, body, now, "z=2", "a=1", "z=1"), body, "200 {}"},
		"another secret":     {"/apps/3/events", signedQuery("POST", "/apps/3/events", pusherKey, "next-secret-123456", body, now), body, "401 auth_signature is not"},
		"an unknown key":     {"/apps/3/events", signedQuery("POST", "/apps/3/events", "x", pusherSecret, body, now), body, `401 there is no auth_key "x" of this app`},
		"another path":       {"/apps/3/batch_events", signedQuery("POST", "/apps/3/events", pusherKey, pusherSecret, body, now), body, "401 auth_signature is not"},
		"another method":     {"/apps/3/events", signedQuery("GET", "/apps/3/events", pusherKey, pusherSecret, body, now), body, "401 auth_signature is not"},
		"another body":       {"/apps/3/events", signedQuery("POST", "/apps/3/events", pusherKey, pusherSecret, body, now), body + " ", "401 body_md5 is not the MD5 of the body"},
		"no sum of the body": {"/apps/3/events", signedQuery("POST", "/apps/3/events", pusherKey, pusherSecret, "", now), body, "401 the parameter body_md5 is missing"},
		"nothing":            {"/apps/3/events", "", body, "401 the parameter auth_key is missing"},
		"no escape":          {"/apps/3/events", "?auth_key=%zz", body, "400 the query has a percent sign that is no escape"},
		"no call":            {"/apps/3/nothing", "", body, "401 the parameter auth_key is missing"},
		"no app":             {"/apps/4/events", signedQuery("POST", "/apps/4/events", pusherKey, pusherSecret, body, now), body, `401 there is no app with the id "4"`},
		"no id":              {"/apps/", "", body, `401 there is no app with the id ""`},
		"another app's key":  {"/apps/shop/events", signedQuery("POST", "/apps/shop/events", pusherKey, pusherSecret, body, now), body, `401 there is no auth_key "278d425bdf160c739803" of this app`},
		"another app":        {"/apps/shop/events", signedQuery("POST", "/apps/shop/events", "shop-key", "secret-of-the-shop", body, now), body, "200 {}"},
		"a disabled app":     {"/apps/off/events", signedQuery("POST", "/apps/off/events", "off-key", "secret-of-the-off-app", body, now), body, "403 the app is disabled (setting: pusher.enabled)"},
		"a prefix":           {"/push/apps/shop/events", signedQuery("POST", "/apps/shop/events", "shop-key", "secret-of-the-shop", body, now), body, "200 {}"},
		"a signed prefix":    {"/push/apps/shop/events", signedQuery("POST", "/push/apps/shop/events", "shop-key", "secret-of-the-shop", body, now), body, "200 {}"},
		"a stripped prefix":  {"/apps/shop/events", signedQuery("POST", "/push/apps/shop/events", "shop-key", "secret-of-the-shop", body, now), body, "200 {}"},
		"another prefix":     {"/pull/apps/shop/events", signedQuery("POST", "/apps/shop/events", "shop-key", "secret-of-the-shop", body, now), body, `404 {"title":"Not Found"`},
		"an escaped path":    {"/%61pps/3/events", signedQuery("POST", "/apps/3/events", pusherKey, pusherSecret, body, now), body, `404 {"title":"Not Found"`},
	} {
		before := len(s.pushed())
		status, answer := s.call("POST", c.path+c.query, "", "", c.body)
		if got := fmt.Sprint(status, " ", answer); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
		if status == 200 == strings.Contains(c.path, "/apps/shop/") {
			continue // another app's log
		}
		if n := len(s.pushed()) - before; (n == 1) != (status == 200) {
			t.Errorf("%s is answered %d, and %d pushes are published", name, status, n)
		}
	}
	if status, answer := s.call("POST", "/apps/3/events", apiKey, "", body); status != 401 {
		t.Errorf("by an API key: %d %s", status, answer)
	}
	response, _ := s.response("POST", "/apps/3/events", nil, body)
	if got := response.Header.Get("Content-Type"); got != "text/plain; charset=utf-8" {
		t.Errorf("an error is of the type %s", got)
	}
}

// TestPusherAPIBodyTooLarge: it is not read.
func TestPusherAPIBodyTooLarge(t *testing.T) {
	settings := pusherApp("")
	settings["http.max_body"] = "1KiB"
	s := start(t, settings, nil)
	body := `{"name":"e","channel":"a","data":"` + strings.Repeat("x", 1024) + `"}`
	if got := s.pusher("POST", "/apps/3/events", body); got != "413 the body is over 1024 bytes (setting: http.max_body)" {
		t.Error(got)
	}
}

// TestPusherAPIIdempotency: a retry with the same key publishes nothing.
func TestPusherAPIIdempotency(t *testing.T) {
	s := start(t, pusherApp(""), nil)
	post := func(body, key string) string {
		status, answer := s.callWith("POST", "/apps/3/events"+signedQuery("POST", "/apps/3/events", pusherKey, pusherSecret, body, time.Now()), map[string]string{"Idempotency-Key": key}, body)
		return fmt.Sprint(status, " ", answer)
	}
	const one, two = `{"name":"e","channel":"a","data":"1"}`, `{"name":"e","channels":["a","b"],"data":"1"}`
	for range 2 {
		if got := post(one, "k"); got != "200 {}" {
			t.Error(got)
		}
		if got := post(two, "l"); got != "200 {}" {
			t.Error(got)
		}
	}
	if got := post(strings.Replace(one, `"1"`, `"2"`, 1), "k"); !strings.HasPrefix(got, "409 ") {
		t.Errorf("another event with the same key: %s", got)
	}
	if got := post(two, strings.Repeat("k", 127)); !strings.HasPrefix(got, "400 Idempotency-Key: ") {
		t.Errorf("a long key: %s", got)
	}
	want := []string{`@channel == "a" e 1`, `@channel == "a" e 1`, `@channel == "b" e 1`}
	if got := s.pushed(); !slices.Equal(got, want) {
		t.Errorf("%q are published, want %q", got, want)
	}
}

// TestPusherAPICache: the newest event of a cache channel is kept.
func TestPusherAPICache(t *testing.T) {
	s := start(t, pusherApp(""), nil)
	ask := func(name string) string { return s.pusher("GET", "/apps/3/channels/"+name, "", "info=cache") }
	for _, name := range []string{"cache-a", "private-cache-a", "presence-cache-" + strings.Repeat("a", 185)} {
		if got := ask(name); got != `200 {"occupied":false}` {
			t.Errorf("%s, empty: %s", name, got)
		}
		for _, data := range []string{"first", `{\"b\": 2}`} {
			if got := s.pusher("POST", "/apps/3/events", `{"name":"e","channel":"`+name+`","data":"`+data+`"}`); got != "200 {}" {
				t.Fatal(got)
			}
			ttl := "1800"
			got := ask(name)
			if !strings.Contains(got, ttl) {
				ttl = "1799" // a second has passed
			}
			if want := `200 {"occupied":false,"cache":{"data":"` + data + `","ttl":` + ttl + `}}`; got != want {
				t.Errorf("%s: %s, want %s", name, got, want)
			}
		}
	}
}

// TestPusherAPIWithoutApps: where no app speaks the protocol, there is nothing at its paths.
func TestPusherAPIWithoutApps(t *testing.T) {
	s := start(t, nil, nil)
	if status, answer := s.call("POST", "/apps/3/events", "", "", "{}"); status != 404 || !strings.Contains(answer, `"kind":"not_found"`) {
		t.Errorf("%d %s", status, answer)
	}
}
