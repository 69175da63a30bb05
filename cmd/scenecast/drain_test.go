package main_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"scenecast/client"
	"scenecast/freeport"
)

// TestDrain: the command empties a server, says how that gets on, waits for the end, and has it take pages again.
func TestDrain(t *testing.T) {
	file, addr := filepath.Join(t.TempDir(), "scenecast.yaml"), freeport.Addr(t)
	text := "client_tokens: [token-of-pages]\nlisten: " + addr + "\n" +
		"api_keys: [{name: backend, key: key-of-a-backend}, {name: operator, key: key-of-an-operator, allow: [admin]}]\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	server := launch(t, nil, "serve", "--config", file)
	line(t, server.stderr, `msg=listening addr=`)
	page := launch(t, nil, "listen", "--config", file)
	line(t, page.stderr, `^connected at `)
	drain := func(status int, args ...string) (said string) {
		t.Helper()
		out, errs, code := run(t, "", nil, append([]string{"drain", "--config", file}, args...)...)
		if code != status {
			t.Fatalf("drain %v: exit %d, %s%s", args, code, out, errs)
		}
		return out + errs
	}
	expect := func(said, want string) {
		t.Helper()
		if !strings.Contains(said, want) {
			t.Errorf("the command says %q, want %q", said, want)
		}
	}
	expect(drain(0, "--delay", "1h", "--no-wait"), "Readiness is off; 1 pages are told to reconnect from ")
	expect(drain(0, "--undo"), "The server takes pages; 1 are connected.\n")
	expect(drain(0, "--delay", "0s", "--within", "1s"), "No page is left.\n")
	line(t, page.stderr, `4503`)
	if response, err := http.Get("http://" + addr + "/readyz"); err != nil || response.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("readiness: %+v, %v", response, err)
	} else {
		response.Body.Close()
	}
	var d client.Drain
	if said := drain(0, "--json"); json.Unmarshal([]byte(said), &d) != nil || d.State != "drained" || d.Before != 1 || d.Since.IsZero() {
		t.Errorf("as JSON: %s", said)
	}
	expect(drain(0, "--undo"), "The server takes pages; ")
	expect(drain(1, "--api-key", "key-of-a-backend"), `lacks the scope "admin"`)
	expect(drain(1, "--delay", "-1s"), `delay: takes a length of time`)
	expect(drain(1, "--undo", "--delay", "1s"), "undo")

	// The command that waits ends when somebody else has the server take pages again.
	waits := launch(t, nil, "drain", "--config", file, "--delay", "1h")
	line(t, waits.stdout, `^Readiness is off`)
	drain(0, "--undo")
	line(t, waits.stderr, `the drain was ended; the server takes pages`)
	server.terminate()
}
