package e2e_test

import (
	"context"
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // what the HTTP API of Pusher asks for
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/security"

	"scenecast/audience"
	"scenecast/push"
)

// sign is a signature of the Pusher protocol.
func sign(text string) string {
	mac := hmac.New(sha256.New, []byte(pusherSecret))
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil))
}

// servePusherPage serves a page with pusher-js and Laravel Echo, on an origin of its own, which signs whatever it is asked to.
func servePusherPage(t *testing.T) (url string) {
	t.Helper()
	mux := http.NewServeMux()
	file := func(path, name string) {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			http.ServeFile(w, r, filepath.Join("pusher", name))
		})
	}
	file("/{$}", "page.html")
	file("/pusher.js", "node_modules/pusher-js/dist/web/pusher.js")
	file("/echo.js", "node_modules/laravel-echo/dist/echo.iife.js")
	answer := func(w http.ResponseWriter, v map[string]string) { _ = json.NewEncoder(w).Encode(v) }
	mux.HandleFunc("POST /auth", func(w http.ResponseWriter, r *http.Request) {
		socket, channel := r.FormValue("socket_id"), r.FormValue("channel_name")
		if !strings.HasPrefix(channel, "presence-") {
			answer(w, map[string]string{"auth": pusherKey + ":" + sign(socket+":"+channel)})
			return
		}
		user := r.FormValue("user")
		data := fmt.Sprintf(`{"user_id":%q,"user_info":{"name":%q}}`, user, user)
		answer(w, map[string]string{"auth": pusherKey + ":" + sign(socket+":"+channel+":"+data), "channel_data": data})
	})
	mux.HandleFunc("POST /user-auth", func(w http.ResponseWriter, r *http.Request) {
		data := fmt.Sprintf(`{"id":%q}`, r.FormValue("user"))
		answer(w, map[string]string{"auth": pusherKey + ":" + sign(r.FormValue("socket_id")+"::user::"+data), "user_data": data})
	})
	site := httptest.NewServer(mux)
	t.Cleanup(site.Close)
	return site.URL
}

// event publishes an event by the HTTP API of Pusher.
func (b *backend) event(client *http.Client, scheme, channel, name, data string) {
	b.t.Helper()
	body, _ := json.Marshal(map[string]any{"name": name, "channels": []string{channel}, "data": data})
	digest := md5.Sum(body) //nolint:gosec // as above
	query := fmt.Sprintf("auth_key=%s&auth_timestamp=%d&auth_version=1.0&body_md5=%x", pusherKey, time.Now().Unix(), digest)
	url := scheme + "://" + b.addr + "/apps/1/events?" + query + "&auth_signature=" + sign("POST\n/apps/1/events\n"+query)
	ctx, cancel := context.WithTimeout(b.t.Context(), patience)
	defer cancel()
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(string(body)))
		if err != nil {
			b.t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		answer, err := client.Do(r)
		if err != nil {
			b.t.Fatal(err)
		}
		text, _ := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		switch answer.StatusCode {
		case http.StatusOK:
			return
		case http.StatusServiceUnavailable: // as in pushAgain
			time.Sleep(10 * time.Millisecond)
		default:
			b.t.Fatalf("event: %s %s", answer.Status, text)
		}
	}
}

// connectPusher connects the page of a tab to a node.
func (b *tab) connectPusher(site string, node *backend, transport, user string, tls bool) {
	b.t.Helper()
	host, port, err := net.SplitHostPort(node.addr)
	if err != nil {
		b.t.Fatal(err)
	}
	b.open(site)
	b.run(fmt.Sprintf(`connect({key: %q, host: %q, port: %s, transport: %q, user: %q, tls: %t})`, pusherKey, host, port, transport, user, tls))
	b.wait(`client.connection.state === "connected"`)
}

