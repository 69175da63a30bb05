package server_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/coder/websocket"
	"github.com/golang-jwt/jwt/v5"
)

const (
	jwtSecret  = "signs the tokens of the pages of one app"
	shopSecret = "signs the tokens of the pages of the shop"
)

// signer signs tokens of the tests by an elliptic curve.
var signer = sync.OnceValue(func() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
})

// signerPEM is the public key of signer.
func signerPEM() string {
	der, err := x509.MarshalPKIXPublicKey(signer().Public())
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// signed is a token with these claims, which ends in so long: by the secret, or without one by signer.
func signed(t testing.TB, secret string, in time.Duration, claims map[string]any) string {
	t.Helper()
	all := jwt.MapClaims{"exp": float64(time.Now().Add(in).UnixMilli()) / 1000}
	for name, value := range claims {
		all[name] = value
	}
	token := jwt.NewWithClaims(jwt.SigningMethodHS256, all)
	var key any = []byte(secret)
	if secret == "" {
		token = jwt.NewWithClaims(jwt.SigningMethodES256, all)
		token.Header["kid"], key = "e", signer()
	}
	text, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// startJWT runs a server whose pages have signed tokens.
func startJWT(t *testing.T, settings map[string]string) *running {
	t.Helper()
	file := filepath.Join(t.TempDir(), "jwt.pem")
	if err := os.WriteFile(file, []byte(signerPEM()), 0o600); err != nil {
		t.Fatal(err)
	}
	all := map[string]string{
		"jwt.keys":   fmt.Sprintf("[{key: %q}, {kid: e, file: %q}]", jwtSecret, file),
		"jwt.leeway": "0",
		"apps":       fmt.Sprintf("{shop: {api_keys: [{name: shop, key: %s}], jwt: {keys: [{key: %q}], issuer: shop, audience: pages}}}", shopKey, shopSecret),
	}
	for key, value := range settings {
		all[key] = value
	}
	return startWith(t, all, func(o *options) {})
}

const shopKey = "key-of-the-shop-app"

// TestJWT: a signed token lets a page in on every wire and by every way that a token may take, with the labels that it says.
func TestJWT(t *testing.T) {
	s := startJWT(t, map[string]string{"http.token_cookie": "session", "http.allowed_origins": "https://www.example.com"})
	for name, secret := range map[string]string{"HS256": jwtSecret, "ES256": ""} {
		token := signed(t, secret, time.Hour, map[string]any{"sub": "42", "labels": map[string]any{"plan": "pro", "tag": []string{"a", "b"}}})
		for way, request := range map[string]string{
			"the tutorial's wire":       upgrade("/?page=home&token=" + token),
			"the native wire":           strings.Replace(upgrade("/v1/connect?page=home&token="+token), "\r\n\r\n", "\r\nSec-WebSocket-Protocol: scenecast.v1\r\n\r\n", 1),
			"native, a header":          strings.Replace(upgrade("/v1/connect?page=home"), "\r\n\r\n", "\r\nSec-WebSocket-Protocol: scenecast.v1\r\nAuthorization: Bearer "+token+"\r\n\r\n", 1),
			"native, a subprotocol":     strings.Replace(upgrade("/v1/connect?page=home"), "\r\n\r\n", "\r\nSec-WebSocket-Protocol: scenecast.v1, scenecast.token."+token+"\r\n\r\n", 1),
			"an event stream":           "GET /v1/events?page=home&token=" + token + " HTTP/1.1\r\nHost: x\r\n\r\n",
			"an event stream, a cookie": "GET /v1/events?page=home HTTP/1.1\r\nHost: x\r\nCookie: session=" + token + "\r\n\r\n",
		} {
			conn, in := s.raw(request)
			response, err := http.ReadResponse(in, nil)
			if err != nil || response.StatusCode != 101 && response.StatusCode != 200 {
				t.Fatalf("%s, %s: %+v, %v", name, way, response, err)
			}
			s.awaitConnections(1)
			const to = `@user == "42" && plan == "pro" && tag == "a" && tag == "b" && page == "home"`
			if status, answer := s.push(fmt.Sprintf(`{"to": %q, "message": 1}`, to)); status != 200 || !strings.Contains(answer, `"queued":1`) {
				t.Errorf("%s, %s: %s", name, way, answer)
			}
			_ = conn.Close()
			s.awaitConnections(0)
		}
	}
}

// TestJWTRefused: a token that is not good lets nobody in, on any wire; the page is told why, and the log has nothing of the token.
func TestJWTRefused(t *testing.T) {
	s := startJWT(t, nil)
	good := signed(t, jwtSecret, time.Hour, nil)
	for _, c := range []struct{ name, token, why string }{
		{"expired", signed(t, jwtSecret, -time.Minute, nil), "the page's token has expired (exp)"},
		{"another key's", signed(t, strings.ToUpper(jwtSecret), time.Hour, nil), "the page's token is signed by none of the keys that it may be signed by"},
		{"the public key as a secret", signed(t, signerPEM(), time.Hour, nil), "the page's token is signed by none of the keys"},
		{"without a signature", "eyJhbGciOiJub25lIn0.eyJleHAiOjk5OTk5OTk5OTl9.", "the page's token is signed by an algorithm that is not allowed"},
		{"cut", good[:len(good)-2], "the page's token "},
		{"the shop's, for another audience", signed(t, shopSecret, time.Hour, map[string]any{"iss": "shop", "aud": "api"}), "the page's token is for another audience (aud)"},
		{"no token at all", "page", "the page's token is "},
	} {
		_, in := s.raw(upgrade("/?token=" + c.token))
		if response, err := http.ReadResponse(in, nil); err != nil || response.StatusCode != 401 {
			t.Errorf("%s, the tutorial's wire: %+v, %v", c.name, response, err)
		}
		if bye := s.goodbye(s.native("token=" + c.token)); !strings.HasPrefix(bye, "4401 token: "+c.why) {
			t.Errorf("%s, the native wire: %s, want %s", c.name, bye, c.why)
		}
		if stream := s.events("token=" + c.token); stream.head.StatusCode != 401 {
			t.Errorf("%s, an event stream: %+v", c.name, stream.head)
		}
		if parts := strings.Split(c.token, "."); len(parts) == 3 && strings.Contains(s.log.String(), parts[1]) {
			t.Errorf("%s: the token is in the log", c.name)
		}
	}
	if n := s.Connections(); n != 0 {
		t.Errorf("%d pages are connected", n)
	}
}

// TestJWTApps: the key that has signed a token says whose page it is, and a push of one app reaches nobody of another.
func TestJWTApps(t *testing.T) {
	s := startJWT(t, nil)
	s.native("token=" + signed(t, jwtSecret, time.Hour, map[string]any{"iss": "shop", "aud": "pages"}))
	s.native("token=" + signed(t, shopSecret, time.Hour, map[string]any{"iss": "shop", "aud": "pages"}))
	s.awaitConnections(2)
	for _, key := range []string{apiKey, shopKey} {
		if _, answer := s.call(http.MethodPost, "/v1/push", key, "", `{"to": "*", "message": 1}`); !strings.Contains(answer, `"matched":1`) {
			t.Errorf("%s: %s", key, answer)
		}
	}
}

// TestMaySet: the claim may_set takes the place of labels.client, when a page connects and for every set.
func TestMaySet(t *testing.T) {
	s := startJWT(t, map[string]string{"labels.client": "[page]"})
	token := signed(t, jwtSecret, time.Hour, map[string]any{"may_set": []string{"order"}})
	if bye := s.goodbye(s.native("page=home&token=" + token)); bye != "4403 page: a page with this token may set only order (may_set)" {
		t.Error(bye)
	}
	c := s.native("order=7&token=" + token)
	s.read(c) // the welcome
	for message, want := range map[string]string{
		`{"type":"set","id":1,"labels":{"order":"8"}}`: `{"type":"set","id":1,"position":`,
		`{"type":"set","id":2,"labels":{"page":"x"}}`:  `{"type":"error","id":2,"kind":"forbidden","detail":"a page with this token may set only order (may_set)","where":"labels.page"}`,
	} {
		if got := s.say(c, message); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s, want %s", message, got, want)
		}
	}
}

// TestTokenEnds: a page is told that its token ends, and is closed when it has; one that sends another token goes on, with the labels of that
// one.
func TestTokenEnds(t *testing.T) {
	t.Parallel()
	s := startJWT(t, nil)
	claims := func(plan string) map[string]any {
		return map[string]any{"sub": "42", "labels": map[string]any{"plan": plan}}
	}
	short := func() string { return signed(t, jwtSecret, 3*time.Second, claims("free")) }
	stays, goes := s.native("page=a&token="+short()), s.native("page=a&token="+short())
	tutorial := s.pageAs(short(), "page=a")
	events := s.events("page=a&token=" + short())
	for _, c := range []*websocket.Conn{stays, goes} {
		s.read(c) // the welcome
		if m := s.read(c); !strings.HasPrefix(m, `{"type":"expiring","expires_in":`) {
			t.Fatal(m)
		}
	}
	for _, c := range []struct{ token, want string }{
		{signed(t, jwtSecret, -time.Second, nil), `{"type":"error","id":1,"kind":"unauthorized","detail":"the page's token has expired (exp)","where":"token","setting":"jwt"}`},
		{signed(t, jwtSecret, time.Hour, map[string]any{"sub": "43"}), `{"type":"error","id":1,"kind":"forbidden","detail":"the token is one of another user; connect with it","where":"token"}`},
		{signed(t, shopSecret, time.Hour, map[string]any{"sub": "42", "iss": "shop", "aud": "pages"}),
			`{"type":"error","id":1,"kind":"forbidden","detail":"the token is one of another app; connect with it","where":"token"}`},
		{signed(t, "", time.Hour, claims("pro")), `{"type":"token","id":1,"position":`}, // verified off the loop
	} {
		if got := s.say(stays, `{"type":"token","id":1,"token":"`+c.token+`"}`); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
	if bye := s.goodbye(goes); bye != "4401 the page's token has expired" {
		t.Error(bye)
	}
	if code := s.closeCode(tutorial); code != 4401 {
		t.Errorf("the tutorial's wire: %d", code)
	}
	if welcome, notice, bye := events.next(), events.next(), events.next(); !strings.Contains(welcome, "welcome") ||
		!strings.Contains(notice, `{"type":"expiring","expires_in":`) || !strings.Contains(bye, `{"type":"close","code":4401,"reason":"the page's token has expired"}`) {
		t.Errorf("an event stream: %q, %q, %q", welcome, notice, bye)
	}
	s.awaitConnections(1)
	if _, answer := s.push(`{"to": {"plan": "pro", "page": "a", "@user": "42"}, "message": 1}`); !strings.Contains(answer, `"queued":1`) {
		t.Error(answer)
	}
	if m := s.say(stays, `{"type":"set","id":2,"labels":{"plan":"gold"}}`); !strings.HasPrefix(m, `{"type":"push"`) {
		t.Error(m)
	}
	if m := s.read(stays); !strings.Contains(m, `"kind":"forbidden"`) {
		t.Errorf("a label of the new token is not trusted: %s", m)
	}
	s.expectMetrics(map[string]string{`scenecast_endings_total{cause="token_expired"}`: "3"})
}

// serveKeySet serves a key set with the key of signer, and returns its URL.
func serveKeySet(t *testing.T) string {
	t.Helper()
	k, err := jwkset.NewJWKFromKey(signer().Public(), jwkset.JWKOptions{Metadata: jwkset.JWKMetadataOptions{KID: "e", USE: jwkset.UseSig}})
	if err != nil {
		t.Fatal(err)
	}
	login := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(jwkset.JWKSMarshal{Keys: []jwkset.JWKMarshal{k.Marshal()}})
	}))
	t.Cleanup(login.Close)
	return login.URL
}

