package dashboard

import (
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"scenecast/auth"
	"scenecast/leaktest"
	"scenecast/problem"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

const (
	secret  = "secret-of-the-key-of-ops"
	rotated = "secret-that-takes-its-place"
	noRead  = "secret-that-may-push-only"
)

// site is a dashboard for tests, before an API that says what it was asked.
type site struct {
	http.Handler
	t     *testing.T
	keys  *auth.Keys
	now   time.Time
	asked []string
	log   strings.Builder
	tls   bool
}

func newSite(t *testing.T) *site {
	s := &site{t: t, keys: new(auth.Keys), now: time.Unix(1_800_000_000, 0)}
	s.keys.Add(auth.Key{App: "default", Name: "ops", Scopes: auth.DefaultScopes}, secret)
	s.keys.Add(auth.Key{App: "default", Name: "pushes", Scopes: []auth.Scope{auth.Push}}, noRead)
	codes := map[string]string{"one-time-code": secret}
	s.Handler = New(Options{
		API: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s.asked = append(s.asked, r.Method+" "+r.URL.RequestURI()+" "+r.Header.Get("Authorization")+" "+r.Header.Get("Cookie"))
			w.WriteHeader(http.StatusAccepted)
		}),
		FindKey:   func(secret string) (auth.Key, bool) { return s.keys.Find(secret) },
		NamedKeys: func(app, name string) []auth.KeyDigest { return s.keys.Named(app, name) },
		Code: func(code string) (string, bool) {
			secret, ok := codes[code]
			delete(codes, code)
			return secret, ok
		},
		Hosts:  func() []string { return []string{"push.example.com", "*.example.org"} },
		Origin: func(r *http.Request) netip.Addr { return netip.MustParseAddrPort(r.RemoteAddr).Addr() },
		Secure: func(*http.Request) bool { return s.tls },
		Refuse: func(w http.ResponseWriter, _ *http.Request, err error) {
			p := problem.Of(err)
			if after := p.RetryHeader(); after != "" {
				w.Header().Set("Retry-After", after)
			}
			w.WriteHeader(p.Kind.Status())
			_ = json.NewEncoder(w).Encode(p)
		},
		Audit: slog.New(slog.NewTextHandler(&s.log, nil)),
		Now:   func() time.Time { return s.now },
	})
	return s
}

// ask makes a request of http://localhost, or of https, with headers as pairs.
func (s *site) ask(method, target, body string, headers ...string) *http.Response {
	s.t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Host = "localhost:9502"
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		} else if headers[i] == "From" {
			r.RemoteAddr = headers[i+1]
		} else {
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Result()
}

func (s *site) logIn(key string, headers ...string) *http.Response {
	s.t.Helper()
	return s.ask("POST", "/dashboard/login", `{"key":"`+key+`"}`, headers...)
}

// session is the value of the cookie that a login gets.
func (s *site) session() string {
	s.t.Helper()
	response := s.logIn(secret)
	if response.StatusCode != http.StatusNoContent {
		s.t.Fatalf("the login is answered %s", response.Status)
	}
	return response.Cookies()[0].Value
}

// status is that of a call with this cookie.
func (s *site) status(cookie string) int {
	s.t.Helper()
	return s.ask("GET", "/dashboard/api/v1/nodes?a=b", "", "Cookie", s.cookieName()+"="+cookie).StatusCode
}

func (s *site) cookieName() string {
	if s.tls {
		return "__Host-scenecast"
	}
	return "scenecast"
}

// TestCookie: its flags, with TLS and without.
func TestCookie(t *testing.T) {
	s := newSite(t)
	for _, c := range []struct {
		tls        bool
		body, want string
	}{
		{false, `{"key":"` + secret + `"}`, "scenecast=VALUE; HttpOnly; SameSite=Strict"},
		{false, `{"key":"` + secret + `","remember":true}`, "scenecast=VALUE; Max-Age=43200; HttpOnly; SameSite=Strict"},
		{true, `{"key":"` + secret + `"}`, "__Host-scenecast=VALUE; Path=/; HttpOnly; Secure; SameSite=Strict"},
	} {
		s.tls = c.tls
		response := s.ask("POST", "/dashboard/login", c.body)
		value := response.Cookies()[0].Value
		if got := strings.Replace(response.Header.Get("Set-Cookie"), value, "VALUE", 1); got != c.want || response.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("TLS %v: %s, want %s", c.tls, got, c.want)
		}
		if status := s.status(value); status != http.StatusAccepted {
			t.Errorf("TLS %v: a call is answered %d", c.tls, status)
		}
	}
	s.tls = false
	if got := s.ask("POST", "/dashboard/logout", "").Header.Get("Set-Cookie"); got != "scenecast=; Max-Age=0; HttpOnly; SameSite=Strict" {
		t.Errorf("a logout: %s", got)
	}
	if strings.Contains(s.log.String(), secret) || strings.Count(s.log.String(), `call="POST /dashboard/login" app=default key=ops client=192.0.2.1`) != 3 {
		t.Errorf("the log:\n%s", &s.log)
	}
}

