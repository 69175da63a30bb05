package main_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"scenecast/freeport"
)

// TestHealth: the command says by its status how the server is, wherever the configuration has it listen.
func TestHealth(t *testing.T) {
	cert, key, _ := trusted(t)
	dir := t.TempDir()
	for _, c := range []struct{ name, settings string }{
		{"port", "listen: " + freeport.Addr(t) + "\n"},
		{"socket", "listen: unix:" + filepath.Join(dir, "port") + "\n"},
		{"TLS", "listen: " + freeport.Addr(t) + "\ntls: {cert: " + cert + ", key: " + key + "}\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "scenecast.yaml")
			if err := os.WriteFile(file, []byte(c.settings+"drain_delay: 1m\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			health := func(status int, want string, args ...string) {
				t.Helper()
				out, errs, code := run(t, "", nil, append([]string{"health", "--config", file}, args...)...)
				if code != status || !strings.Contains(out+errs, want) {
					t.Errorf("%v: exit %d, %s%s; want %d and %q", args, code, out, errs, status, want)
				}
			}
			health(1, "; the address is from "+file+":1 (listen)")
			server := launch(t, nil, "serve", "--config", file, "--log-level", "info")
			line(t, server.stderr, `msg=listening addr=`)
			health(0, "ready\n")
			health(0, "ok\n", "--live")
			if err := server.cmd.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
			line(t, server.stderr, `msg="going to drain"`)
			health(1, "503 Service Unavailable: the server is going away")
			health(0, "ok\n", "--live")
		})
	}
}

// TestHealthOfOthers: what is no Scenecast is not well, nor what does not answer in time; a certificate at --url is checked.
func TestHealthOfOthers(t *testing.T) {
	hangs := make(chan struct{})
	other := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}))
	defer other.Close()
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/hangs/") {
			<-hangs
		}
	}))
	defer plain.Close()
	defer close(hangs)
	for _, c := range []struct {
		url, want string
	}{
		{other.URL, "certificate"},
		{plain.URL, "200 OK: what answers at " + plain.URL + "/readyz is no Scenecast"},
		{plain.URL + "/hangs", "deadline exceeded"},
	} {
		out, errs, code := run(t, "", nil, "health", "--url", c.url, "--timeout", "2s")
		if code != 1 || out != "" || !strings.Contains(errs, c.want) {
			t.Errorf("%s: exit %d, %s%s; want %q", c.url, code, out, errs, c.want)
		}
	}
}
