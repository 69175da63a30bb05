package e2e_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"scenecast/config"
	"scenecast/server"
)

// auditLog is a log of which the lines audit are kept. It may be read while it is written.
type auditLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (l *auditLog) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if bytes.Contains(line, []byte("msg=audit")) {
		l.text.Write(line)
	}
	return len(line), nil
}

func (l *auditLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// TestDashboardReload: a file is changed, Settings shows what a reload would change, reloads, and shows what is in force; a file with a mistake is refused
// in words and changes nothing.
func TestDashboardReload(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "scenecast.yaml")
	write := func(settings string) {
		t.Helper()
		text := fmt.Sprintf("listen: %s\nclient_tokens: [a-token-of-this-test]\ndashboard: {enabled: true}\napi_keys: [{name: operator, key: %s, allow: [read, admin]}]\n%s\n", anyPort, operatorKey, settings)
		if err := os.WriteFile(file+".new", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+".new", file); err != nil { // a poll in the midst of it reads either
			t.Fatal(err)
		}
	}
	write("max_connections: 1000")
	load := func(again bool) (*config.Loaded, error) { return config.Read(config.Sources{File: file, Again: again}) }
	l, err := load(false)
	if err != nil {
		t.Fatal(err)
	}
	log := new(auditLog)
	s, err := server.New(context.WithoutCancel(t.Context()), server.Options{
		Config: l.Config,
		Logger: slog.New(slog.NewTextHandler(log, nil)),
		Load:   func() (*config.Loaded, error) { return load(true) },
	})
	if err != nil {
		t.Fatal(err)
	}
	b := &backend{Server: s, t: t, addr: s.Addr().String()}
	b.run()

	d := openScreen(t, b, operatorKey, "en", "settings")
	const inForce = `[...document.querySelectorAll("[aria-labelledby=in-force] tbody tr")].find((row) => row.cells[0].textContent === "max_connections")?.cells[1].textContent`
	d.waitFor(inForce, "1000")
	d.expect(`document.querySelector("[aria-labelledby=changes] p").textContent`, "Nothing: what is in force is what the file, the environment and the flags say.")

	write("max_connections: 2000\nhttp: {max_head: 32KiB}")
	d.screen("now")
	d.screen("settings") // which asks at once
	d.wait(`document.querySelectorAll("[aria-labelledby=changes] tbody tr").length === 2`)
	const changes = `[...document.querySelectorAll("[aria-labelledby=changes] tbody tr")].map((row) => [...row.cells].map((cell) => cell.textContent).join(" | ")).sort()`
	d.expect(changes, []string{"http.max_head | 16KiB | 32KiB | a restart", "max_connections | 1000 | 2000 | a reload"})
	d.axe("reload-changes")
	d.press("Reload")
	d.wait(`document.querySelector("dialog[open]")?.textContent.includes("1 setting will change: max_connections.")`)
	if text := log.String(); strings.Contains(text, "/v1/reload") {
		t.Errorf("before it is confirmed: %s", text)
	}
	d.press("Reload")
	d.wait(`!document.querySelector("dialog") && document.querySelector(".box.busy")?.textContent === "In force now: max_connections.These need a restart: http.max_head."`)
	d.waitFor(inForce, "2000")
	d.waitFor(changes, []string{"http.max_head | 16KiB | 32KiB | a restart"})
	d.axe("reload-done")
	audit := log.String()
	if !strings.Contains(audit, `call="POST /v1/reload"`) || !strings.Contains(audit, "key=operator") || !strings.Contains(audit, "via=dashboard") {
		t.Errorf("the audit lines are\n%s", audit)
	}

	write("max_connections: many")
	d.press("Reload")
	d.press("Reload")
	d.wait(`document.querySelector("dialog[open] [role=alert]")?.textContent.includes("max_connections")`)
	d.press("Cancel")
	d.waitFor(inForce, "2000")
	write("max_connections: 2000")
}
