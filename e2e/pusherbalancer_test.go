package e2e_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"scenecast/freeport"
)

// documented is the block of docs/pusher.md in a language, with the port that it has for the balancer, and three nodes in the places of its own.
func documented(t *testing.T, language, port string, nodes []*backend) string {
	t.Helper()
	text, err := os.ReadFile("../docs/pusher.md")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile("(?s)\n```" + language + "\n(.*?)\n```\n").FindSubmatch(text)
	if m == nil {
		t.Fatalf("docs/pusher.md has no %s", language)
	}
	block := strings.ReplaceAll(string(m[1]), port, "ADDRESS")
	for i, b := range nodes {
		block = strings.ReplaceAll(block, fmt.Sprintf("10.0.0.%d:9502", i+1), b.addr)
	}
	if strings.Contains(block, "10.0.0.") || !strings.Contains(block, "ADDRESS") {
		t.Fatalf("not all addresses were found:\n%s", block)
	}
	return block
}

// runListening runs a program until the test ends, and returns when it listens.
func runListening(t *testing.T, addr string, environment []string, name string, arguments ...string) {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		path = "/usr/sbin/" + name // which is not in everybody's PATH
	}
	program := exec.Command(path, arguments...)
	program.Env = append(os.Environ(), environment...)
	program.Stderr = t.Output()
	if err := program.Start(); err != nil {
		t.Fatalf("%v (`make test` installs %s)", err, name)
	}
	ended := make(chan error, 1)
	go func() { ended <- program.Wait() }()
	t.Cleanup(func() {
		_ = program.Process.Signal(syscall.SIGTERM)
		<-ended
	})
	for deadline := time.Now().Add(patience); ; runtime.Gosched() {
		conn, err := new(net.Dialer).DialContext(context.Background(), "tcp", addr)
		if err == nil {
			_ = conn.Close()
			return
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("%s has ended: %v", name, err)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not listen", name)
		}
	}
}

// metric is the value of a figure that has no labels.
func (b *backend) metric(name string) string {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, b.url("/metrics"), nil)
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+pusherAPIKey)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	_, line, found := strings.Cut(string(text), "\n"+name+" ")
	if !found {
		b.t.Fatalf("no figure %s: %s %.300s", name, answer.Status, text)
	}
	line, _, _ = strings.Cut(line, "\n")
	return line
}

// TestPusherBehindBalancers: the lines of docs/pusher.md have all transports work over three nodes, and no request come to a wrong one.
func TestPusherBehindBalancers(t *testing.T) {
	t.Parallel()
	r := newPusherRun(t)
	nodes := serveNodes(t, r.settings())
	write := func(t *testing.T, name, text string) string {
		t.Helper()
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, run := range map[string]func(t *testing.T, addr string){
		"nginx": func(t *testing.T, addr string) {
			block := strings.ReplaceAll(documented(t, "nginx", "listen 80;", nodes), "ADDRESS", "listen "+addr+";")
			path := write(t, "nginx.conf", `
				pid nginx.pid;
				error_log stderr;
				events {}
				http {
					access_log off;
					client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
					`+block+`
				}`)
			runListening(t, addr, nil, "nginx", "-p", filepath.Dir(path), "-c", path, "-e", "stderr", "-g", "daemon off; master_process off;")
		},
		"haproxy": func(t *testing.T, addr string) {
			block := strings.ReplaceAll(documented(t, "haproxy", "bind :80", nodes), "ADDRESS", "bind "+addr)
			runListening(t, addr, nil, "haproxy", "-db", "-f", write(t, "haproxy.cfg", block+"\n"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			addr := freeport.Addrs(t, 1)[0]
			run(t, addr)
			behind := newPusherRun(t)
			behind.nodes = []*backend{{t: t, addr: addr}}
			behind.run("pusher-js", pusherTransports, nil, "echo.test.mjs")
			for _, b := range nodes {
				if line := b.metric("scenecast_sockjs_misrouted_total"); line != "0" {
					t.Errorf("%s requests were misrouted", line)
				}
			}
		})
	}
}
