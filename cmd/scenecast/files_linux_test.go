package main_test

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// crowded is a server with few file descriptors.
type crowded struct {
	*daemon
	url    string
	client *http.Client // of the backend
}

const fewFiles = 64

// launchLimited launches a server that may have few descriptors.
func launchLimited(t *testing.T, env ...string) *daemon {
	t.Helper()
	cmd := command(t, append(env, "SCENECAST_WEBSOCKET_CLOSE_WAIT=100ms"), "serve", "--listen", "127.0.0.1:0", "--client-token", "page-token", "--api-key", "backend-key")
	cmd.Args = append([]string{"sh", "-c", fmt.Sprintf(`ulimit -n %d && exec "$@"`, fewFiles), "sh", cmd.Path}, cmd.Args[1:]...)
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	cmd.Path = shell
	return follow(t, cmd)
}

// crowd launches one that this client finds at http or https.
func crowd(t *testing.T, scheme string, client *http.Client, env ...string) *crowded {
	t.Helper()
	s := &crowded{daemon: launchLimited(t, env...), client: client}
	s.url = scheme + "://" + line(t, s.stderr, `msg=listening addr=(\S+)`)
	s.call(http.MethodGet, "/metrics", "")
	return s
}

func (s *crowded) call(method, path, body string) string {
	s.t.Helper()
	for deadline := time.Now().Add(patience); ; {
		request, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, strings.NewReader(body))
		if err != nil {
			s.t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer backend-key")
		response, err := s.client.Do(request)
		if err != nil {
			if time.Now().After(deadline) {
				s.t.Fatalf("%s %s: %v", method, path, err)
			}
			continue // the connection was turned away or given up: nothing was sent
		}
		answer, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil || response.StatusCode != http.StatusOK {
			s.t.Fatalf("%s %s: %s %s (%v)", method, path, response.Status, answer, err)
		}
		return string(answer)
	}
}

// page opens one, and takes its welcome.
func (s *crowded) page() (*websocket.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	client := &http.Client{Transport: s.client.Transport.(*http.Transport).Clone()}
	c, _, err := websocket.Dial(ctx, s.url+"/?token=page-token", &websocket.DialOptions{HTTPClient: client})
	if err != nil {
		return nil, err
	}
	s.t.Cleanup(func() { _ = c.CloseNow() })
	_, _, err = c.Read(ctx)
	return c, err
}

// expectPush has every page get one.
func (s *crowded) expectPush(pages []*websocket.Conn, message string) {
	s.t.Helper()
	if answer := s.call(http.MethodPost, "/v1/push", `{"to":"*","message":`+message+`}`); !strings.Contains(answer, fmt.Sprintf(`"queued":%d,`, len(pages))) {
		s.t.Errorf("%d pages are connected: %s", len(pages), answer)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for _, c := range pages {
		if _, got, err := c.Read(ctx); err != nil || string(got) != message {
			s.t.Errorf("a page got %s (%v)", got, err)
		}
	}
}

// turnedAway is how many pages found no descriptor, by the metrics: those that loops have refused, and those that net/http has.
func (s *crowded) turnedAway() (n int) {
	s.t.Helper()
	metrics := s.call(http.MethodGet, "/metrics", "")
	for _, metric := range []string{`scenecast_visitors_turned_away_total`, `scenecast_refused_total\{reason="unavailable"\}`} {
		m := regexp.MustCompile(`(?m)^` + metric + ` (\d+)$`).FindStringSubmatch(metrics)
		if m == nil {
			s.t.Fatalf("the metric %s is missing", metric)
		}
		count, _ := strconv.Atoi(m[1])
		n += count
	}
	return n
}

// busy is how long the server has computed.
func (s *crowded) busy() time.Duration {
	s.t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		s.t.Fatal(err)
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')'):])) // proc(5): the 14th and the 15th, in 1/100 s
	user, _ := strconv.Atoi(fields[12])
	system, _ := strconv.Atoi(fields[13])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// fill connects pages until one is refused, and returns them.
func (s *crowded) fill() (pages []*websocket.Conn) {
	s.t.Helper()
	for len(pages) < fewFiles {
		c, err := s.page()
		if err != nil {
			s.expectFull(err)
			return pages
		}
		pages = append(pages, c)
	}
	s.t.Fatal("there are more pages than descriptors")
	return nil
}

// expectFull compares what a page was told with what the server says when it has no descriptors.
func (s *crowded) expectFull(err error) {
	s.t.Helper()
	if err == nil || !strings.Contains(err.Error(), "but got 503") {
		s.t.Errorf("a page that finds no descriptor: %v", err)
	}
}

