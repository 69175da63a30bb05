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

func TestNegotiate(t *testing.T) {
	for _, c := range []struct {
		header string
		want   Language
	}{
		{"", English},
		{"zh", Chinese},
		{"zh-CN,zh;q=0.9,en;q=0.8", Chinese},
		{"ZH-hans", Chinese},
		{"zh-Hant-TW", Chinese},
		{"en-US,en;q=0.9,zh-CN;q=0.8", English},
		{"en;q=0.8,zh;q=0.9", Chinese},
		{"en;q=0.899,zh;q=0.9", Chinese},
		{"en ; q=0.2 , zh ; q=0.3", Chinese},
		{"en;Q=0.2,zh;Q=0.3", Chinese},
		{"zh,en", Chinese},
		{"en,zh", English},
		{"fr", English},
		{"fr,zh;q=0.1", Chinese},
		{"fr,*;q=0.1", English},
		{"*", English},
		{"*,zh", Chinese},
		{"zh;q=0.5,*", English},
		{"en;q=0,*", Chinese},
		{"en;q=0,zh;q=0", English},
		{"zh;q=0", English},
		{"zha", English},
		{"zh-CN;q=0.2,en;q=0.5,zh-TW;q=0.9", Chinese},
		{"zh;q=2,en;q=0.1", English},
		{"zh;q=1.001,en;q=0.1", English},
		{"zh;q=NaN,en;q=0.1", English},
		{"zh;q=-1,en;q=0.1", English},
		{"zh;q=0.1234,en;q=0.1", English},
		{"zh;q=,en;q=0.1", English},
		{"zh;level=1,en;q=0.1", English},
		{",;,q=,zh;q=1.000", Chinese},
	} {
		if got := negotiate(c.header); got != c.want {
			t.Errorf("negotiate(%q) = %s, want %s", c.header, got, c.want)
		}
	}
}

func FuzzNegotiate(f *testing.F) {
	f.Add("zh-CN,zh;q=0.9,en;q=0.8")
	f.Add("en;q=0,*;q=0.")
	f.Fuzz(func(t *testing.T, header string) {
		if got := negotiate(header); got != Chinese && got != English {
			t.Errorf("negotiate(%q) = %q", header, got)
		}
	})
}
