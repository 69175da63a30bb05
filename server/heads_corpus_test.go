package server_test

import (
	"strings"
)

// head is one request of the corpus. Its method is what decides how the answer ends.
type head struct {
	name, method, bytes string
	second              bool // another request is behind it
}

// request is a request in its parts, which a variation changes.
type request struct {
	method, target, version string
	lines                   []string // of the head, without their ends
	eol                     string
	before, body            string
}

func (r request) bytes() string {
	return r.before + r.method + " " + r.target + " " + r.version + r.eol + strings.Join(r.lines, r.eol) + r.eol + r.eol + r.body
}

// variation is one way to write a request.
type variation struct {
	name   string
	change func(r *request)
}

// requestsOf are the kinds of requests that a server gets: pages of each wire, and calls.
var requestsOf = []struct {
	name string
	request
}{
	{"tutorial", upgradeRequest("/?token="+pageToken, "")},
	{"native", upgradeRequest("/v1/connect?token="+pageToken+"&page=home", "scenecast.v1")},
	{"stream", plainRequest("GET", "/v1/events?token="+pageToken)},
	{"health", plainRequest("GET", "/healthz")},
	{"push", pushRequest()},
}

func plainRequest(method, target string) request {
	return request{method: method, target: target, version: "HTTP/1.1", lines: []string{"Host: localhost"}, eol: "\r\n"}
}

