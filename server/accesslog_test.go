package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// accessLines are the lines of a log with this message, as soon as there are so many.
func accessLines(t *testing.T, path, message string, n int) (lines []map[string]any) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		lines = nil
		for line := range bytes.Lines(text) {
			var read map[string]any
			if json.Unmarshal(line, &read) == nil && read["msg"] == message {
				lines = append(lines, read)
			}
		}
		if len(lines) >= n {
			return lines
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d lines %s:\n%s", len(lines), n, message, text)
		}
	}
}

// check compares some fields of a line.
func check(t *testing.T, line map[string]any, want string) {
	t.Helper()
	for pair := range strings.FieldsSeq(want) {
		key, value, _ := strings.Cut(pair, "=")
		if got := line[key]; fmt.Sprint(got) != value && !(value == "" && got == nil) {
			t.Errorf("%s is %v, want %s, in %v", key, got, value, line)
		}
	}
}

// TestAccessLog: calls, pages of each wire and pages that are refused have their lines, which say who by names and have no secret in them;
// a reload opens a file that was renamed anew.
func TestAccessLog(t *testing.T) {
	collector := newSpanCollector(t)
	path := filepath.Join(t.TempDir(), "access.log")
	s := startReloadable(t, map[string]string{
		"access_log.to": path, "limits.trusted_proxies": "127.0.0.1", "tracing.endpoint": collector.URL, "tracing.sample_ratio": "0",
		"client_tokens": fmt.Sprintf("[%s, {token: token-of-42-is-secret, user: '42'}]", pageToken),
	})
	from := map[string]string{"X-Forwarded-For": "203.0.113.9", "Authorization": "Bearer " + apiKey, "X-Request-Id": "r1"}
	for name, value := range tracedBy(apiKey, callerTrace(1), "01") {
		from[name] = value
	}
	response, answer := s.response(http.MethodPost, "/v1/push", from, `{"to":{"page":"none"},"message":1}`)
	if id := response.Header.Get("X-Request-Id"); id != "r1" {
		t.Errorf("the answer has the ID %q", id)
	}
	check(t, accessLines(t, path, "call", 1)[0], fmt.Sprintf(
		"method=POST route=/v1/push target=/v1/push proto=HTTP/1.1 status=200 bytes=%d remote=203.0.113.9 request_id=r1 app=default key=all trace_id=%s user_agent=caller/1", len(answer), callerTrace(1)))
	s.callWith(http.MethodGet, "/?func=setStock&left=1&token="+apiKey, map[string]string{"X-Request-Id": "no ID"}, "")
	s.call(http.MethodGet, "/v1/connections/1.1", "wrong-secret", "", "")
	s.call(http.MethodGet, "/v1/nothing", "", "", "")
	lines := accessLines(t, path, "call", 4)
	check(t, lines[3], "route=other target=/v1/nothing status=404")
	check(t, lines[1], "method=GET route=/ target=/?func=setStock&left=1&token=*** status=200 remote=127.0.0.1 app=default key=all trace_id=")
	if id := lines[1]["request_id"]; id == "no ID" || id == "" {
		t.Errorf("the ID is %v", id)
	}
	check(t, lines[2], "route=/v1/connections/{id} target=/v1/connections/1.1 status=401 app= key=")

	if _, refusal := s.visit("127.0.0.1", "token=wrong-secret", "X-Forwarded-For: 203.0.113.7"); refusal == "" {
		t.Error("a wrong token is let in")
	}
	check(t, accessLines(t, path, "refused", 1)[0], "method=GET kind=unauthorized status=401 remote=203.0.113.7 target=/?token=***")

	page := s.pageAs("token-of-42-is-secret", "page=home")
	s.push(`{"to":{"page":"home"},"message":1}`)
	s.push(`{"to":{"page":"home"},"message":2}`)
	s.read(page)
	s.read(page)
	_ = page.Write(context.Background(), websocket.MessageText, []byte("heartbeat"))
	s.read(page)
	_ = page.Close(websocket.StatusNormalClosure, "")
	check(t, accessLines(t, path, "page", 1)[0], "app=default protocol=tutorial user=42 cause=page_closed code=1000 pushes=2 messages=1 remote=127.0.0.1")
	stream := s.events("page=list&token=" + pageToken)
	s.awaitConnections(1)
	_ = stream.conn.Close()
	check(t, accessLines(t, path, "page", 2)[1], "protocol=sse user= pushes=0 messages=0 remote=127.0.0.1")

	before := len(accessLines(t, path, "call", 5))
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	s.reload(nil)
	s.call(http.MethodGet, "/healthz", "", "", "")
	check(t, accessLines(t, path, "call", 2)[1], "route=/healthz status=200") // behind the reload
	if n := len(accessLines(t, path+".1", "call", before)); n != before {
		t.Errorf("the old file has %d calls, and had %d", n, before)
	}
	s.end()
	for _, name := range []string{path, path + ".1"} {
		text, _ := os.ReadFile(name)
		for _, secret := range []string{apiKey, pageToken, "wrong-secret", "token-of-42-is-secret"} {
			if bytes.Contains(text, []byte(secret)) {
				t.Errorf("%s has the secret %s:\n%s", filepath.Base(name), secret, text)
			}
		}
	}
}

// TestAccessLogThatCannotBe: a file that cannot be opened keeps the server from starting, by the name of the setting.
func TestAccessLogThatCannotBe(t *testing.T) {
	_, err := newRunning(t, map[string]string{"access_log.to": t.TempDir()}, func(*options) {})
	if err == nil || !strings.Contains(err.Error(), "access_log.to") {
		t.Errorf("%v", err)
	}
}
