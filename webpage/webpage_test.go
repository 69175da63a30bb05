package webpage

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestAssetIsKeptWhileItIsTheSame(t *testing.T) {
	one, other := NewAsset(CSS, []byte("a {}"), []byte("b {}")), NewAsset(CSS, []byte("a {}"))
	get := func(a *Asset, tag string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, "/style.css", nil)
		r.Header.Set("If-None-Match", tag)
		w := httptest.NewRecorder()
		a.ServeHTTP(w, r)
		return w
	}
	w := get(one, "")
	if w.Code != 200 || w.Body.String() != "a {}b {}" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	for name, want := range map[string]string{"Content-Type": CSS, "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	tag := w.Header().Get("Etag")
	if again := get(one, tag); again.Code != http.StatusNotModified || again.Body.Len() > 0 {
		t.Errorf("again: %d %s", again.Code, again.Body)
	}
	if w := get(other, tag); w.Code != 200 {
		t.Errorf("another file with this tag: %d", w.Code)
	}
}

func TestProse(t *testing.T) {
	for text, want := range map[string]string{
		"plain":           "plain",
		"the `a<b>` here": "the <code>a&lt;b&gt;</code> here",
		"`a` & `b`":       "<code>a</code> &amp; <code>b</code>",
		"<script>":        "&lt;script&gt;",
		"":                "",
	} {
		if got := Prose(text); got != want {
			t.Errorf("Prose(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestOrigin(t *testing.T) {
	for target, want := range map[string]string{
		"http://localhost:9502/demo/": "http://localhost:9502",
		"https://example.com/":        "https://example.com",
	} {
		if got := Origin(httptest.NewRequest("GET", target, nil)); got != want {
			t.Errorf("%s: %s, want %s", target, got, want)
		}
	}
}