// refill has others take the places of some pages.
func (s *crowded) refill(pages []*websocket.Conn, n int) []*websocket.Conn {
	s.t.Helper()
	for _, c := range pages[:n] {
		_ = c.CloseNow()
	}
	before := len(pages)
	pages = pages[n:]
	for deadline := time.Now().Add(patience); len(pages) < before; {
		if c, err := s.page(); err == nil {
			pages = append(pages, c)
		} else if time.Now().After(deadline) {
			s.t.Fatalf("of %d pages, %d got in when others had left: %v", n, n-before+len(pages), err)
		}
	}
	return pages
}

// TestOutOfFiles: when pages have taken all descriptors that they may, further ones are refused, HTTP calls still come
// through, and others get in when some have left; on event loops, and with TLS.
func TestOutOfFiles(t *testing.T) {
	t.Run("http", func(t *testing.T) {
		testOutOfFiles(crowd(t, "http", &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}))
	})
	t.Run("https", func(t *testing.T) {
		cert, key, client := trusted(t)
		client.Transport.(*http.Transport).DisableKeepAlives = true
		testOutOfFiles(crowd(t, "https", client, "SCENECAST_TLS_CERT="+cert, "SCENECAST_TLS_KEY="+key))
	})
}

func testOutOfFiles(s *crowded) {
	s.t.Helper()
	pages := s.fill()
	if len(pages) < fewFiles/4 {
		s.t.Errorf("only %d pages got in", len(pages))
	}
	refused := 1
	for range 20 {
		c, err := s.page()
		if err == nil { // an HTTP call has left its descriptor only now
			pages = append(pages, c)
			continue
		}
		s.expectFull(err)
		refused++
	}
	if n := s.turnedAway(); n != refused {
		s.t.Errorf("%d pages were turned away, and %d were refused", n, refused)
	}
	s.expectPush(pages, `"still here"`)
	s.expectPush(s.refill(pages, 5), `"welcome back"`)
	s.terminate()
}

// TestOutOfAllFiles: when silent visitors have taken the rest, too, the server turns visitors away and does not spin; its
// pages get pushes, and everything is as before when the visitors have gone.
func TestOutOfAllFiles(t *testing.T) {
	s := crowd(t, "http", &http.Client{Transport: &http.Transport{}}, "SCENECAST_HTTP_HEAD_TIMEOUT=1h", "SCENECAST_HTTP_BODY_TIMEOUT=1h")
	pages := s.fill()
	refused := s.turnedAway()
	var visitors []net.Conn
	away := make(chan struct{}, fewFiles)
	for range fewFiles {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		visitors = append(visitors, conn)
		go func() {
			_, _ = conn.Read(make([]byte, 1)) // nothing is said, so this is the end
			away <- struct{}{}
		}()
	}
	select {
	case <-away:
	case <-time.After(patience):
		t.Fatal("nobody was turned away")
	}
	begun, busy := time.Now(), s.busy()
	time.Sleep(time.Second) // the time in which a loop that spins would compute all along
	if took, busy := time.Since(begun), s.busy()-busy; busy > took/2 {
		t.Errorf("out of descriptors, the server computed for %v of %v", busy, took)
	}
	for _, conn := range visitors {
		_ = conn.Close()
	}
	s.client.CloseIdleConnections() // the server may have given up the one that is there
	for deadline := time.Now().Add(patience); ; {
		page, err := s.page()
		if err == nil {
			pages = append(pages, page)
		}
		if err == nil || strings.Contains(err.Error(), "but got 503") { // it is no longer closed at once
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the visitors have gone, and a page finds %v", err)
		}
	}
	s.expectPush(pages, `"still here"`)
	if n := s.turnedAway() - refused; n == 0 {
		t.Errorf("of %d visitors, none were turned away", len(visitors))
	}
	s.expectPush(s.refill(pages, 5), `"welcome back"`)
	s.client.CloseIdleConnections()
	s.terminate()
}

// trusted writes a certificate for 127.0.0.1 and its key, and makes a client that takes it.
func trusted(t *testing.T) (cert, key string, client *http.Client) {
	t.Helper()
	issuer := httptest.NewTLSServer(nil)
	defer issuer.Close()
	pair := issuer.TLS.Certificates[0]
	private, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	transport := &http.Transport{TLSClientConfig: issuer.Client().Transport.(*http.Transport).TLSClientConfig}
	return write("cert.pem", "CERTIFICATE", pair.Certificate[0]), write("key.pem", "PRIVATE KEY", private), &http.Client{Transport: transport}
}

// TestFileLimit is told, and a setting that goes over it.
func TestFileLimit(t *testing.T) {
	d := launchLimited(t, "SCENECAST_LIMITS_CONNECTIONS=33")
	line(t, d.stderr, `level=INFO msg="file limit" descriptors=64 pages=32$`)
	line(t, d.stderr, `level=WARN msg="the file limit is low; .*ulimit -n .*" descriptors=64$`)
	line(t, d.stderr, `level=WARN msg="limits.connections is more than the file limit allows" connections=33 pages=32$`)
	line(t, d.stderr, `msg=listening`)
	d.terminate()
}