// TestCall: the API is asked with the key in the place of the cookie, below the same path.
func TestCall(t *testing.T) {
	s := newSite(t)
	cookie := s.session()
	response := s.ask("POST", "/dashboard/api/v1/hooks/a%2Fb/retry?x=y", "{}", "Cookie", "other=1; scenecast="+cookie, "Authorization", "Bearer forged")
	if want := "POST /v1/hooks/a%2Fb/retry?x=y Bearer " + secret + " "; response.StatusCode != http.StatusAccepted || len(s.asked) != 1 || s.asked[0] != want {
		t.Errorf("%s, asked %q, want %q", response.Status, s.asked, want)
	}
	for _, headers := range [][]string{nil, {"Authorization", "Bearer " + secret}, {"Cookie", "__Host-scenecast=" + cookie}} {
		if response := s.ask("POST", "/dashboard/api/v1/push", "{}", headers...); response.StatusCode != http.StatusUnauthorized {
			t.Errorf("without a session, and with %q: %s", headers, response.Status)
		}
	}
	for target, want := range map[string]int{"/dashboard/": 200, "/dashboard/dashboard.js": 200, "/dashboard/api/healthz": 404, "/dashboard/nothing": 404, "/dashboard/login": 405, "/dashboard/logout": 405} {
		response := s.ask("GET", target, "", "Cookie", "scenecast="+cookie)
		if response.StatusCode != want {
			t.Errorf("GET %s: %s, want %d", target, response.Status, want)
		}
		if allow := response.Header.Get("Allow"); (allow == "POST") != (want == http.StatusMethodNotAllowed) {
			t.Errorf("GET %s: Allow: %q", target, allow)
		}
	}
	if len(s.asked) != 1 {
		t.Errorf("the API was asked %q", s.asked)
	}
}

// TestForgedCookies: nothing but a cookie that was given is taken, for as long as it was given for, and no other bytes of it.
func TestForgedCookies(t *testing.T) {
	s := newSite(t)
	cookie := s.session()
	b, _ := base64.RawURLEncoding.DecodeString(cookie)
	for i := range b {
		changed := append([]byte(nil), b...)
		changed[i] ^= 1
		if status := s.status(base64.RawURLEncoding.EncodeToString(changed)); status != http.StatusUnauthorized {
			t.Fatalf("with another byte %d: %d", i, status)
		}
		if status := s.status(base64.RawURLEncoding.EncodeToString(b[:i])); status != http.StatusUnauthorized {
			t.Fatalf("cut to %d bytes: %d", i, status)
		}
	}
	later := session{auth.Key{App: "default", Name: "ops"}, "a guessed secret", s.now.Add(time.Hour)}
	asOther := session{auth.Key{App: "default", Name: "ops"}, noRead, s.now.Add(time.Hour)} // the secret of another key
	byDigest := sealer(auth.DigestOf(secret))                                               // whoever has the digest, and not the secret
	t.Run("by the digest", func(t *testing.T) {
		parsed, err := parseToken(cookie)
		if err != nil {
			t.Fatal(err)
		}
		for _, plain := range []string{"", "a guessed secret", string(b)} {
			sealed := byDigest.Seal(nil, parsed.nonce, []byte(plain), parsed.head)
			forged := append(append(append([]byte(nil), parsed.head...), parsed.nonce...), sealed...)
			if status := s.status(base64.RawURLEncoding.EncodeToString(forged)); status != http.StatusUnauthorized {
				t.Errorf("%q: %d", plain, status)
			}
		}
	})
	for name, value := range map[string]string{"a guess": later.encode(), "another key's": asOther.encode(), "empty": "", "noise": "%%%", "long": strings.Repeat("A", 5000)} {
		if status := s.status(value); status != http.StatusUnauthorized {
			t.Errorf("%s: %d", name, status)
		}
	}
	s.now = s.now.Add(Lifetime - time.Second)
	if status := s.status(cookie); status != http.StatusAccepted {
		t.Errorf("a second before its end: %d", status)
	}
	s.now = s.now.Add(time.Second)
	if status := s.status(cookie); status != http.StatusUnauthorized {
		t.Errorf("at its end: %d", status)
	}
}

