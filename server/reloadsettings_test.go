package server_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"scenecast/config"
)

// visits is what a page that connects this way is told; empty: it is let in.
func visits(query string, headers ...string) func(s *reloadable) string {
	return func(s *reloadable) string {
		conn, refusal := s.visit("127.0.0.1", query, headers...)
		if conn != nil {
			_ = conn.Close()
			s.awaitLeases(0)
		}
		return refusal
	}
}

// calls is the status, and the answer, of a call with this key.
func calls(method, target, key, body string) func(s *reloadable) string {
	return func(s *reloadable) string {
		status, answer := s.call(method, target, key, "", body)
		return fmt.Sprint(status, " ", answer)
	}
}

// logsRequests says whether requests are logged, which they are at the level debug.
func logsRequests(s *reloadable) string {
	before := strings.Count(s.log.String(), "level=DEBUG msg=request")
	s.call(http.MethodGet, "/healthz", "", "", "")
	if strings.Count(s.log.String(), "level=DEBUG msg=request") > before {
		return "logged"
	}
	return "not logged"
}

// overTLS is the serial number of the certificate for a name, and the status and a header of a call.
func overTLS(name, header string) func(s *reloadable) string {
	return func(s *reloadable) string {
		conn, err := tls.Dial("tcp", s.addr, &tls.Config{InsecureSkipVerify: true, ServerName: name}) // whose it is is what is asked
		if err != nil {
			return err.Error()
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(patience))
		_, _ = io.WriteString(conn, "GET /v1/nodes HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer "+apiKey+"\r\n\r\n")
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			return err.Error()
		}
		serial := conn.ConnectionState().PeerCertificates[0].SerialNumber
		return fmt.Sprint(serial, " ", response.StatusCode, " ", response.Header.Get(header))
	}
}

// often observes again until it is something else.
func often(observe func(s *reloadable) string) func(s *reloadable) string {
	return func(s *reloadable) string {
		first := observe(s)
		for range attempts / 4 {
			if next := observe(s); next != first {
				return next
			}
		}
		return first
	}
}

// talks is how a page that says the same again and again is closed, or this part of an answer; empty: neither.
func talks(message, answered string) func(s *reloadable) string {
	return func(s *reloadable) string {
		c := s.rawNative(s.t, "page=home")
		if answered == "" {
			c = s.page("page=home")
		} else {
			s.read(c) // the welcome
		}
		defer c.CloseNow()
		for range attempts / 4 {
			_ = c.Write(s.t.Context(), websocket.MessageText, []byte(message))
			_, answer, err := c.Read(s.t.Context())
			if err != nil {
				return fmt.Sprint(int(websocket.CloseStatus(err)))
			}
			if answered != "" && strings.Contains(string(answer), answered) {
				return answered
			}
		}
		return ""
	}
}