// TestPusherInBrowser: two tabs of a browser at two nodes see each other, by each transport and also from one to another.
func TestPusherInBrowser(t *testing.T) {
	t.Parallel()
	r := newPusherRun(t)
	r.nodes = serveNodes(t, r.settings())
	site := servePusherPage(t)
	for i, transport := range strings.Fields(pusherTransports) {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			ann, bob := newTab(t, profile{}), newTab(t, profile{})
			ann.connectPusher(site, r.nodes[i], transport, "ann", false)
			bob.connectPusher(site, r.nodes[(i+1)%3], "ws", "bob", false)
			ann.run(fmt.Sprintf(`room(%q)`, transport))
			ann.waitFor(`members`, []string{"ann"})
			bob.run(fmt.Sprintf(`room(%q)`, transport))
			ann.waitFor(`members.sort()`, []string{"ann", "bob"})
			bob.waitFor(`members.sort()`, []string{"ann", "bob"})

			bob.run(fmt.Sprintf(`void echo.join(%q).whisper("typing", {name: "bob"})`, transport))
			ann.waitFor(`told.at(-1)`, "typing bob")
			ann.run(fmt.Sprintf(`void echo.join(%q).whisper("typing", {name: "ann"})`, transport))
			bob.waitFor(`told.at(-1)`, "typing ann")
			r.nodes[2].event(http.DefaultClient, "http", "presence-"+transport, "shipped", `{"order":7,"text":"订单 😀"}`)
			for _, page := range []*tab{ann, bob} {
				page.waitFor(`told.at(-1)`, `shipped {"order":7,"text":"订单 😀"}`)
			}
			ann.run(`client.disconnect()`)
			bob.waitFor(`members`, []string{"bob"})
			for _, page := range []*tab{ann, bob} {
				page.expect(`errors`, []string{})
			}
		})
	}
}

// TestPusherInBrowserOverTLS: wss, and requests over HTTP/2.
func TestPusherInBrowserOverTLS(t *testing.T) {
	t.Parallel()
	r := newPusherRun(t)
	settings := r.settings()
	settings["tls.cert"], settings["tls.key"] = certificateFiles(t)
	r.nodes = []*backend{serveWith(t, anyPort, settings)}
	site := servePusherPage(t)
	for _, transport := range strings.Fields(pusherTransports) {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			page := newTab(t, profile{})
			call(page, security.SetIgnoreCertificateErrors, security.SetIgnoreCertificateErrorsParams{Ignore: true})
			page.connectPusher(site, r.nodes[0], transport, "ann", true)
			page.run(fmt.Sprintf(`room(%q)`, transport))
			page.waitFor(`members`, []string{"ann"})
			secure := httptest.NewTLSServer(nil) // whose certificate the server has
			defer secure.Close()
			r.nodes[0].event(secure.Client(), "https", "presence-"+transport, "shipped", `{"order":7}`)
			page.waitFor(`told.at(-1)`, `shipped {"order":7}`)
		})
	}
}

// TestPusherHostname: a browser goes on under the name of the node that its session has begun at.
func TestPusherHostname(t *testing.T) {
	t.Parallel()
	r := newPusherRun(t)
	settings := r.settings()
	settings["sockjs.hostname"] = "localhost"
	r.nodes = []*backend{serveWith(t, anyPort, settings)}
	page := newTab(t, profile{})
	page.connectPusher(servePusherPage(t), r.nodes[0], "xhr_polling", "ann", false)
	page.run(`void client.subscribe("news").bind("pusher:subscription_succeeded", () => { window.subscribed = true; })`)
	page.wait(`window.subscribed`)
	page.expect(`[...new Set(performance.getEntriesByType("resource").filter((e) => e.name.includes("/xhr")).map((e) => new URL(e.name).hostname))]`,
		[]string{"127.0.0.1", "localhost"})
}

// TestPusherLongStream: a browser that has got more than pusher-js keeps of one response opens another one, and loses nothing.
func TestPusherLongStream(t *testing.T) {
	t.Parallel()
	r := newPusherRun(t)
	settings := r.settings()
	settings["outbox.max_bytes"] = "16MiB" // a machine that is busy with other tests is no slow reader
	r.nodes = []*backend{serveWith(t, anyPort, settings)}
	to, err := audience.Parse(`@channel == "long"`)
	if err != nil {
		t.Fatal(err)
	}
	page := newTab(t, profile{})
	page.connectPusher(servePusherPage(t), r.nodes[0], "xhr_streaming", "ann", false)
	page.run(`
		window.got = [];
		client.subscribe("long").bind("e", (data) => got.push(data.n));
		client.channel("long").bind("pusher:subscription_succeeded", () => { window.subscribed = true; });
		void 0;`)
	page.wait(`window.subscribed`)
	const count, size = 200, 8000
	text := strings.Repeat("é", size)
	want := make([]int, count)
	for n := range count {
		want[n] = n
		_, err := r.nodes[0].Push(t.Context(), push.Request{To: to, Event: "e", Message: fmt.Appendf(nil, `{"n":%d,"text":%q}`, n, text)})
		if err != nil {
			t.Fatal(err)
		}
	}
	page.waitFor(`got.length`, count)
	page.expect(`got`, want)
	page.expect(`performance.getEntriesByType("resource").filter((e) => e.name.includes("/xhr_streaming?")).length >= 5`, true)
	page.expect(`errors`, []string{})
}
