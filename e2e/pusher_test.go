package e2e_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"scenecast/freeport"
)

// The app of the Pusher protocol that the servers under test have.
const (
	pusherKey    = "app-key"
	pusherSecret = "app-secret"
	pusherAPIKey = "backend-key"
)

// pusherSettings make a server one of the Pusher protocol; webhooks go to the receiver.
func pusherSettings(receiver string) map[string]string {
	return map[string]string{
		"api_keys": fmt.Sprintf("[{name: all, key: %s}]", pusherAPIKey),
		"pusher": fmt.Sprintf(`{id: "1", key: %s, secret: %s, subscription_counts: true, linger: 300ms, webhooks: [{url: %q}]}`,
			pusherKey, pusherSecret, receiver),
		"http.allowed_origins": "*",
	}
}

// pusherRun is a run of the tests in the folder pusher.
type pusherRun struct {
	t     *testing.T
	nodes []*backend
	site  *httptest.Server // webhooks come here, and what the tests ask for

	mu       sync.Mutex
	webhooks []webhookCall
	arrived  chan struct{} // closed when another one comes
}

// webhookCall is a call of a webhook, as it has come.
type webhookCall struct {
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
}

func newPusherRun(t *testing.T) *pusherRun {
	r := &pusherRun{t: t, arrived: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /webhooks", r.takeWebhook)
	mux.HandleFunc("GET /webhooks", r.tellWebhook)
	mux.HandleFunc("GET /restart", r.restart)
	r.site = httptest.NewServer(mux)
	t.Cleanup(r.site.Close)
	return r
}

func (r *pusherRun) settings() map[string]string { return pusherSettings(r.site.URL + "/webhooks") }

func (r *pusherRun) takeWebhook(_ http.ResponseWriter, request *http.Request) {
	call := webhookCall{Headers: make(map[string]string)}
	for name := range request.Header {
		call.Headers[strings.ToLower(name)] = request.Header.Get(name)
	}
	body, _ := io.ReadAll(request.Body)
	call.Body = string(body)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.webhooks = append(r.webhooks, call)
	close(r.arrived)
	r.arrived = make(chan struct{})
}

// tellWebhook answers with the call of that number, when it has come.
func (r *pusherRun) tellWebhook(w http.ResponseWriter, request *http.Request) {
	n, _ := strconv.Atoi(request.FormValue("after"))
	for {
		r.mu.Lock()
		arrived := r.arrived
		if n < len(r.webhooks) {
			_ = json.NewEncoder(w).Encode(r.webhooks[n])
			r.mu.Unlock()
			return
		}
		r.mu.Unlock()
		select {
		case <-arrived:
		case <-request.Context().Done():
			return
		}
	}
}

func (r *pusherRun) restart(w http.ResponseWriter, _ *http.Request) {
	r.nodes[0] = r.nodes[0].restart()
	_, _ = io.WriteString(w, "{}")
}

// run runs these files of tests with a client over transports.
func (r *pusherRun) run(client, transports string, environment []string, files ...string) {
	r.t.Helper()
	var addrs []string
	for _, b := range r.nodes {
		addrs = append(addrs, b.addr)
	}
	settings, _ := json.Marshal(map[string]any{
		"client": client, "nodes": addrs, "transports": strings.Fields(transports), "control": r.site.URL, "apiKey": pusherAPIKey,
		"run": client, "tls": r.nodes[0].settings["tls.cert"] != "",
	})
	if _, err := os.Stat(filepath.Join("pusher", "node_modules", client)); err != nil {
		r.t.Fatalf("%v (`make test` installs the packages)", err)
	}
	ctx, cancel := context.WithTimeout(r.t.Context(), 2*patience)
	defer cancel()
	node := exec.CommandContext(ctx, "node", append([]string{"--test", "--test-force-exit", "--test-concurrency=4", "--test-reporter=spec"}, files...)...)
	node.Dir = "pusher"
	node.Env = append(append(os.Environ(), "SCENECAST_PUSHER="+string(settings)), environment...)
	node.WaitDelay = time.Second
	out, err := node.CombinedOutput()
	if err != nil {
		r.t.Errorf("%s: %v\n%s", client, err, out)
	}
	r.expectPasses(out)
}

// expectPasses says that tests were run: a file that runs none passes, too.
func (r *pusherRun) expectPasses(out []byte) {
	r.t.Helper()
	lines := bufio.NewScanner(bytes.NewReader(out))
	for lines.Scan() {
		if n, ok := strings.CutPrefix(lines.Text(), "ℹ pass "); ok && n != "0" {
			return
		}
	}
	r.t.Errorf("no test was run:\n%s", out)
}

// certificateFiles are the files of a certificate for 127.0.0.1, that of package httptest, and of its key.
func certificateFiles(t *testing.T) (certificate, key string) {
	t.Helper()
	site := httptest.NewTLSServer(nil)
	defer site.Close()
	known := site.TLS.Certificates[0]
	der, err := x509.MarshalPKCS8PrivateKey(known.PrivateKey)
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
	return write("cert.pem", "CERTIFICATE", known.Certificate[0]), write("key.pem", "PRIVATE KEY", der)
}

// pusherFiles are the tests that need no restart.
var pusherFiles = []string{"channels.test.js", "cache.test.js", "presence.test.js", "echo.test.mjs", "echopresence.test.mjs", "server.test.js", "webhooks.test.js"}

const pusherTransports = "ws xhr_streaming xhr_polling"

// TestPusher runs real clients against a single server.
func TestPusher(t *testing.T) {
	t.Parallel()
	for _, client := range []string{"pusher-js", "pusher-js-7"} {
		t.Run(client, func(t *testing.T) {
			t.Parallel()
			r := newPusherRun(t)
			r.nodes = []*backend{serveWith(t, anyPort, r.settings())}
			r.run(client, pusherTransports, nil, pusherFiles...)
		})
	}
}

// TestPusherNodes runs real clients against a cluster, spread over its nodes.
func TestPusherNodes(t *testing.T) {
	t.Parallel()
	r := newPusherRun(t)
	r.nodes = serveNodes(t, r.settings())
	r.run("pusher-js", pusherTransports, nil, pusherFiles...)
}

// TestPusherRestart: clients come back to a server that has restarted, and to their channels.
func TestPusherRestart(t *testing.T) {
	t.Parallel()
	r := newPusherRun(t)
	r.nodes = []*backend{serveWith(t, freeport.Addrs(t, 1)[0], r.settings())}
	r.run("pusher-js", pusherTransports, nil, "restart.test.js")
}

// TestPusherTLS: wss, and requests over TLS.
func TestPusherTLS(t *testing.T) {
	t.Parallel()
	r := newPusherRun(t)
	settings := r.settings()
	settings["tls.cert"], settings["tls.key"] = certificateFiles(t)
	r.nodes = []*backend{serveWith(t, anyPort, settings)}
	r.run("pusher-js", pusherTransports, []string{"NODE_EXTRA_CA_CERTS=" + settings["tls.cert"]}, "channels.test.js")
}

// TestPusherLaravel: an application of Laravel broadcasts, and Laravel Echo hears it.
func TestPusherLaravel(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/usr/share/php/Illuminate/autoload.php"); err != nil {
		t.Fatalf("%v (`make test` installs it; Debian: apt-get install php-laravel-framework)", err)
	}
	r := newPusherRun(t)
	r.nodes = []*backend{serveWith(t, anyPort, r.settings())}
	host, port, err := net.SplitHostPort(r.nodes[0].addr)
	if err != nil {
		t.Fatal(err)
	}
	addr := freeport.Addrs(t, 1)[0]
	runListening(t, addr, []string{
		"PUSHER_APP_ID=1", "PUSHER_APP_KEY=" + pusherKey, "PUSHER_APP_SECRET=" + pusherSecret,
		"PUSHER_HOST=" + host, "PUSHER_PORT=" + port, "PUSHER_SCHEME=http",
	}, "php", "-S", addr, filepath.Join("pusher", "laravel", "server.php"))
	r.run("pusher-js", pusherTransports, []string{"LARAVEL=http://" + addr}, "laravel.test.mjs")
}
