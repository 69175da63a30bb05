package main_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"scenecast/freeport"
)

// TestDashboardProxies runs each block of docs/dashboard.md with the proxy that it is for, and logs in through it over TLS, as a browser does.
func TestDashboardProxies(t *testing.T) {
	cert, key, _ := trusted(t)
	const name = "push.example.com"
	node := behind(t, "127.0.0.1:0", "SCENECAST_DASHBOARD_ENABLED=true", "SCENECAST_DASHBOARD_HOSTS="+name)
	blocks := blocksOf(t, "../../docs/dashboard.md", "nginx", 1)
	nginxTLS := func(t *testing.T, addr, location string) {
		nginx(t, addr, "server { listen "+addr+" ssl; ssl_certificate "+cert+"; ssl_certificate_key "+key+";\n"+location+"}")
	}
	for of, start := range map[string]func(t *testing.T, addr string) (prefix string){
		"nginx": func(t *testing.T, addr string) string {
			nginxTLS(t, addr, put(t, blocks[0], "127.0.0.1:9502", node))
			return ""
		},
		"nginx, prefix": func(t *testing.T, addr string) string {
			nginxTLS(t, addr, put(t, blocks[0], "location /dashboard/", "location /ops/dashboard/", "127.0.0.1:9502", node+"/dashboard/"))
			return "/ops"
		},
		"HAProxy": func(t *testing.T, addr string) string {
			var both []byte
			for _, file := range []string{cert, key} {
				text, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				both = append(both, text...)
			}
			pair := filepath.Join(t.TempDir(), "pair.pem")
			if err := os.WriteFile(pair, both, 0o600); err != nil {
				t.Fatal(err)
			}
			startProxy(t, addr, "defaults\n    mode http\n    timeout connect 5s\n    timeout client 60s\n    timeout server 60s\nfrontend all\n    bind "+addr+
				" ssl crt "+pair+"\n    default_backend scenecast\n"+put(t, blocksOf(t, "../../docs/dashboard.md", "haproxy", 1)[0], "127.0.0.1:9502", node),
				"haproxy", "-db", "-f", "FILE")
			return ""
		},
	} {
		t.Run(of, func(t *testing.T) {
			addr := freeport.Addr(t)
			logInThrough(t, addr, name, start(t, addr))
		})
	}
}

// logInThrough looks at the dashboard of a server that a proxy with TLS has under a name.
func logInThrough(t *testing.T, addr, name, prefix string) {
	t.Helper()
	_, port, _ := net.SplitHostPort(addr)
	site := "https://" + name + ":" + port
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, addr)
		},
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // of another name
	}
	defer transport.CloseIdleConnections()
	ask := func(method, path, body string, headers ...string) *http.Response {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), method, site+prefix+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(headers); i += 2 {
			request.Header.Set(headers[i], headers[i+1])
		}
		response, err := transport.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = response.Body.Close() })
		return response
	}
	if response := ask("GET", "/dashboard/dashboard.js", ""); response.StatusCode != http.StatusOK || response.Header.Get("Content-Security-Policy") == "" {
		t.Errorf("the script: %s, %v", response.Status, response.Header)
	}
	login := []string{"Content-Type", "application/json", "Origin", site, "Sec-Fetch-Site", "same-origin"}
	response := ask("POST", "/dashboard/login", `{"key":"`+proxiedKey+`"}`, login...)
	cookie := response.Header.Get("Set-Cookie")
	value, flags, _ := strings.Cut(cookie, "; ")
	if response.StatusCode != http.StatusNoContent || !strings.HasPrefix(value, "__Host-scenecast=") || flags != "Path=/; HttpOnly; Secure; SameSite=Strict" {
		t.Fatalf("the login: %s, %q", response.Status, cookie)
	}
	if response := ask("GET", "/dashboard/api/v1/nodes", "", "Cookie", value); response.StatusCode != http.StatusOK {
		t.Errorf("a call: %s", response.Status)
	}
	feed := ask("GET", "/dashboard/api/v1/feed", "", "Cookie", value)
	if line, err := bufio.NewReader(feed.Body).ReadString('\n'); err != nil || feed.StatusCode != http.StatusOK {
		t.Errorf("the feed: %s, %q, %v", feed.Status, line, err)
	}
}
