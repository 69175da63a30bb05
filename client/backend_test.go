package client_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"scenecast/client"
	"scenecast/language"
)

func TestBackend(t *testing.T) {
	url := start(t, nil)
	b := newBackend(t, url)
	p := run(t, client.PageOptions{URL: url, Labels: map[string][]string{"page": {"home"}}})
	expectTold[client.Welcome](p)
	r := client.PushRequest{To: json.RawMessage(`{"page":"home"}`), Message: json.RawMessage(`{"n": 1.10}`), Event: "e", IdempotencyKey: "k"}
	for _, replayed := range []bool{false, true} {
		result, err := b.Push(t.Context(), r)
		if err != nil || result.Matched != 1 || result.Queued != 1 || result.Replayed != replayed || result.Position == "" || !strings.Contains(string(result.Raw), `"matched":1`) {
			t.Errorf("the push: %+v, %v", result, err)
		}
	}
	if push := within(t, p.pushes); string(push.Data) != `{"n": 1.10}` || push.Event != "e" {
		t.Errorf("the page got %+v", push)
	}
	if result, err := b.Push(t.Context(), client.PushRequest{To: r.To, DryRun: true}); err != nil || result.Matched != 1 || result.Queued != 0 || !result.DryRun {
		t.Errorf("the dry run: %+v, %v", result, err)
	}
	var e *client.Error
	_, err := b.Push(t.Context(), client.PushRequest{To: client.Audience("page = home"), Message: r.Message})
	if !errors.As(err, &e) || e.Status != http.StatusBadRequest || e.Kind != "invalid" || e.Where != "to.column 6" {
		t.Errorf("a bad audience: %v", err)
	}
	b.Language = "zh-CN"
	if _, err = b.Push(t.Context(), client.PushRequest{To: client.Audience("page = home"), Message: r.Message}); !errors.As(err, &e) || e.Kind != "invalid" ||
		e.Error() != "to.column 6: 此处应为 page 之后的 ==、!=、in 或 .startsWith，实际为 =；相等写作 ==" {
		t.Errorf("a bad audience, in Chinese: %v", err)
	}
	b.Key = "wrong"
	if _, err = b.Push(t.Context(), r); !errors.As(err, &e) || e.Status != http.StatusUnauthorized || e.Setting != "api_keys" {
		t.Errorf("a wrong key: %v", err)
	}
	if got := language.Error(err, language.Chinese); !strings.HasSuffix(got, "（服务器的设置：api_keys）") {
		t.Errorf("a wrong key, in Chinese: %s", got)
	}
}

// TestBackendAnswers: what something else than Scenecast answers is told as well.
func TestBackendAnswers(t *testing.T) {
	for _, c := range []struct {
		status       int
		answer, want string
	}{
		{502, "<html>Bad Gateway</html>", "the server answered 502 Bad Gateway"},
		{400, `{"detail":"no","where":"to","setting":"s"}`, "to: no (the server's setting: s)"},
		{200, "<html>", `the answer is none to a push: "<html>"`},
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/prefix/v1/push" {
				t.Errorf("the path is %s", r.URL.Path)
			}
			w.WriteHeader(c.status)
			_, _ = w.Write([]byte(c.answer))
		}))
		b := client.Backend{URL: s.URL + "/prefix", HTTP: s.Client()}
		if _, err := b.Push(t.Context(), client.PushRequest{To: client.Audience("*")}); err == nil || err.Error() != c.want {
			t.Errorf("%d %s: %v, want %s", c.status, c.answer, err, c.want)
		}
		s.Close()
	}
}

// TestPageAnswers: a page comes back after answers that may be others soon.
func TestPageAnswers(t *testing.T) {
	for status, final := range map[int]bool{
		200: true, 302: true, 400: true, 401: true, 403: true, 404: true, 426: true,
		408: false, 429: false, 500: false, 502: false, 503: false, 504: false,
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(`{"detail":"because"}`))
		}))
		p := run(t, client.PageOptions{URL: s.URL})
		var err error
		if final {
			err = p.end()
		} else {
			err = expectTold[error](p)
		}
		var e *client.Error
		if !errors.As(err, &e) || e.Status != status || e.Detail != "because" || e.Final() != final {
			t.Errorf("%d: %#v", status, err)
		}
		p.stop()
		_ = p.end()
		s.Close()
	}
}