// whatEnds is what a page is told first whose token ends soon.
func whatEnds(s *reloadable) string {
	c := s.native("token=" + signed(s.t, jwtSecret, time.Second, nil))
	s.read(c) // the welcome
	_, message, err := c.Read(s.t.Context())
	_ = c.CloseNow()
	s.awaitLeases(0)
	if err != nil {
		return "closed"
	}
	return string(message)
}

// TestKeySetOverHTTP: keys are fetched from a URL; one that appears there is found, and the pages that are connected never notice.
func TestKeySetOverHTTP(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var keys []jwkset.JWKMarshal
	publish := func(kid string) {
		k, err := jwkset.NewJWKFromKey(signer().Public(), jwkset.JWKOptions{Metadata: jwkset.JWKMetadataOptions{KID: kid, USE: jwkset.UseSig}})
		if err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		defer mu.Unlock()
		keys = append(keys, k.Marshal())
	}
	login := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		_ = json.NewEncoder(w).Encode(jwkset.JWKSMarshal{Keys: keys})
	}))
	t.Cleanup(login.Close)
	publish("other")
	s := startJWT(t, map[string]string{"jwt.keys": "[]", "jwt.jwks_url": login.URL})
	token := signed(t, "", time.Hour, nil) // of the key e
	if bye := s.goodbye(s.native("token=" + token)); !strings.HasPrefix(bye, "4401 ") {
		t.Error(bye)
	}
	publish("e")
	c := s.native("token=" + token)
	if m := s.read(c); !strings.Contains(m, "welcome") {
		t.Error(m)
	}
	login.Close()
	if m := s.read(s.native("token=" + signed(t, "", time.Hour, map[string]any{"sub": "1"}))); !strings.Contains(m, "welcome") {
		t.Errorf("while the server of the keys is down: %s", m)
	}
}

