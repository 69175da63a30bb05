package server_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"scenecast/freeport"
)

// phpReceiver is the receiver of docs/hooks.md, run by PHP.
type phpReceiver struct {
	t         *testing.T
	url, file string
}

func startPHPReceiver(t *testing.T) *phpReceiver {
	t.Helper()
	addr, dir := freeport.Addr(t), t.TempDir()
	r := &phpReceiver{t, "http://" + addr, filepath.Join(dir, "events")}
	const prints = `echo $event['id'], ' ', $event['type'], "\n";`
	script := documented(t, "hooks.md", "php", "hash_hmac")
	if !strings.Contains(script, prints) {
		t.Fatalf("the receiver in docs/hooks.md has no line %s", prints)
	}
	script = strings.Replace(script, prints, `file_put_contents(__DIR__ . '/events', "$event[id] $event[type]\n", FILE_APPEND);`, 1)
	if err := os.WriteFile(filepath.Join(dir, "receiver.php"), []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "php", "-d", "display_errors=1", "-S", addr, filepath.Join(dir, "receiver.php"))
	var log strings.Builder
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatalf("php: %v (scripts/install-test-tools installs it)", err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait()
		if t.Failed() || strings.Contains(log.String(), "PHP Warning") || strings.Contains(log.String(), "PHP Deprecated") {
			t.Errorf("PHP:\n%s", &log)
		}
	})
	awaitThat(t, "PHP listens", func() bool {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	return r
}

// events are the types of the events that it has taken; each has an ID of its own.
func (r *phpReceiver) events() (types []string) {
	b, _ := os.ReadFile(r.file)
	ids := make(map[string]bool)
	for line := range strings.Lines(string(b)) {
		id, of, _ := strings.Cut(strings.TrimSpace(line), " ")
		if id == "" || ids[id] {
			r.t.Errorf("the ID %q of %q is that of another event", id, of)
		}
		ids[id] = true
		types = append(types, of)
	}
	return types
}

// post makes a call as anybody could.
func (r *phpReceiver) post(header http.Header, body string) int {
	r.t.Helper()
	request, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, r.url, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	request.Header = header
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		r.t.Fatal(err)
	}
	defer response.Body.Close()
	if text, _ := io.ReadAll(response.Body); len(text) > 0 {
		r.t.Errorf("it says %s", text)
	}
	return response.StatusCode
}

// TestPHPReceiver: the receiver in docs/hooks.md takes what Scenecast sends, while secrets are changed as well, and refuses what has another
// signature, is old, or was changed on its way.
func TestPHPReceiver(t *testing.T) {
	php := startPHPReceiver(t)
	settings := func(secret string) map[string]string {
		return map[string]string{"hooks.events": fmt.Sprintf("[{name: php, url: %q, secret: %s, max_wait: 1ms}]", php.url, secret)}
	}
	const other = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	s := startReloadable(t, settings(other))
	s.page("page=home")
	awaitThat(t, "the call with another secret is refused", func() bool {
		_, answer := s.call(http.MethodGet, "/v1/hooks", apiKey, "", "")
		return strings.Contains(answer, `"last_error":"answered 401 Unauthorized"`)
	})
	if got := php.events(); len(got) > 0 {
		t.Errorf("it has taken %q by another signature", got)
	}
	s.reload(settings(fmt.Sprintf("[%s, %s]", other, hookSecret))) // as docs/hooks.md says how to change one
	awaitThat(t, "it takes the event", func() bool { return slices.Equal(php.events(), []string{"connected"}) })
	s.reload(settings(hookSecret))
	if status, answer := s.call(http.MethodPost, "/v1/disconnect", apiKey, "", `{"to":"*"}`); status != http.StatusOK {
		t.Fatalf("%d %s", status, answer)
	}
	awaitThat(t, "it takes the next one", func() bool { return slices.Equal(php.events(), []string{"connected", "disconnected"}) })

	signer, err := standardwebhooks.NewWebhook(hookSecret)
	if err != nil {
		t.Fatal(err)
	}
	const body = `{"type":"events","data":{"events":[{"id":"x","type":"forged"}]}}`
	signed := func(id string, at time.Time, body string) http.Header {
		signature, err := signer.Sign(id, at, []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		h := make(http.Header)
		h.Set("webhook-id", "1")
		h.Set("webhook-timestamp", strconv.FormatInt(at.Unix(), 10))
		h.Set("webhook-signature", signature)
		return h
	}
	now := time.Now()
	for name, header := range map[string]http.Header{
		"no signature":                 {},
		"another body":                 signed("1", now, body+" "),
		"another ID":                   signed("2", now, body),
		"the signature of last hour":   signed("1", now.Add(-time.Hour), body),
		"the signature of the future":  signed("1", now.Add(time.Hour), body),
		"a signature without its kind": {"Webhook-Id": {"1"}, "Webhook-Timestamp": {"1"}, "Webhook-Signature": {"x"}},
	} {
		if status := php.post(header, body); status != http.StatusUnauthorized {
			t.Errorf("%s: %d", name, status)
		}
	}
	if got := php.events(); len(got) != 2 {
		t.Errorf("it has taken %q", got)
	}
	if status := php.post(signed("1", now, body), body); status != http.StatusOK || !slices.Contains(php.events(), "forged") {
		t.Errorf("one that is signed well: %d", status)
	}
}
