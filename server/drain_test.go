package server_test

import (
	"context"
	"crypto/tls"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"scenecast"
	"scenecast/config"
	"scenecast/freeport"
	"scenecast/push"
	"scenecast/server"
)

// TestDrain: pages are told that the server goes away, and Run returns with nothing left (goleak looks after that).
func TestDrain(t *testing.T) {
	s := start(t, map[string]string{"listen": freeport.Addr(t)}, nil) // which nobody else has when it is closed
	pages := []*websocket.Conn{s.page("page=home"), s.page("page=list")}
	codes := make(chan websocket.StatusCode, len(pages))
	for _, c := range pages {
		go func() { codes <- s.closeCode(c) }()
	}
	s.end()
	for range pages {
		if code := <-codes; code != websocket.StatusCode(scenecast.CloseShuttingDown) {
			t.Errorf("closed with %d, want %d", code, scenecast.CloseShuttingDown)
		}
	}
	if _, err := http.Get("http://" + s.addr + "/healthz"); err == nil {
		t.Error("the port is still open")
	}
	if _, err := s.Push(context.Background(), push.Request{}); err == nil {
		t.Error("a stopped server took a push")
	}
}

// TestDrainWithDeafPages: one that does not say goodbye cannot hold the server up for longer than the drain time.
func TestDrainWithDeafPages(t *testing.T) {
	s := start(t, map[string]string{"drain": "200ms", "websocket.close_wait": "1h"}, nil)
	_, in := s.raw(upgrade("/?token=" + pageToken))
	expectBytes(t, in, switching)
	s.awaitConnections(1)
	s.end()
}

// TestDrainWithLatePages: a page that comes in while the port closes is told, too, and does not hold the server up. Its token
// is still being looked at when the page that there was has been told.
func TestDrainWithLatePages(t *testing.T) {
	slow := slowTokens{make(chan struct{}), make(chan struct{})}
	s := startWith(t, map[string]string{"drain": "1h"}, func(o *options) { o.PageAuthenticator = slow })
	first := s.page("page=home")
	late := make(chan websocket.StatusCode, 1)
	go func() {
		c, _, err := websocket.Dial(t.Context(), "ws://"+s.addr+"/?token=other", nil)
		if err != nil {
			t.Error(err)
			close(late)
			return
		}
		late <- s.closeCode(c)
	}()
	<-slow.asked
	s.stop()
	s.closeCode(first)
	close(slow.answer)
	if code := <-late; code != websocket.StatusCode(scenecast.CloseShuttingDown) {
		t.Errorf("closed with %d, want %d", code, scenecast.CloseShuttingDown)
	}
	s.end()
}

// TestReadyWhileDraining: a load balancer learns of it while requests under way are still answered.
func TestReadyWhileDraining(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	s := start(t, nil, map[string]push.Trigger{
		"slow": push.TriggerFunc(func(context.Context, push.Args) (push.Request, error) {
			close(entered)
			<-leave
			return push.Request{}, nil
		}),
	})
	keepAlive := &http.Client{Transport: &http.Transport{}}
	defer keepAlive.CloseIdleConnections()
	answered := make(chan int, 1)
	go func() {
		status, _ := s.call("GET", "/?func=slow&token="+apiKey, "", "", "")
		answered <- status
	}()
	<-entered
	s.stop()
	close(leave)
	if status := <-answered; status != 400 { // the trigger's push has no audience
		t.Errorf("the request under way got %d, want 400", status)
	}
	s.end()
}

// TestPortTaken is an error that names the address.
func TestPortTaken(t *testing.T) {
	s := start(t, nil, nil)
	c := config.Default()
	c.Listen = s.addr
	if _, err := server.New(t.Context(), server.Options{Config: c}); err == nil || !strings.Contains(err.Error(), s.addr) {
		t.Errorf("error %v", err)
	}
}

// TestTLS: pages and backends on one encrypted port.
func TestTLS(t *testing.T) {
	cert, key, pool := selfSigned(t)
	s := start(t, map[string]string{"tls.cert": cert, "tls.key": key}, nil)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}}
	c, _, err := websocket.Dial(t.Context(), "wss://"+s.addr+"/?page=home&token="+pageToken, &websocket.DialOptions{HTTPClient: client})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	s.read(c)
	response, err := client.Get("https://" + s.addr + "/?func=pushHomeLogic&token=" + apiKey)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if got := s.read(c); got != `{"message":"后端触发了按钮 1","code":"200"}` {
		t.Errorf("the page got %s", got)
	}
}

// TestBadCertificate is an error of New, not of the first page.
func TestBadCertificate(t *testing.T) {
	c := config.Default()
	c.Listen = "127.0.0.1:0"
	c.TLS = config.TLS{Cert: "missing.pem", Key: "missing.pem"}
	if _, err := server.New(t.Context(), server.Options{Config: c}); err == nil || !strings.Contains(err.Error(), "tls: open missing.pem") {
		t.Errorf("error %v", err)
	}
}