// TestRotation: a session ends where the key's secret is replaced or the key is gone; while both secrets are good, it goes on.
func TestRotation(t *testing.T) {
	s := newSite(t)
	cookie := s.session()
	ops := auth.Key{App: "default", Name: "ops", Scopes: auth.DefaultScopes}
	both, after, other := new(auth.Keys), new(auth.Keys), new(auth.Keys)
	both.Add(ops, rotated)
	both.Add(ops, secret)
	after.Add(ops, rotated)
	other.Add(auth.Key{App: "shop", Name: "ops", Scopes: auth.DefaultScopes}, secret)
	for _, c := range []struct {
		name string
		keys *auth.Keys
		want int
	}{{"both", both, 202}, {"the new one", after, 401}, {"none", new(auth.Keys), 401}, {"of another app", other, 401}, {"both again", both, 202}} {
		s.keys = c.keys
		if status := s.status(cookie); status != c.want {
			t.Errorf("%s: %d, want %d", c.name, status, c.want)
		}
	}
}

// TestOtherSites: requests that other sites cause are refused, and names that are not the server's.
func TestOtherSites(t *testing.T) {
	s := newSite(t)
	cookie := "scenecast=" + s.session()
	for _, c := range []struct {
		headers []string
		want    int
	}{
		{[]string{"Sec-Fetch-Site", "same-origin"}, 202},
		{[]string{"Origin", "http://localhost:9502"}, 202},
		{[]string{"Sec-Fetch-Site", "cross-site"}, 403},
		{[]string{"Sec-Fetch-Site", "same-site"}, 403},
		{[]string{"Origin", "https://evil.example"}, 403},
		{[]string{"Origin", "null"}, 403},
	} {
		for _, target := range []string{"/dashboard/api/v1/push", "/dashboard/login", "/dashboard/logout"} {
			want := c.want
			if want == 202 && target != "/dashboard/api/v1/push" {
				want = 204
			}
			if response := s.ask("POST", target, `{"key":"`+secret+`"}`, append(c.headers, "Cookie", cookie)...); response.StatusCode != want {
				t.Errorf("POST %s with %q: %s, want %d", target, c.headers, response.Status, want)
			}
		}
	}
	for host, want := range map[string]int{
		"localhost:9502": 200, "LOCALHOST": 200, "app.localhost:1": 200, "127.0.0.1:9502": 200, "[::1]:9502": 200, "192.168.1.5": 200, "[2001:db8::1]": 200,
		"push.example.com": 200, "PUSH.example.com.:443": 200, "a.example.org": 200, "example.org": 403, "a.b.example.org": 403, "evil.example": 403,
		"localhost.evil.example": 403, "127.0.0.1.evil.example": 403, "": 403, "xexample.org": 403, "push.example.com.evil": 403,
	} {
		if response := s.ask("GET", "/dashboard/", "", "Host", host); response.StatusCode != want {
			t.Errorf("Host %q: %s, want %d", host, response.Status, want)
		}
	}
	const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; require-trusted-types-for 'script'; " +
		"trusted-types 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	for _, target := range []string{"/dashboard/", "/dashboard/dashboard.js", "/dashboard/api/v1/nodes", "/dashboard/nothing"} {
		header := s.ask("GET", target, "").Header
		if header.Get("Content-Security-Policy") != policy || header.Get("X-Content-Type-Options") != "nosniff" || header.Get("X-Frame-Options") != "DENY" ||
			header.Get("Cross-Origin-Opener-Policy") != "same-origin" || header.Get("Cross-Origin-Resource-Policy") != "same-origin" {
			t.Errorf("%s has the headers %v", target, header)
		}
	}
}