// TestSettingsThatChangeLive: each setting that is marked live is in force when a reload has been answered, and every live one is in this
// table.
func TestSettingsThatChangeLive(t *testing.T) {
	t.Parallel()
	one, two := newCertificate(t, "one.example"), newCertificate(t, "two.example")
	secure := map[string]string{"tls.cert": one.cert, "tls.key": one.key}
	noTriggers := map[string]string{"triggers": "{}"} // those of the harness would be over the limits
	keyed := map[string]string{"jwt.keys": fmt.Sprintf("[{key: %q}]", jwtSecret), "jwt.leeway": "0"}
	keySet := serveKeySet(t)
	signedToken := signed(t, jwtSecret, time.Hour, nil)
	spans, others := newSpanCollector(t), newSpanCollector(t)
	traced := map[string]string{"tracing.endpoint": spans.URL, "tracing.sample_ratio": "1"}
	shown := make(map[string]bool)
	for name, c := range map[string]struct {
		of      []string // the settings
		before  map[string]string
		after   map[string]string
		observe func(s *reloadable) string
		want    [2]string // how what is observed begins: before, and after
	}{
		"tokens":           {[]string{"client_tokens"}, nil, map[string]string{"client_tokens": "other"}, visits("token=other"), [2]string{`{"code":401`, "-"}},
		"keys of tokens":   {[]string{"jwt.keys"}, nil, map[string]string{"jwt.keys": keyed["jwt.keys"]}, visits("token=" + signedToken), [2]string{`{"code":401`, "-"}},
		"key set":          {[]string{"jwt.jwks_url"}, nil, map[string]string{"jwt.jwks_url": keySet}, visits("token=" + signed(t, "", time.Hour, nil)), [2]string{`{"code":401`, "-"}},
		"issuer of tokens": {[]string{"jwt.issuer"}, keyed, map[string]string{"jwt.issuer": "i"}, visits("token=" + signedToken), [2]string{"-", `{"code":401`}},
		"their audience":   {[]string{"jwt.audience"}, keyed, map[string]string{"jwt.audience": "a"}, visits("token=" + signedToken), [2]string{"-", `{"code":401`}},
		"their lifetime":   {[]string{"jwt.max_lifetime"}, keyed, map[string]string{"jwt.max_lifetime": "1m"}, visits("token=" + signedToken), [2]string{"-", `{"code":401`}},
		"leeway of tokens": {[]string{"jwt.leeway"}, keyed, map[string]string{"jwt.leeway": "1h"},
			visits("token=" + signed(t, jwtSecret, -time.Minute, nil)), [2]string{`{"code":401`, "-"}},
		"notice":   {[]string{"jwt.expiry_notice"}, keyed, map[string]string{"jwt.expiry_notice": "0"}, whatEnds, [2]string{`{"type":"expiring"`, "closed"}},
		"keys":     {[]string{"api_keys"}, nil, map[string]string{"api_keys": "[{name: o, key: other-key}, {name: a, key: " + adminKey + ", allow: [admin]}]"}, calls("GET", "/v1/connections", "other-key", ""), [2]string{"401", "200"}},
		"pages":    {[]string{"page_token_may_trigger"}, nil, map[string]string{"page_token_may_trigger": "true"}, calls("GET", "/?func=pushHomeLogic&token="+pageToken, "", ""), [2]string{"403", "200"}},
		"of app":   {[]string{"max_connections"}, nil, map[string]string{"max_connections": "1"}, secondPage, [2]string{"-", `{"code":429,"message":"as many pages of this app`}},
		"in all":   {[]string{"limits.connections"}, nil, map[string]string{"limits.connections": "1"}, secondPage, [2]string{"-", `{"code":429,"message":"as many pages are connected as may be`}},
		"address":  {[]string{"limits.per_address"}, nil, map[string]string{"limits.per_address": "1"}, secondPage, [2]string{"-", `{"code":429,"message":"as many pages are connected from this`}},
		"triggers": {[]string{"triggers"}, nil, map[string]string{"triggers": `{other: {to: "*", message: 1}}`}, calls("POST", "/v1/triggers/other", apiKey, ""), [2]string{"404", "200"}},
		"keys of labels": {[]string{"labels.client"}, nil, map[string]string{"labels.client": "[order]"},
			visits("page=home&token=" + pageToken), [2]string{"-", `{"code":403`}},
		"count of labels": {[]string{"labels.max_count"}, noTriggers, map[string]string{"labels.max_count": "1"},
			visits("page=home&order=7&token=" + pageToken), [2]string{"-", `{"code":400`}},
		"length of keys": {[]string{"labels.max_key_bytes"}, noTriggers, map[string]string{"labels.max_key_bytes": "3"},
			calls("POST", "/v1/labels", apiKey, `{"to":"*","set":{"page":"x"}}`), [2]string{"200", "400"}},
		"length of values": {[]string{"labels.max_value_bytes"}, noTriggers, map[string]string{"labels.max_value_bytes": "3"},
			visits("page=home&token=" + pageToken), [2]string{"-", `{"code":400`}},
		"apps": {[]string{"apps"}, nil, map[string]string{"apps": `{shop: {client_tokens: [shop-page]}}`}, visits("token=shop-page"), [2]string{`{"code":401`, "-"}},
		"origins of an app": {[]string{"apps"}, map[string]string{"apps": `{shop: {client_tokens: [shop-page]}}`},
			map[string]string{"apps": `{shop: {client_tokens: [shop-page], allowed_origins: ["https://shop.example"]}}`},
			visits("token=shop-page", "Origin: https://a.example"), [2]string{"-", `{"code":403`}},
		"presence": {[]string{"presence"}, nil, map[string]string{"presence": "[{key: order}]"}, watches, [2]string{`{"type":"error"`, `{"type":"watch"`}},
		"rate":     {[]string{"limits.accept_rate"}, nil, map[string]string{"limits.accept_rate": "1"}, allAtOnce, [2]string{"all are in", "some wait"}},
		"rate of an address": {[]string{"limits.connect_rate"}, nil, map[string]string{"limits.connect_rate": "1"},
			often(visits("token=" + pageToken)), [2]string{"-", `{"code":429`}},
		"wrong tokens": {[]string{"limits.failed_tokens"}, nil, map[string]string{"limits.failed_tokens": "1"},
			often(calls("GET", "/v1/connections/1.1", "wrong", "")), [2]string{"401", "429"}},
		"messages of a page": {[]string{"limits.page_messages"}, nil, map[string]string{"limits.page_messages": "1"}, talks("heartbeat", ""), [2]string{"-", "4429"}},
		"scenes of a page": {[]string{"limits.page_sets"}, nil, map[string]string{"limits.page_sets": "1"},
			talks(`{"type":"set","labels":{"page":"x"}}`, "too_many"), [2]string{"-", "too_many"}},
		"calls of a page": {[]string{"limits.page_calls"}, map[string]string{"hooks.call": "{url: 'http://127.0.0.1:1'}"}, map[string]string{"limits.page_calls": "1"},
			talks(`{"type":"call","method":"m"}`, "page_calls"), [2]string{"-", "page_calls"}},
		"proxies": {[]string{"limits.trusted_proxies"}, nil, map[string]string{"limits.trusted_proxies": "127.0.0.1"}, originOf,
			[2]string{"127.0.0.1", "198.51.100.7"}},
		"headers of proxies": {[]string{"limits.proxy_protocol"}, map[string]string{"limits.trusted_proxies": "127.0.0.1"}, map[string]string{"limits.proxy_protocol": "optional"},
			behindHeader, [2]string{"HTTP/1.1 400", "198.51.100.7"}},
		"origins": {[]string{"http.allowed_origins"}, nil, map[string]string{"http.allowed_origins": "https://b.example"},
			visits("token="+pageToken, "Origin: https://a.example"), [2]string{"-", `{"code":403`}},
		"cookie": {[]string{"http.token_cookie"}, map[string]string{"http.allowed_origins": "https://a.example"}, map[string]string{"http.token_cookie": "session"},
			visits("", "Cookie: session="+pageToken), [2]string{`{"code":401`, "-"}},
		"a certificate": {[]string{"tls.cert", "tls.key"}, secure, map[string]string{"tls.cert": two.cert, "tls.key": two.key}, overTLS("one.example", ""),
			[2]string{one.serial + " 200", two.serial + " 200"}},
		"certificates": {[]string{"tls.certificates"}, secure, map[string]string{"tls.certificates": fmt.Sprintf("[{cert: %s, key: %s}]", two.cert, two.key)},
			overTLS("two.example", ""), [2]string{one.serial + " 200", two.serial + " 200"}},
		"client certificates": {[]string{"tls.client_ca"}, secure, map[string]string{"tls.client_ca": two.cert}, overTLS("", ""),
			[2]string{one.serial + " 200", one.serial + " 403"}},
		"HSTS": {[]string{"tls.hsts"}, secure, map[string]string{"tls.hsts": "1h"}, overTLS("", "Strict-Transport-Security"),
			[2]string{one.serial + " 200 ", one.serial + " 200 max-age=3600"}},
		"level": {[]string{"log.level"}, map[string]string{"log.level": "info"}, map[string]string{"log.level": "debug"}, logsRequests, [2]string{"not logged", "logged"}},
		"hooks": {[]string{"hooks.events"}, nil, map[string]string{"hooks.events": "[{name: a, url: 'http://127.0.0.1:1'}]"},
			calls("GET", "/v1/hooks", apiKey, ""), [2]string{`200 {"hooks":[]}`, `200 {"hooks":[{"name":"a","state":"ok"`}},
		"whom pages call": {[]string{"hooks.call"}, nil, map[string]string{"hooks.call": "{url: 'http://127.0.0.1:1'}"}, callsBackend,
			[2]string{`{"type":"error","id":1,"kind":"not_found"`, `{"type":"error","id":1,"kind":"unavailable"`}},
		"who lets pages in": {[]string{"hooks.connect"}, nil, map[string]string{"hooks.connect": "{url: 'http://127.0.0.1:1'}"},
			visits("token=" + pageToken), [2]string{"-", `{"code":503`}},
		"whom hooks call": {[]string{"hooks.deny_private"}, map[string]string{"hooks.events": "[{name: a, url: 'http://127.0.0.1:1', max_wait: 1ms}]"},
			map[string]string{"hooks.deny_private": "true"}, whyHookFails, [2]string{"dial tcp 127.0.0.1:1: connect", "dial tcp 127.0.0.1:1: an address"}},
		"Pusher": {[]string{"pusher"}, map[string]string{"pusher": "{id: '1', key: k, secret: s}"}, map[string]string{"pusher": "{id: '2', key: l, secret: s}"},
			pusherKeys, [2]string{"1: k", "2: l"}},
		"collector":       {[]string{"tracing.endpoint"}, map[string]string{"tracing.sample_ratio": "1"}, map[string]string{"tracing.endpoint": others.URL}, others.tells, [2]string{"none", "scenecast"}},
		"sampling":        {[]string{"tracing.sample_ratio"}, map[string]string{"tracing.endpoint": spans.URL, "tracing.sample_ratio": "0"}, traced, spans.tells, [2]string{"none", "scenecast"}},
		"spans' headers":  {[]string{"tracing.headers"}, traced, map[string]string{"tracing.headers": "k=v"}, spans.tells, [2]string{"scenecast k=\"\"", "scenecast k=\"v\""}},
		"name of service": {[]string{"tracing.service_name"}, traced, map[string]string{"tracing.service_name": "push"}, spans.tells, [2]string{"scenecast", "push"}},
		"names of the dashboard": {[]string{"dashboard.hosts"}, map[string]string{"dashboard.enabled": "true"}, map[string]string{"dashboard.hosts": "push.example.com"},
			dashboardAt("push.example.com"), [2]string{"403", "200"}},
		"drain":       {[]string{"drain"}, nil, map[string]string{"drain": "9s"}, nil, [2]string{}},
		"drain delay": {[]string{"drain_delay"}, nil, map[string]string{"drain_delay": "1ms"}, nil, [2]string{}},
	} {
		t.Run(name, func(t *testing.T) {
			s := startReloadable(t, c.before)
			observe := func(want string) {
				t.Helper()
				if got := c.observe(s); want == "-" && got != "" || want != "-" && !strings.HasPrefix(got, want) {
					t.Errorf("%q, want %q", got, want)
				}
			}
			if c.observe != nil {
				observe(c.want[0])
			}
			s.set(c.after)
			done, err := s.ReloadConfiguration(t.Context())
			if err != nil || !slices.Equal(done.Applied, c.of) || len(done.Restart) > 0 {
				t.Fatalf("the reload is answered %+v, %v", done, err)
			}
			if c.observe != nil {
				observe(c.want[1])
				return
			}
			s.end()
			if log := s.log.String(); !strings.Contains(log, " within=9s") && !strings.Contains(log, "going to drain") {
				t.Errorf("the end does not follow the setting:\n%s", log)
			}
		})
		for _, key := range c.of {
			shown[key] = true
		}
	}
	for _, key := range config.Keys() {
		if config.IsLive(key) && !shown[key] {
			t.Errorf("%s is marked live, and nothing here shows it", key)
		}
	}
}