// TestJWTMistakes: a server does not start with keys that it cannot read.
func TestJWTMistakes(t *testing.T) {
	file := filepath.Join(t.TempDir(), "jwt.pem")
	if err := os.WriteFile(file, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	for keys, want := range map[string]string{
		"[{file: /nowhere/jwt.pem}]":         "app default: jwt.keys[0]: open /nowhere/jwt.pem: no such file",
		fmt.Sprintf("[{file: %q}]", file):    file + " is a secret of 5 bytes",
		"[{key: too short for a signature}]": "is a secret of 25 bytes",
	} {
		if _, err := newRunning(t, map[string]string{"jwt.keys": keys}, func(*options) {}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", keys, err, want)
		}
	}
}

// TestRenewalLosesNothing: while pushes for what the tokens say run, a page changes its token again and again, and gets each push once, in order.
func TestRenewalLosesNothing(t *testing.T) {
	s := startJWT(t, nil)
	token := func(i int) string {
		return signed(t, []string{jwtSecret, ""}[i%2], time.Hour, map[string]any{"sub": "42", "jti": fmt.Sprint(i), "labels": map[string]any{"round": fmt.Sprint(i)}})
	}
	c := s.native("token=" + token(0))
	s.read(c) // the welcome
	const rounds, pushes = 20, 200
	pushed := make(chan struct{})
	go func() {
		defer close(pushed)
		for i := range pushes {
			if status, answer := s.push(fmt.Sprintf(`{"to": "@user == \"42\" && has(round)", "message": %d}`, i)); status != 200 || !strings.Contains(answer, `"queued":1`) {
				t.Errorf("push %d: %s", i, answer)
			}
		}
	}()
	next, renewed := 0, 0
	for next < pushes || renewed < rounds {
		if renewed < rounds && next >= renewed*pushes/rounds {
			renewed++
			if err := c.Write(t.Context(), websocket.MessageText, []byte(`{"type":"token","id":1,"token":"`+token(renewed)+`"}`)); err != nil {
				t.Fatal(err)
			}
		}
		switch m := s.read(c); {
		case strings.HasPrefix(m, `{"type":"push"`) && strings.HasSuffix(m, fmt.Sprintf(`"data":%d}`, next)):
			next++
		case strings.HasPrefix(m, `{"type":"token"`), strings.Contains(m, `"kind":"too_many"`): // the one before is being verified
		default:
			t.Fatalf("got %s, want push %d", m, next)
		}
	}
	<-pushed
}
