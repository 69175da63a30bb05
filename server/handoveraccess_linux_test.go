package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"scenecast/client"
)

// pageLine is the line of the access log of a page that has ended.
type pageLine struct {
	Msg        string
	Connection string
	Remote     string
	MS         float64
	Pushes     int
	Messages   int
}

// awaitPageLine is the line of a page, as soon as it is there.
func awaitPageLine(t *testing.T, path, id string) pageLine {
	t.Helper()
	for deadline := time.Now().Add(guard); ; time.Sleep(time.Millisecond) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(text) {
			var read pageLine
			if json.Unmarshal(line, &read) == nil && read.Msg == "page" && read.Connection == id {
				return read
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("no line of the page %s:\n%s", id, text)
		}
	}
}

// remote is where a page comes from by GET /v1/connections/{id}, and whether a search by that address finds the page.
func (m *moves) remote(id string) (remote string, found bool) {
	m.t.Helper()
	d, err := m.backend().Connection(m.t.Context(), id)
	if err != nil {
		m.t.Fatal(err)
	}
	if d.Remote == "" {
		return "", false
	}
	for c, err := range m.backend().ConnectionsFrom(m.t.Context(), d.Remote, "*") {
		if err != nil {
			m.t.Fatal(err)
		}
		found = found || c.ID == id
	}
	return d.Remote, found
}

// TestHandoverOfOrigins: where a page comes from, since when it is there and what it was given is known to every process that it passes through:
// to the access log, to GET /v1/connections/{id}, and to the search by address.
func TestHandoverOfOrigins(t *testing.T) {
	for _, c := range []struct {
		name, settings, value string
		forwarded             string
		logged, told          string
	}{
		{"direct", "limits.per_address", "0", "", "127.0.0.1", "127.0.0.1"},
		{"proxy", "limits.trusted_proxies", "127.0.0.1", "2001:db8::1:2:3:4", "2001:db8::1:2:3:4", ""},
		{"counted", "limits.per_address", "9", "203.0.113.9", "203.0.113.9", "203.0.113.9"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "access.log")
			flags := map[string]string{"access_log.to": path, c.settings: c.value}
			if c.forwarded != "" {
				flags["limits.trusted_proxies"] = "127.0.0.1"
			}
			m := newMoves(t, flags)
			page := m.dialPage("/?token="+moveToken+"&page=home", "X-Forwarded-For: "+c.forwarded)
			page.expect("200")
			since := time.Now()
			id := m.onlyConnection()
			for n := range 3 {
				m.push(client.PushRequest{To: json.RawMessage(`{"page":"home"}`), Message: fmt.Appendf(nil, `{"n":%d}`, n)})
				page.expect(fmt.Sprintf(`{"n":%d}`, n))
				page.write(masked(ws.OpText, true, "heartbeat"))
				page.expect("heartbeat")
				if told, found := m.remote(id); told != c.told || found != (told != "") {
					t.Errorf("after %d handovers the page comes from %q, want %q; found by that: %v", n, told, c.told, found)
				}
				if n < 2 {
					m.awaitEnd(m.next())
				}
			}
			least := time.Since(since)
			_ = page.Close()
			line := awaitPageLine(t, path, id)
			if line.Remote != c.logged || line.Pushes != 3 || line.Messages != 3 || line.MS < float64(least.Milliseconds()) {
				t.Errorf("%+v, want %s, 3 pushes, 3 messages and at least %v", line, c.logged, least)
			}
		})
	}
}

// TestHandoverOfOriginsUntold: where the process before tells nothing for the access log, because it has none or is of an older version, the line
// has what the page's socket and the limits of addresses know.
func TestHandoverOfOriginsUntold(t *testing.T) {
	for name, c := range map[string]struct {
		forwarded, want string
		flags           map[string]string
	}{
		"direct":  {"", "127.0.0.1", nil},
		"proxy":   {"203.0.113.9", "", map[string]string{"limits.trusted_proxies": "127.0.0.1"}},
		"counted": {"2001:db8::1:2:3:4", "2001:db8::", map[string]string{"limits.trusted_proxies": "127.0.0.1", "limits.failed_tokens": "9"}},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMoves(t, c.flags)
			page := m.dialPage("/?token="+moveToken+"&page=home", "X-Forwarded-For: "+c.forwarded)
			page.expect("200")
			id := m.onlyConnection()
			path := filepath.Join(t.TempDir(), "access.log")
			m.options.Config.AccessLog.To, m.options.Config.AccessLog.Format = path, "json"
			m.awaitEnd(m.next())
			_ = page.Close()
			if line := awaitPageLine(t, path, id); line.Remote != c.want || line.MS <= 0 {
				t.Errorf("%+v, want remote %q and how long the page was there", line, c.want)
			}
		})
	}
}

// onlyConnection is the ID of the one page that is connected.
func (m *moves) onlyConnection() string {
	m.t.Helper()
	for id := range m.since(1) {
		return id
	}
	return ""
}