// behindHeader is whom a call behind a PROXY header is from, or its answer.
func behindHeader(s *reloadable) string {
	return s.clientOf(s.proxied("PROXY TCP4 198.51.100.7 192.0.2.1 4711 443\r\n", 1<<20))
}

// pusherKeys are the apps and the keys of the Pusher protocol that are known, of those that the test has.
func pusherKeys(s *reloadable) (known string) {
	for _, id := range []string{"1", "2"} {
		for _, key := range []string{"k", "l"} {
			if s.KnowsPusherKey(id, key) {
				known += id + ": " + key
			}
		}
	}
	return known
}

// callsBackend is what a page is told that calls the backend.
func callsBackend(s *reloadable) string {
	page, why := s.hookedPage("token="+pageToken, nil)
	if page == nil {
		return why
	}
	defer func() { _ = page.CloseNow() }()
	return s.ask(page, `{"type":"call","id":1,"method":"m"}`)
}

// whyHookFails is why the only hook cannot be called about a page that comes.
func whyHookFails(s *reloadable) string {
	_ = s.page("").CloseNow()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		_, answer := s.call(http.MethodGet, "/v1/hooks", apiKey, "", "")
		if _, why, failing := strings.Cut(answer, `"last_error":"`); failing {
			return why
		}
	}
	return "it does not fail"
}

