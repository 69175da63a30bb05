package api_test

import (
	"net/http/httptest"
	"strings"
	"testing"
)

// TestProblemsInTheReadersLanguage: title and detail follow Accept-Language, as the reasons of an explanation do; kind, place and setting do not.
func TestProblemsInTheReadersLanguage(t *testing.T) {
	f := newFixture(t)
	for _, c := range []struct {
		accept, method, path, key, body string
		language, answer                string
	}{
		{"", "POST", "/v1/push", "all", `{"to":"page == ","message":1}`, "en",
			`{"title":"Bad Request","status":400,"kind":"invalid","detail":"expected a string in quotes after ==, found the end","where":"to.column 9"}`},
		{"zh-CN,zh;q=0.9,en;q=0.8", "POST", "/v1/push", "all", `{"to":"page == ","message":1}`, "zh-CN",
			`{"title":"请求无效","status":400,"kind":"invalid","detail":"此处应为 == 之后加引号的字符串，实际为 结尾","where":"to.column 9"}`},
		{"en;q=0.5, zh-TW", "POST", "/v1/push", "", `{}`, "zh-CN",
			"{\"title\":\"未经认证\",\"status\":401,\"kind\":\"unauthorized\",\"detail\":\"缺少请求头 `Authorization: Bearer KEY`，或其中不是已知的 API 密钥\",\"setting\":\"api_keys\"}"},
		{"zh", "POST", "/v1/audience", "all", `{"to":"*","sample":-1}`, "zh-CN",
			`{"title":"请求无效","status":400,"kind":"invalid","detail":"须为 0 到 100 之间的整数","where":"sample"}`},
		{"zh", "POST", "/v1/audience/explain", "all", `{"to":"page == \"home\" || has(plan)","labels":{"page":"list"}}`, "zh-CN",
			`{"matches":false,"explanation":{"text":"page == \"home\" || has(plan)","matches":false,"of":[{"text":"page == \"home\"","matches":false,"why":"page = list，不是 home"},` +
				`{"text":"has(plan)","matches":false,"why":"没有标签 plan"}]},"labels":{"page":"list"}}`},
		{"", "POST", "/v1/audience/explain", "all", `{"to":"has(plan)","labels":{}}`, "en",
			`{"matches":false,"explanation":{"text":"has(plan)","matches":false,"why":"no label plan"},"labels":{}}`},
		{"de, fr", "GET", "/v1/nothing", "all", ``, "en",
			`{"title":"Not Found","status":404,"kind":"not_found","detail":"there is nothing at this path"}`},
	} {
		r := httptest.NewRequest(c.method, c.path, strings.NewReader(c.body))
		if c.accept != "" {
			r.Header.Set("Accept-Language", c.accept)
		}
		if c.key != "" {
			r.Header.Set("Authorization", "Bearer "+c.key)
		}
		w := httptest.NewRecorder()
		f.ServeHTTP(w, r)
		if got := strings.TrimSuffix(w.Body.String(), "\n"); got != c.answer {
			t.Errorf("Accept-Language %q, %s %s:\n\t%s, want\n\t%s", c.accept, c.method, c.path, got, c.answer)
		}
		if got := w.Header().Get("Content-Language"); got != c.language {
			t.Errorf("Accept-Language %q: Content-Language %q, want %q", c.accept, got, c.language)
		}
		if got := w.Header().Get("Vary"); got != "Accept-Language" {
			t.Errorf("Accept-Language %q: Vary %q", c.accept, got)
		}
	}
}