func upgradeRequest(target, subprotocol string) request {
	r := plainRequest("GET", target)
	r.lines = append(r.lines, "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
	if subprotocol != "" {
		r.lines = append(r.lines, "Sec-WebSocket-Protocol: "+subprotocol)
	}
	return r
}

func pushRequest() request {
	r := plainRequest("POST", "/v1/push")
	r.body = `{"to":{"page":"none"},"message":1}`
	r.lines = append(r.lines, "Authorization: Bearer "+apiKey, "Content-Length: 34")
	return r
}

// headCorpus is every variation of every request. Those that would wait for more bytes are left out: what comes of them is a
// timeout, wherever they are read.
func headCorpus() []head {
	var corpus []head
	for _, r := range requestsOf {
		upgrade := r.name == "tutorial" || r.name == "native"
		variations := append([]variation(nil), variationsOfAll()...)
		if upgrade {
			variations = append(variations, variationsOfUpgrades()...)
		}
		if r.name != "push" { // which has a body
			variations = append(variations, variationsOfBodies()...)
		}
		for _, v := range variations {
			changed := r.request
			changed.lines = append([]string(nil), r.lines...)
			v.change(&changed)
			corpus = append(corpus, head{
				name: r.name + ", " + v.name, method: changed.method, bytes: changed.bytes(),
				second: strings.HasPrefix(v.name, "pipelined"),
			})
		}
	}
	return corpus
}

// each makes variations of texts. The name is the text.
func each(kind string, texts []string, change func(r *request, text string)) []variation {
	var all []variation
	for _, text := range texts {
		name := text
		if len(name) > 40 {
			name = name[:40] + "…"
		}
		all = append(all, variation{kind + " " + name, func(r *request) { change(r, text) }})
	}
	return all
}

// setLine changes the line of a field, or adds it.
func (r *request) setLine(name, line string) {
	for i, l := range r.lines {
		if strings.HasPrefix(l, name+":") {
			r.lines[i] = line
			return
		}
	}
	r.lines = append(r.lines, line)
}

// dropLine takes a field away.
func (r *request) dropLine(name string) {
	var kept []string
	for _, l := range r.lines {
		if !strings.HasPrefix(l, name+":") {
			kept = append(kept, l)
		}
	}
	r.lines = kept
}

func addLine(r *request, line string) { r.lines = append(r.lines, line) }

func variationsOfAll() []variation {
	var all []variation
	all = append(all, variation{"as it should be", func(*request) {}})
	all = append(all, each("method", []string{"POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "get", "Get", "G@T", "GÉT", "G(T",
		"GET\t", " GET", "", strings.Repeat("G", 300)}, func(r *request, m string) { r.method = m })...)
	all = append(all, each("version", []string{"HTTP/1.0", "HTTP/0.9", "HTTP/1.2", "HTTP/1.9", "HTTP/2.0", "HTTP/3.0", "HTTP/9.9", "HTTP/1",
		"HTTP/1.1.1", "HTTP/1.10", "HTTP/01.1", "HTTP/1.01", "http/1.1", "HTTP /1.1", "HTTP/ 1.1", "HTTP/+1.1", "HTTP/-1.1", "HTTP/1.1x",
		"HTTP/1.1 ", " HTTP/1.1", "\tHTTP/1.1", "HTTP/1.1\t", "HTTP/1,1", "HTTPS/1.1", "ICY/1.1", "HTTP", "", "x HTTP/1.1"},
		func(r *request, v string) { r.version = v })...)
	all = append(all, each("target", []string{"http://localhost{}", "http://other.example{}", "HTTP://localhost{}", "https://localhost{}",
		"http://localhost:80{}", "http://user@localhost{}", "http://user:secret@localhost{}", "http://{}", "http:{}", "http:/{}", "ws://localhost{}",
		"ftp://localhost{}", "//localhost{}", "/{}", "//{}", "/.{}", "/x/..{}", "{}#part", "{}#", "{}%", "{}%zz", "{}%00", "{}%2", "{}&a=%", "{}&a=%zz",
		"{};a=b", "{}&a;b", "{}&a b", "{}&a\tb", "{}&a=é", "{}&a=\xff", "{}&a=\x01", "{}&a=\x7f", "{}&a=\x00", "{}&a=<b>", `{}&a="b"`, `{}&a=\b`, "{}&a=[b]",
		"{}&a={b}", "{}&a=|^`", "{}?a=?", "{}&&&", "*", "localhost:80", "localhost", "?", "x", "", "[", "/%", "/%2e%2e{}", ":{}", "http://[::1]{}",
		"http://[::1{}", "http://a b{}", "http://a%20b{}", "http://local<host{}", "http://localhost:x{}", "{}&a=" + strings.Repeat("x", 3000),
		"{}&a=" + strings.Repeat("x", 9000), "{}" + strings.Repeat("&a", 2000)},
		func(r *request, target string) {
			if !strings.Contains(r.target, "?") {
				target = strings.Replace(target, "{}&", "{}?", 1)
			}
			r.target = strings.Replace(target, "{}", r.target, 1)
		})...)
	all = append(all, variation{"absolute target without a host", func(r *request) { r.target = "http://localhost" + r.target; r.dropLine("Host") }},
		variation{"absolute target with an empty host", func(r *request) { r.target = "http://localhost" + r.target; r.setLine("Host", "Host:") }},
		variation{"absolute target with another host", func(r *request) { r.target = "http://localhost" + r.target; r.setLine("Host", "Host: other") }},
		variation{"HTTP/1.0 without a host", func(r *request) { r.version = "HTTP/1.0"; r.dropLine("Host") }})
	all = append(all, each("host", []string{"", "a b", "a/b", "u@b", "<a>", "é", "\xff", "[::1]", "[::1]:80", "::1", "[::1", "localhost:", "localhost:99999",
		"localhost:abc", "localhost:80:80", "a,b", "a_b", "-a", "*.example.com", "a%20b", "a%zz", "a%00", "a\x7fb", "a\x01b", "a\tb", "a?b", "a#b", `a\b`,
		`"a"`, "a;b", "a=b", "a|b", "a'b", "a(b)", "a!b", "a~b", "a$b", "a&b", "a+b", "a{b}", "a^b", "a`b", "[a]", ":80", ".", "localhost.", strings.Repeat("a", 300)},
		func(r *request, host string) { r.setLine("Host", "Host: "+host) })...)
	all = append(all, variation{"no host", func(r *request) { r.dropLine("Host") }},
		variation{"two hosts", func(r *request) { addLine(r, "Host: other") }},
		variation{"the host twice", func(r *request) { addLine(r, "Host: localhost") }},
		variation{"the second host empty", func(r *request) { addLine(r, "Host:") }},
		variation{"host in capitals", func(r *request) { r.setLine("Host", "HOST: localhost") }})
	all = append(all, each("line", []string{"X-Name : v", "X-Name\t: v", " X-Name: v", "\tX-Name: v", "X-Name", "X Name: v", ": v", " : v", "X-Näme: v", "X(Name: v",
		"X@Name: v", "X-Name: a\x00b", "X-Name: a\x01b", "X-Name: a\x7fb", "X-Name: a\rb", "X-Name: é", "X-Name: \xff", "X-Name:", "X-Name:v", "X-Name: \t v \t",
		"X-Name: a\r\n b", "X-Name: a\r\n\tb", "X-Name: a\r\n ", "X-Name: a\nX-Other: b", "X-Name: a\n b", "X-Name: \"a", "X/Name: v", "X\x00: v", "\"X\": v",
		"X-Name: v\r", "\rX-Name: v", "X-Name: " + strings.Repeat("v", 2000), "X-Name: " + strings.Repeat("v", 9000), strings.Repeat("X", 2000) + ": v",
		"Connection: close", "Connection: keep-alive", "Connection: close, keep-alive", "Connection: x", "Connection: upgrade", "Upgrade: h2c", "Upgrade: websocket",
		"Keep-Alive: timeout=5", "Expect: 100-continue", "Expect: 100-Continue", "Expect: fries", "Expect: 100-continue, fries", "Expect:", "TE: trailers",
		"Trailer: X-Name", "Cookie: a=b; c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA", "Origin: null", "Origin: http://localhost", "Origin: x", "Last-Event-ID: é",
		"X-Forwarded-For: x", "Range: bytes=0-", "Accept-Encoding: gzip", "Authorization: x"}, addLine)...)
	all = append(all,
		variation{"first line continued", func(r *request) { r.lines = append([]string{" X: v"}, r.lines...) }},
		variation{"200 lines", func(r *request) {
			r.lines = append(r.lines, strings.Split(strings.Repeat("X: v\n", 199)+"X: v", "\n")...)
		}},
		variation{"2000 lines", func(r *request) {
			r.lines = append(r.lines, strings.Split(strings.Repeat("X: v\n", 1999)+"X: v", "\n")...)
		}},
		variation{"lines that end in LF", func(r *request) { r.eol = "\n" }},
		variation{"lines that end in CR CR LF", func(r *request) { r.eol = "\r\r\n" }},
		variation{"an empty line before", func(r *request) { r.before = "\r\n" }},
		variation{"two empty lines before", func(r *request) { r.before = "\r\n\r\n" }},
		variation{"LF before", func(r *request) { r.before = "\n" }},
		variation{"a space before", func(r *request) { r.before = " " }},
		variation{"a byte order mark before", func(r *request) { r.before = "\xef\xbb\xbf" }},
		variation{"NUL before", func(r *request) { r.before = "\x00" }},
		variation{"pipelined with another", func(r *request) { r.body += "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n" }},
		variation{"pipelined, to be closed", func(r *request) {
			addLine(r, "Connection: close")
			r.body += "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
		}},
		variation{"pipelined with what is no request", func(r *request) { r.body += "\x00\x00\r\n\r\n" }},
	)
	return all
}

// variationsOfBodies announce one, or send it.
func variationsOfBodies() []variation {
	var all []variation
	for _, length := range []string{"0", "00", "-1", "+0", "abc", "0x0", "1.0", "", "0, 0", "0,1", " 0 ", "99999999999999999999"} {
		all = append(all, variation{"length " + length, func(r *request) { addLine(r, "Content-Length: "+length) }})
	}
	body := func(text string, lines ...string) func(r *request) {
		return func(r *request) {
			r.lines = append(r.lines, lines...)
			r.body = text
		}
	}
	return append(all,
		variation{"body", body("hello", "Content-Length: 5")},
		variation{"length twice", body("hello", "Content-Length: 5", "Content-Length: 5")},
		variation{"two lengths", body("hello", "Content-Length: 5", "Content-Length: 6")},
		variation{"length listed twice", body("hello", "Content-Length: 5, 5")},
		variation{"length with a sign", body("hello", "Content-Length: +5")},
		variation{"body that is a frame", body(maskedFrame(0x81, "hello"), "Content-Length: 11")},
		variation{"chunked", body("5\r\nhello\r\n0\r\n\r\n", "Transfer-Encoding: chunked")},
		variation{"chunked, in capitals", body("5\r\nhello\r\n0\r\n\r\n", "Transfer-Encoding: Chunked")},
		variation{"chunked, empty", body("0\r\n\r\n", "Transfer-Encoding: chunked")},
		variation{"chunked, with a trailer", body("0\r\nX-Name: v\r\n\r\n", "Transfer-Encoding: chunked", "Trailer: X-Name")},
		variation{"chunked, which is no number", body("x\r\nhello\r\n0\r\n\r\n", "Transfer-Encoding: chunked")},
		variation{"chunked twice", body("0\r\n\r\n", "Transfer-Encoding: chunked, chunked")},
		variation{"chunked in two lines", body("0\r\n\r\n", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked")},
		variation{"chunked, and a space before the colon", body("0\r\n\r\n", "Transfer-Encoding : chunked")},
		variation{"identity", body("", "Transfer-Encoding: identity")},
		variation{"gzip", body("", "Transfer-Encoding: gzip")},
		variation{"gzip, chunked", body("0\r\n\r\n", "Transfer-Encoding: gzip, chunked")},
		variation{"xchunked", body("0\r\n\r\n", "Transfer-Encoding: xchunked")},
		variation{"encoding without a name", body("", "Transfer-Encoding:")},
		variation{"chunked by HTTP/1.0", func(r *request) {
			body("0\r\n\r\n", "Transfer-Encoding: chunked")(r)
			r.version = "HTTP/1.0"
		}},
		variation{"chunked and a length", body("0\r\n\r\n", "Transfer-Encoding: chunked", "Content-Length: 5")},
		variation{"a length and chunked", body("0\r\n\r\n", "Content-Length: 5", "Transfer-Encoding: chunked")},
	)
}

// variationsOfUpgrades are of what makes a request one.
func variationsOfUpgrades() []variation {
	field := func(name string, values ...string) []variation {
		all := each(strings.ToLower(name), values, func(r *request, v string) { r.setLine(name, name+": "+v) })
		return append(all,
			variation{"no " + strings.ToLower(name), func(r *request) { r.dropLine(name) }},
			variation{strings.ToLower(name) + " twice", func(r *request) {
				for _, l := range r.lines {
					if strings.HasPrefix(l, name+":") {
						addLine(r, l)
						return
					}
				}
			}})
	}
	var all []variation
	all = append(all, field("Connection", "upgrade", "UPGRADE", "keep-alive, Upgrade", "Upgrade, close", "keep-alive", "close", "", "Upgrade,", ",Upgrade", "xUpgrade",
		"Upgrade;x", `"Upgrade"`)...)
	all = append(all, field("Upgrade", "WebSocket", "WEBSOCKET", "websocket, h2c", "h2c, websocket", "h2c", "", "websocket/13", "websockets", "websocket ;")...)
	all = append(all, field("Sec-WebSocket-Version", "8", "0", "14", "255", "-13", "+13", "013", "13.0", "13, 8", "8, 13", "", "x", " 13 ")...)
	all = append(all, field("Sec-WebSocket-Key", "", "x", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZQ===", "AAAAAAAAAAAAAAAAAAAAAAAA",
		" dGhlIHNhbXBsZSBub25jZQ== ", "dGhlIHNhbXBs ZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZR==", "dGhlIHNhbXBsZSBub25jZQ==, x", "é")...)
	all = append(all, field("Sec-WebSocket-Protocol", "chat", "scenecast.v1, chat", "chat, scenecast.v1", "scenecast.v1,scenecast.v1", "", ",", "scenecast.v2", "SCENECAST.V1",
		"a b", "scenecast.v1;x", "é")...)
	all = append(all, field("Sec-WebSocket-Extensions", "permessage-deflate", "permessage-deflate; client_max_window_bits", "x", "", ";", "permessage-deflate; x=\"", "é")...)
	return all
}