// watches is what a page is answered that watches a scene.
func watches(s *reloadable) string {
	c := s.native("order=7&token=" + pageToken)
	defer c.CloseNow()
	s.read(c) // the welcome
	return s.say(c, `{"type":"watch","key":"order"}`)
}

// secondPage is what a second page is told.
func secondPage(s *reloadable) string {
	first, refusal := s.visit("127.0.0.1", "token="+pageToken)
	if refusal != "" {
		return "the first: " + refusal
	}
	second, refusal := s.visit("127.0.0.1", "token="+pageToken)
	_, _ = first.Close(), second.Close()
	s.awaitLeases(0)
	return refusal
}

// allAtOnce says whether of 60 pages all join without waiting for their turns.
func allAtOnce(s *reloadable) string {
	for range 60 {
		conn, _ := s.raw(upgrade("/?token=" + pageToken))
		defer conn.Close()
	}
	s.call(http.MethodGet, "/healthz", "", "", "")
	if s.settings["limits.accept_rate"] == "" {
		s.awaitConnections(60)
	}
	if s.Connections() < 60 {
		return "some wait"
	}
	return "all are in"
}

// dashboardAt is the status of the dashboard under a name.
func dashboardAt(name string) func(s *reloadable) string {
	return func(s *reloadable) string {
		_, answer := s.raw("GET /dashboard/ HTTP/1.1\r\nHost: " + name + "\r\nConnection: close\r\n\r\n")
		status, _ := answer.ReadString('\n')
		return strings.TrimPrefix(status, "HTTP/1.1 ")
	}
}

