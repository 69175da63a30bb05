package server_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// TestTutorialWire is a page's whole life in literal bytes.
func TestTutorialWire(t *testing.T) {
	s := start(t, map[string]string{"page_token_may_trigger": "true"}, nil)
	conn, in := s.raw(upgrade("/?page=home&token=" + pageToken))
	expectBytes(t, in, switching)
	expectBytes(t, in, textFrame(`{"code":200,"message":"打开swoole服务成功"}`))

	_, _ = conn.Write([]byte(maskedFrame(0x81, "heartbeat")))
	expectBytes(t, in, textFrame(`{"code":200,"message":"heartbeat"}`))

	status, answer := s.call(http.MethodGet, "/?func=pushHomeLogic&token="+pageToken+"&page=back", "", "", "")
	if status != 200 || !strings.HasPrefix(answer, `{"code":200,"message":"reached 1 page","id":"`) || !strings.HasSuffix(answer, `","matched":1}`) {
		t.Errorf("trigger: %d %s", status, answer)
	}
	expectBytes(t, in, textFrame(`{"message":"后端触发了按钮 1","code":"200"}`))

	// What the page says besides has no meaning and no answer.
	_, _ = conn.Write([]byte(maskedFrame(0x81, "Heartbeat") + maskedFrame(0x82, "heartbeat") + maskedFrame(0x89, "ping")))
	expectBytes(t, in, "\x8a\x04ping")

	_, _ = conn.Write([]byte(maskedFrame(0x88, "\x03\xe9")))
	expectBytes(t, in, "\x88\x02\x03\xe9")
	if _, err := in.ReadByte(); err == nil {
		t.Error("the server did not close behind its close frame")
	}
	s.awaitConnections(0)
}

// TestURLWithoutPath is the tutorial's: ws://host:9502?page=home. Clients make the path / of it.
func TestURLWithoutPath(t *testing.T) {
	s := start(t, nil, nil)
	c, _, err := websocket.Dial(t.Context(), "ws://"+s.addr+"?page=home&token="+pageToken, nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.CloseNow()
}

// TestWelcome is configurable.
func TestWelcome(t *testing.T) {
	s := start(t, map[string]string{"tutorial.welcome": `hi "there"`}, nil)
	_, in := s.raw(upgrade("/?token=" + pageToken))
	expectBytes(t, in, switching+textFrame(`{"code":200,"message":"hi \"there\""}`))
}

// TestRefusals: the answer says what is wrong and which limit decides, and nothing is stored.
func TestRefusals(t *testing.T) {
	s := start(t, nil, nil)
	token := "token=" + pageToken
	many := ""
	for i := range 33 {
		many += fmt.Sprintf("&k=%d", i)
	}
	for _, c := range []struct {
		name, target string
		status       int
		message      string
	}{
		{"no token", "/?page=home", 401, `token: the page's token is missing or wrong (setting: client_tokens)`},
		{"empty token", "/?token=", 401, `token: the page's token is missing or wrong (setting: client_tokens)`},
		{"wrong token", "/?token=wrong", 401, `token: the page's token is missing or wrong (setting: client_tokens)`},
		{"two tokens", "/?token=wrong&" + token, 401, `token: the page's token is missing or wrong (setting: client_tokens)`},
		{"an API key is no page's token", "/?token=" + apiKey, 401, `token: the page's token is missing or wrong (setting: client_tokens)`},
		{"33 labels", "/?" + token + many, 400, `more than the 32 labels that a connection may have (setting: labels.max_count)`},
		{"a long key", "/?" + token + "&" + strings.Repeat("k", 65) + "=v", 400,
			`the label key \"kkkkkkkkkkkkkkkkkkkk\"… has 65 bytes, and may have 64 (setting: labels.max_key_bytes)`},
		{"a long value", "/?" + token + "&page=" + strings.Repeat("v", 257), 400,
			`page: the value has 257 bytes, and may have 256 (setting: labels.max_value_bytes)`},
		{"a PHP array", "/?" + token + "&user[]=1", 400,
			`user[]: \"user[]\" is no label key: a key is a letter or '_', then letters, digits, '_' or '-'`},
		{"an empty key", "/?" + token + "&=1", 400, `\"\" is no label key: a key is a letter or '_', then letters, digits, '_' or '-'`},
		{"a key of the server's", "/?" + token + "&@id=1", 403, `@id: label keys with @ are the server's own`},
		{"a value that is no text", "/?" + token + "&page=%ff", 400, `page: the value is not valid UTF-8`},
		{"a broken escape", "/?" + token + "&page=%zz", 400,
			`the URL's query is not well-formed: key=value pairs joined by \u0026, percent-encoded`},
		{"a semicolon", "/?" + token + ";page=home", 400,
			`the URL's query is not well-formed: key=value pairs joined by \u0026, percent-encoded`},
	} {
		_, in := s.raw(upgrade(c.target))
		response, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		body := new(strings.Builder)
		_, _ = fmt.Fprint(body, readAll(t, response))
		want := fmt.Sprintf(`{"code":%d,"message":"%s"}`, c.status, c.message)
		if response.StatusCode != c.status || body.String() != want {
			t.Errorf("%s: %d %s, want %s", c.name, response.StatusCode, body, want)
		}
		if c.status == 401 && response.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: no WWW-Authenticate", c.name)
		}
	}
	if n := s.Connections(); n != 0 {
		t.Errorf("%d connections", n)
	}
}

