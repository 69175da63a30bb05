package e2e_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// nginxConfig is the least that proxies: what it does not say is as nginx has it.
const nginxConfig = `
pid nginx.pid;
error_log stderr;
events {}
http {
	access_log off;
	client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
	server {
		listen unix:%s;
		%s
	}
}
`

// behindNginx runs nginx in front of a server until the test ends, and returns a client whose requests go through it.
func behindNginx(t *testing.T, b *backend) *http.Client {
	t.Helper()
	socket := runNginx(t, "location / { proxy_pass http://"+b.addr+"; }")
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// runNginx runs nginx with this in its server block until the test ends, and returns the unix socket that it listens on.
func runNginx(t *testing.T, server string) (socket string) {
	t.Helper()
	path, err := exec.LookPath("nginx")
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/nginx") // which is not in everybody's PATH
	}
	if err != nil {
		t.Fatal("no nginx: `make test` installs it (Debian: apt-get install nginx)")
	}
	directory := t.TempDir()
	socket = filepath.Join(directory, "port")
	config := filepath.Join(directory, "nginx.conf")
	if err := os.WriteFile(config, fmt.Appendf(nil, nginxConfig, socket, server), 0o600); err != nil {
		t.Fatal(err)
	}
	nginx := exec.Command(path, "-p", directory, "-c", config, "-e", "stderr", "-g", "daemon off; master_process off;")
	nginx.Stderr = t.Output()
	if err := nginx.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- nginx.Wait() }()
	t.Cleanup(func() {
		_ = nginx.Process.Signal(syscall.SIGTERM)
		<-ended
	})
	for deadline := time.Now().Add(patience); ; runtime.Gosched() {
		if conn, err := net.Dial("unix", socket); err == nil {
			_ = conn.Close()
			break
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("nginx has ended: %v", err)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatal("nginx does not listen")
		}
	}
	return socket
}

// Through nginx as it comes, the head of the answer and each event arrive although nothing follows them; and each side notices
// when the other goes.
func TestEventStreamThroughNginx(t *testing.T) {
	t.Parallel()
	b := serveStreams(t)
	client := behindNginx(t, b)
	ctx, leave := context.WithTimeout(t.Context(), patience)
	defer leave()
	open := func() (next func() string) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://nginx/v1/events?page=home&token="+token, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := client.Do(request)
		if err != nil || answer.StatusCode != http.StatusOK || !strings.HasPrefix(answer.Header.Get("Content-Type"), "text/event-stream") {
			t.Fatalf("%+v, %v", answer, err)
		}
		t.Cleanup(func() { _ = answer.Body.Close() })
		lines := bufio.NewScanner(answer.Body)
		return func() string { // the data of the next event
			for lines.Scan() {
				if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
					return data
				}
			}
			return "end"
		}
	}
	next := open()
	if got := next(); !strings.HasPrefix(got, `{"type":"welcome"`) {
		t.Fatalf("got %s", got)
	}
	for i := range 3 {
		b.push("*", fmt.Sprint(i), 1)
		if got := next(); got != fmt.Sprint(i) {
			t.Fatalf("got %s, want %d", got, i)
		}
	}
	b.disconnect(4403)
	if got := next() + next(); got != `{"type":"close","code":4403,"reason":"for now"}end` {
		t.Errorf("at the end, got %s", got)
	}
	if got := open()(); !strings.HasPrefix(got, `{"type":"welcome"`) {
		t.Fatalf("got %s", got)
	}
	leave()
	b.awaitConnections(0)
}
