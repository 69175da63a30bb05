package webhook_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"scenecast/hook/webhook"
)

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" // of the examples of Standard Webhooks

func client(t *testing.T, handler http.HandlerFunc, o webhook.Options) *webhook.Client {
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	o.URL = s.URL + "/hook?key=hidden"
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Second
	}
	c := webhook.NewClient(o)
	t.Cleanup(c.Close)
	return c
}

func parse(t *testing.T, text string) webhook.Secret {
	t.Helper()
	s, err := webhook.ParseSecret(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSigned: the reference implementation takes a call by either of two secrets, and no other body.
func TestSigned(t *testing.T) {
	other := webhook.NewSecret()
	c := client(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		for _, known := range []string{secret, other} {
			wh, err := standardwebhooks.NewWebhook(known)
			if err != nil {
				t.Error(err)
			}
			if err := wh.Verify(body, r.Header); err != nil {
				t.Errorf("by %s: %v", known, err)
			}
			if err := wh.Verify(append(body, ' '), r.Header); err == nil {
				t.Error("another body is taken")
			}
		}
		if r.Header.Get("webhook-id") != "id.1" || r.Header.Get("Content-Type") != "application/json" || string(body) != `{"a":1}` {
			t.Errorf("%q with %v", body, r.Header)
		}
		_, _ = io.WriteString(w, `{"ok":true}`)
	}, webhook.Options{Secrets: []webhook.Secret{parse(t, secret), parse(t, other)}})
	got, err := c.Post(t.Context(), "id.1", []byte(`{"a":1}`))
	if err != nil || string(got) != `{"ok":true}` {
		t.Errorf("%q, %v", got, err)
	}
}

// TestSecrets that are none are refused.
func TestSecrets(t *testing.T) {
	for _, text := range []string{"", "whsec_", "whsec_####", strings.TrimPrefix(secret, "whsec_"), "whsec_QUJD", "whsec_" + strings.Repeat("QUJD", 22)} {
		if _, err := webhook.ParseSecret(text); err == nil || strings.Contains(err.Error(), "QUJD") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestFailures: whatever a backend answers that is no success is an error that says so, and tells nothing of the URL.
func TestFailures(t *testing.T) {
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		o      webhook.Options
		want   string
	}{
		"500":                        {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "oh\nno", 500) }, webhook.Options{}, `answered 500 Internal Server Error: "oh\nno\n"`},
		"a redirect is not followed": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/else", http.StatusFound) }, webhook.Options{}, "answered 302 Found"},
		"too much":                   {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, strings.Repeat("x", 100)) }, webhook.Options{MaxResponse: 99}, "the response is too large: more than 99 bytes"},
		"too late": {func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // only then the server notices that the client has gone
			<-r.Context().Done()
		}, webhook.Options{Timeout: 50 * time.Millisecond}, "no answer in time"},
		"too late for the rest": {func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			_, _ = io.WriteString(w, "begun")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}, webhook.Options{Timeout: 50 * time.Millisecond}, "no answer in time"},
		"broken off": {func(w http.ResponseWriter, _ *http.Request) {
			conn, _, _ := http.NewResponseController(w).Hijack()
			_ = conn.Close()
		}, webhook.Options{}, "EOF"},
		"no http": {func(w http.ResponseWriter, _ *http.Request) {
			conn, _, _ := http.NewResponseController(w).Hijack()
			_, _ = io.WriteString(conn, "garbage\n\n")
			_ = conn.Close()
		}, webhook.Options{}, "malformed HTTP"},
		"private": {func(http.ResponseWriter, *http.Request) { t.Error("it was called") }, webhook.Options{DenyPrivate: true}, "an address of a private network"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := client(t, c.answer, c.o).Post(context.Background(), "id", []byte(`{}`))
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hidden") {
				t.Errorf("%v, want %s", err, c.want)
			}
		})
	}
}

// TestRetryAfter is told as the backend says it.
func TestRetryAfter(t *testing.T) {
	c := client(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "17")
		w.WriteHeader(http.StatusServiceUnavailable)
	}, webhook.Options{})
	_, err := c.Post(t.Context(), "id", nil)
	var status *webhook.StatusError
	if !errors.As(err, &status) || status.Status != 503 || status.RetryAfter != 17*time.Second {
		t.Errorf("%v", err)
	}
}

// TestStatusOnly: a success is one whatever its body, and a refusal still says why.
func TestStatusOnly(t *testing.T) {
	c := client(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("webhook-id") == "refused" {
			http.Error(w, "no", http.StatusTeapot)
			return
		}
		_, _ = w.Write(make([]byte, 10<<20))
	}, webhook.Options{StatusOnly: true})
	for range 3 {
		if _, err := c.Post(t.Context(), "taken", nil); err != nil {
			t.Error(err)
		}
	}
	var status *webhook.StatusError
	if _, err := c.Post(t.Context(), "refused", nil); !errors.As(err, &status) || status.Status != http.StatusTeapot || status.Body != "no\n" {
		t.Error(err)
	}
}