// TestLogin: what a login says, and what is refused.
func TestLogin(t *testing.T) {
	s := newSite(t)
	for _, c := range []struct {
		name, body string
		headers    []string
		want       int
		detail     string
	}{
		{"a code", `{"key":"one-time-code"}`, nil, 204, ""},
		{"a code, again", `{"key":"one-time-code"}`, nil, 401, "no API key"},
		{"a wrong key", `{"key":"wrong-secret"}`, nil, 401, "no API key"},
		{"a key that may not read", `{"key":"` + noRead + `"}`, nil, 403, `the scope \"read\"`},
		{"nothing", `{}`, nil, 400, "missing"},
		{"no JSON", `key=` + secret, nil, 400, "a login is"},
		{"a form", `key=` + secret, []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "a login is JSON"},
		{"too much", `{"key":"` + strings.Repeat("a", 5000) + `"}`, nil, 413, "at most 4096"},
		{"in plain text", `{"key":"` + secret + `"}`, []string{"Host", "192.168.1.5:9502"}, 403, "not encrypted"},
		{"in plain text by name", `{"key":"` + secret + `"}`, []string{"Host", "push.example.com"}, 403, "not encrypted"},
	} {
		response := s.ask("POST", "/dashboard/login", c.body, c.headers...)
		var answer strings.Builder
		_ = response.Write(&answer)
		if response.StatusCode != c.want || !strings.Contains(answer.String(), c.detail) || (response.Header.Get("Set-Cookie") != "") != (c.want == 204) {
			t.Errorf("%s: %s, want %d %s", c.name, &answer, c.want, c.detail)
		}
	}
	if log := s.log.String(); strings.Contains(log, "wrong-secret") || strings.Contains(log, secret) || !strings.Contains(log, "kind=unauthorized") ||
		!strings.Contains(log, "key=pushes client=192.0.2.1 kind=forbidden") {
		t.Errorf("the log:\n%s", log)
	}
}

// TestTries: five logins may fail in a minute from one address, a right one does not count, and a right key does not help then.
func TestTries(t *testing.T) {
	s := newSite(t)
	for i := range 4 {
		if response := s.logIn("wrong"); response.StatusCode != 401 {
			t.Fatalf("try %d: %s", i, response.Status)
		}
		s.session()
		s.now = s.now.Add(time.Second)
	}
	s.logIn("wrong")
	refused := s.logIn(secret)
	if after := refused.Header.Get("Retry-After"); refused.StatusCode != 429 || after != "56" {
		t.Errorf("after five: %s, Retry-After %s", refused.Status, after)
	}
	if response := s.logIn(secret, "From", "192.0.2.2:1"); response.StatusCode != 204 {
		t.Errorf("of another address: %s", response.Status)
	}
	s.now = s.now.Add(56 * time.Second)
	s.session()
	s.logIn("wrong")
	if response := s.logIn("wrong"); response.StatusCode != 429 {
		t.Errorf("a sixth within a minute: %s", response.Status)
	}

	s.now = s.now.Add(time.Hour)
	for i := range 5 { // addresses of one customer
		s.logIn("wrong", "From", "[2001:db8::"+strconv.Itoa(i+1)+"]:1")
	}
	if response := s.logIn(secret, "From", "[2001:db8::9]:1"); response.StatusCode != 429 {
		t.Errorf("of the same /64: %s", response.Status)
	}
	for i := range 95 {
		if response := s.logIn("wrong", "From", "198.51.100."+strconv.Itoa(i)+":1"); response.StatusCode != 401 {
			t.Fatalf("of address %d: %s", i, response.Status)
		}
	}
	if response := s.logIn(secret, "From", "203.0.113.1:1"); response.StatusCode != 429 {
		t.Errorf("after a hundred in all: %s", response.Status)
	}
	s.now = s.now.Add(time.Minute)
	s.logIn("wrong", "From", "203.0.113.1:1")
	if n := strings.Count(s.log.String(), "kind=too_many"); n != 2 {
		t.Errorf("%d lines tell of too many tries", n)
	}
}

// FuzzToken: reading any text is safe, and what is read and opened was made of the secret.
func FuzzToken(f *testing.F) {
	made := session{auth.Key{App: "default", Name: "ops"}, secret, time.Unix(1_800_000_000, 0)}
	f.Add(made.encode())
	f.Add("")
	f.Add("AQAAAABrCM1I")
	f.Add(base64.RawURLEncoding.EncodeToString([]byte("\x01\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")))
	keys := []auth.KeyDigest{{Key: made.key, Digest: auth.DigestOf(secret)}}
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := parseToken(text)
		if err != nil {
			return
		}
		if s, err := parsed.open(keys); err == nil && (s.secret != secret || parsed.name != "ops" || parsed.app != "default" || !parsed.expires.Equal(made.expires)) {
			t.Errorf("%q is a session of %q", text, parsed.name)
		}
	})
}