// originOf is the address that the log says a call came from.
func originOf(s *reloadable) string {
	s.callWith(http.MethodGet, "/v1/nodes", map[string]string{"X-Forwarded-For": "198.51.100.7"}, "")
	log := s.log.String()
	line := log[strings.LastIndex(log, `msg="call refused"`):]
	_, from, _ := strings.Cut(line, "client=")
	from, _, _ = strings.Cut(from, " ")
	return from
}

// TestSettingsThatNeedARestart: each setting that is not marked live is named where it differs, and nothing else is.
func TestSettingsThatNeedARestart(t *testing.T) {
	s := start(t, nil, nil)
	inForce := s.Config()
	for _, key := range config.Keys() {
		if config.IsLive(key) {
			continue
		}
		changed := inForce
		alter(t, settingOf(reflect.ValueOf(&changed).Elem(), key))
		done, err := s.Reload(t.Context(), changed)
		if err != nil {
			t.Errorf("%s: %v", key, err)
		} else if !slices.Equal(done.Restart, []string{key}) || len(done.Applied) > 0 {
			t.Errorf("%s is another one: the reload is answered %+v", key, done)
		}
	}
	if !reflect.DeepEqual(s.Config(), inForce) {
		t.Error("something has changed")
	}
}

// settingOf is the field of a setting, found by the tags of the structs.
func settingOf(v reflect.Value, key string) reflect.Value {
	name, rest, nested := strings.Cut(key, ".")
	for i := range v.NumField() {
		tag := v.Type().Field(i).Tag.Get("yaml")
		switch {
		case tag == ",inline":
			if f := settingOf(v.Field(i), key); f.IsValid() {
				return f
			}
		case tag == name && nested:
			return settingOf(v.Field(i), rest)
		case tag == name:
			return v.Field(i)
		}
	}
	return reflect.Value{}
}

// alter makes a setting another one.
func alter(t *testing.T, v reflect.Value) {
	t.Helper()
	switch v.Kind() {
	case reflect.String:
		v.SetString(v.String() + "x")
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.Int, reflect.Int64:
		v.SetInt(v.Int() + 1)
	case reflect.Slice:
		v.Set(reflect.Append(v, reflect.New(v.Type().Elem()).Elem()))
	case reflect.Struct: // one that is a value
		alter(t, v.Field(0))
	default:
		t.Fatalf("this test cannot alter a %v", v.Type())
	}
}
