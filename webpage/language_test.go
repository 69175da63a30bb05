package webpage

import (
	"net/http/httptest"
	"testing"
)

// A choice in the address counts more than one that was kept, and that more than what the browser prefers. What is no language of the pages
// is no choice.
func TestChosenLanguage(t *testing.T) {
	for _, c := range []struct {
		query, cookie, accept string
		want                  Language
		kept                  bool
	}{
		{"", "", "zh", Chinese, false},
		{"?lang=en", "", "zh", English, true},
		{"?lang=zh", "", "en", Chinese, true},
		{"?lang=ZH-tw", "", "", Chinese, true},
		{"", "en", "zh", English, false},
		{"", "zh-CN", "en", Chinese, false},
		{"?lang=en", "zh-CN", "zh", English, true},
		{"?lang=fr", "", "zh", Chinese, false},
		{"?lang=", "zh-CN", "en", Chinese, false},
		{"?lang=zho", "en", "zh", English, false},
		{"", "<b>", "zh", Chinese, false},
		{"?lang=fr", "fr", "", English, false},
	} {
		r := httptest.NewRequest("GET", "/demo/"+c.query, nil)
		r.Header.Set("Accept-Language", c.accept)
		if c.cookie != "" {
			r.Header.Set("Cookie", "other=1; scenecast_lang="+c.cookie)
		}
		lang := LanguageOf(r)
		w := httptest.NewRecorder()
		Serve(w, r, lang, "page")
		if got := w.Header().Get("Content-Language"); lang != c.want || got != string(c.want) {
			t.Errorf("%+v: %s, Content-Language %s", c, lang, got)
		}
		if got := w.Header().Get("Vary"); got != "Accept-Language, Cookie" {
			t.Errorf("%+v: Vary %q", c, got)
		}
		want := ""
		if c.kept {
			want = "scenecast_lang=" + string(c.want) + "; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax"
		}
		if got := w.Header().Get("Set-Cookie"); got != want {
			t.Errorf("%+v: Set-Cookie %q, want %q", c, got, want)
		}
	}
}

// The link leads to the other language, of which it speaks.
func TestLanguageSwitch(t *testing.T) {
	for lang, want := range map[Language]string{
		Chinese: `<a class="language" href="?lang=en" hreflang="en" lang="en">English</a>`,
		English: `<a class="language" href="?lang=zh-CN" hreflang="zh-CN" lang="zh-CN">中文</a>`,
	} {
		if got := LanguageSwitch(lang); got != want {
			t.Errorf("%s: %s, want %s", lang, got, want)
		}
	}
}