// TestHandshakeErrors have the status that RFC 6455 and RFC 9110 name.
func TestHandshakeErrors(t *testing.T) {
	s := start(t, nil, nil)
	good := upgrade("/?token=" + pageToken)
	for _, c := range []struct {
		name, request string
		status        int
		header, value string
	}{
		{"another version", strings.Replace(good, "Version: 13", "Version: 8", 1), 426, "Sec-WebSocket-Version", "13"},
		{"another version, what to upgrade to", strings.Replace(good, "Version: 13", "Version: 8", 1), 426, "Upgrade", "websocket"},
		{"no key", strings.Replace(good, "Sec-WebSocket-Key", "X-Key", 1), 400, "", ""},
		{"POST", strings.Replace(good, "GET", "POST", 1), 405, "", ""},
		{"a path without WebSockets", strings.Replace(good, "/?", "/v1/?", 1), 404, "", ""},
	} {
		_, in := s.raw(c.request)
		response, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if response.StatusCode != c.status || c.header != "" && response.Header.Get(c.header) != c.value {
			t.Errorf("%s: %d %v, want %d", c.name, response.StatusCode, response.Header, c.status)
		}
	}
}

// TestRepeatedLabel: several values of one key are several labels.
func TestRepeatedLabel(t *testing.T) {
	s := start(t, nil, nil)
	s.page("page=home&tag=a&tag=b")
	for to, want := range map[string]int{
		`{"tag":"a"}`: 1, `{"tag":"b"}`: 1, `{"tag":"c"}`: 0, `{"tag":["c","b"],"page":"home"}`: 1, `"*"`: 1,
	} {
		status, answer := s.push(`{"dry_run":true,"to":` + to + `}`)
		if wanted := fmt.Sprintf(`{"matched":%d,"queued":0,"dropped":0,"nodes":1,"nodes_known":1,"dry_run":true}`, want); status != 200 || answer != wanted {
			t.Errorf("to %s: %d %s, want %s", to, status, answer, wanted)
		}
	}
}

// TestGonePages: however a page goes, the hub has forgotten it at once.
func TestGonePages(t *testing.T) {
	s := start(t, nil, nil)
	for name, leave := range map[string]func(*websocket.Conn){
		"with a close frame": func(c *websocket.Conn) { _ = c.Close(websocket.StatusGoingAway, "") },
		"without a word":     func(c *websocket.Conn) { _ = c.CloseNow() },
	} {
		c := s.page("page=home")
		s.awaitConnections(1)
		go s.closeCode(c) // keeps reading, as a browser does
		leave(c)
		s.awaitConnections(0)
		if status, answer := s.push(`{"to":{"page":"home"},"message":1}`); status != 200 || !strings.Contains(answer, `"matched":0`) {
			t.Errorf("%s: %d %s", name, status, answer)
		}
	}
}

// TestIdlePage is closed by the idle check although it is there, and a half-open one by ping.
func TestIdlePage(t *testing.T) {
	for name, settings := range map[string]map[string]string{
		"idle check": {"websocket.ping_interval": "0", "tutorial.idle_check_interval": "20ms", "tutorial.idle_timeout": "50ms"},
		"no pong":    {"websocket.ping_interval": "20ms", "websocket.pong_wait": "50ms"},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, settings, nil)
			_, in := s.raw(upgrade("/?token=" + pageToken))
			expectBytes(t, in, switching+textFrame(`{"code":200,"message":"打开swoole服务成功"}`))
			if name == "no pong" {
				expectBytes(t, in, "\x89\x00")
			}
			expectBytes(t, in, "\x88")
			_, _ = in.ReadByte() // the length of the reason
			expectBytes(t, in, "\x11\x3a")
			s.awaitConnections(0)
		})
	}
}

// TestHeartbeatsKeepAPageOpen: with the check shortened, a page that sends heartbeats outlives it many times.
func TestHeartbeatsKeepAPageOpen(t *testing.T) {
	t.Parallel()
	s := start(t, map[string]string{
		"websocket.ping_interval": "0", "tutorial.idle_check_interval": "100ms", "tutorial.idle_timeout": "3s",
	}, nil)
	talking, silent := s.page("page=home"), s.page("page=home")
	closed := make(chan struct{})
	go func() { s.closeCode(silent); close(closed) }()
	for open := true; open; {
		if err := talking.Write(context.Background(), websocket.MessageText, []byte("heartbeat")); err != nil {
			t.Fatalf("the talking page was closed: %v", err)
		}
		s.read(talking)
		select {
		case <-closed:
			open = false
		default:
		}
	}
}

// TestTutorialGap: a page of the tutorial that cannot get what it has missed is told, in words that its script passes over.
func TestTutorialGap(t *testing.T) {
	s := start(t, nil, nil)
	_, in := s.raw(upgrade("/?page=home&since=yesterday&token=" + pageToken))
	expectBytes(t, in, switching+textFrame(`{"code":200,"message":"打开swoole服务成功"}`)+
		textFrame(`{"code":206,"message":"gap","reason":"position"}`))
}
