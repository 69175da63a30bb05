package demo

import (
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func serve(t *testing.T, o Options, method, target string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	Handler(o).ServeHTTP(w, r)
	return w.Result()
}

func bodyOf(t *testing.T, res *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

var (
	pagePaths  = []string{"/demo/", "/demo/home", "/demo/list", "/demo/back"}
	assetTypes = map[string]string{
		"/demo/demo.css": "text/css; charset=utf-8",
		"/demo/scene.js": "text/javascript; charset=utf-8",
		"/demo/back.js":  "text/javascript; charset=utf-8",
		"/demo/icon.svg": "image/svg+xml",
	}
)

func TestPagesSpeakTheBrowsersLanguage(t *testing.T) {
	for _, path := range pagePaths {
		for accept, want := range map[string]string{"zh-TW,en;q=0.5": "zh-CN", "en-GB,zh;q=0.5": "en"} {
			res := serve(t, Options{Token: "123456"}, "GET", path, "Accept-Language", accept)
			body := bodyOf(t, res)
			if res.StatusCode != http.StatusOK {
				t.Errorf("%s: status %d", path, res.StatusCode)
			}
			if got := res.Header.Get("Content-Type"); got != "text/html; charset=utf-8" {
				t.Errorf("%s: Content-Type %q", path, got)
			}
			if got := res.Header.Get("Content-Language"); got != want {
				t.Errorf("%s, Accept-Language %q: Content-Language %q, want %q", path, accept, got, want)
			}
			if got := res.Header.Get("Vary"); got != "Accept-Language" {
				t.Errorf("%s: Vary %q", path, got)
			}
			if !strings.Contains(body, `<html lang="`+want+`">`) {
				t.Errorf("%s, Accept-Language %q: no lang=%q", path, accept, want)
			}
			if han := regexp.MustCompile(`\p{Han}`).MatchString(body); han != (want == "zh-CN") {
				t.Errorf("%s, Accept-Language %q: Chinese characters: %v", path, accept, han)
			}
			if strings.Contains(body, "{scene}") {
				t.Errorf("%s: {scene} is not filled in", path)
			}
		}
	}
}

func TestSeveralLanguageHeadersAreOneList(t *testing.T) {
	res := serve(t, Options{}, "GET", "/demo/", "Accept-Language", "en;q=0.1", "Accept-Language", "zh")
	if got := res.Header.Get("Content-Language"); got != "zh-CN" {
		t.Errorf("Content-Language %q", got)
	}
}

func TestScenesLoadThePageScript(t *testing.T) {
	for _, scene := range []string{"home", "list"} {
		body := bodyOf(t, serve(t, Options{Token: "123456"}, "GET", "/demo/"+scene))
		want := `<script src="/scenecast.js" data-token="123456" data-page="` + scene + `" data-popup></script>`
		if !strings.Contains(body, want) {
			t.Errorf("%s: no %s in\n%s", scene, want, body)
		}
	}
}

func TestBackHasTheTwoButtons(t *testing.T) {
	body := bodyOf(t, serve(t, Options{Token: "123456"}, "GET", "/demo/back", "Accept-Language", "zh"))
	for _, want := range []string{
		`data-func="pushHomeLogic"><strong>按钮 1</strong>`,
		`data-func="pushListLogic"><strong>按钮 2</strong>`,
		`data-token="123456"`,
		`aria-live="polite"`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s in\n%s", want, body)
		}
	}
}

func TestTokenIsEscaped(t *testing.T) {
	const token = `"><script>alert('1')</script>&amp; +x` + "`"
	attribute := regexp.MustCompile(`data-token="([^"]*)"`)
	for _, path := range []string{"/demo/home", "/demo/list", "/demo/back"} {
		body := bodyOf(t, serve(t, Options{Token: token}, "GET", path))
		if strings.Contains(body, "<script>") {
			t.Errorf("%s: the token is markup in\n%s", path, body)
		}
		m := attribute.FindStringSubmatch(body)
		if m == nil || html.UnescapeString(m[1]) != token {
			t.Errorf("%s: data-token reads %q, want %q", path, m, token)
		}
	}
}

func TestHostIsEscaped(t *testing.T) {
	r := httptest.NewRequest("GET", "/demo/", nil)
	r.Host = `<script>x</script>`
	w := httptest.NewRecorder()
	Handler(Options{}).ServeHTTP(w, r)
	if strings.Contains(w.Body.String(), "<script>x") {
		t.Errorf("the host is markup in\n%s", w.Body)
	}
}

// Inline script and style are what the Content-Security-Policy refuses, so a page that had some would be broken.
func TestPagesHaveNothingInline(t *testing.T) {
	inline := regexp.MustCompile(`(?i)<style|\sstyle=|\son[a-z]+=|<script(>|\s+[^>]*>[^<])|javascript:`)
	for _, path := range pagePaths {
		body := bodyOf(t, serve(t, Options{Token: "123456"}, "GET", path))
		if found := inline.FindString(body); found != "" {
			t.Errorf("%s has %q", path, found)
		}
	}
}

func TestAssets(t *testing.T) {
	for path, want := range assetTypes {
		res := serve(t, Options{}, "GET", path)
		if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != want || bodyOf(t, res) == "" {
			t.Errorf("%s: status %d, Content-Type %q, want %q", path, res.StatusCode, res.Header.Get("Content-Type"), want)
		}
	}
}

// A page must not ask for a file of the demo that is not served.
func TestPagesReferToWhatIsServed(t *testing.T) {
	reference := regexp.MustCompile(`(?:src|href)="(/demo/[^"]*)"`)
	for _, path := range pagePaths {
		for _, m := range reference.FindAllStringSubmatch(bodyOf(t, serve(t, Options{}, "GET", path)), -1) {
			if res := serve(t, Options{}, "GET", m[1]); res.StatusCode != http.StatusOK {
				t.Errorf("%s refers to %s, which answers %d", path, m[1], res.StatusCode)
			}
		}
	}
}

func TestStatus(t *testing.T) {
	for _, c := range []struct {
		method, path string
		want         int
	}{
		{"GET", "/demo/", 200},
		{"HEAD", "/demo/", 200},
		{"HEAD", "/demo/home", 200},
		{"HEAD", "/demo/demo.css", 200},
		{"POST", "/demo/", 405},
		{"POST", "/demo/back", 405},
		{"DELETE", "/demo/scene.js", 405},
		{"OPTIONS", "/demo/home", 405},
		{"GET", "/demo/nothing", 404},
		{"POST", "/demo/nothing", 404},
		{"GET", "/demo/home/", 404},
		{"GET", "/demo/pages/layout.html", 404},
		{"GET", "/demo/assets/demo.css", 404},
		{"GET", "/", 404},
		{"GET", "/home", 404},
	} {
		res := serve(t, Options{Token: "123456"}, c.method, c.path)
		if res.StatusCode != c.want {
			t.Errorf("%s %s: status %d, want %d", c.method, c.path, res.StatusCode, c.want)
		}
		if c.want == 405 && res.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s %s: Allow %q", c.method, c.path, res.Header.Get("Allow"))
		}
		for name, want := range map[string]string{
			"Content-Security-Policy": contentSecurityPolicy,
			"X-Content-Type-Options":  "nosniff",
			"X-Frame-Options":         "DENY",
			"Referrer-Policy":         "no-referrer",
			"Cache-Control":           "no-store",
		} {
			if got := res.Header.Get(name); got != want {
				t.Errorf("%s %s: %s %q, want %q", c.method, c.path, name, got, want)
			}
		}
	}
}

func TestNegotiate(t *testing.T) {
	for _, c := range []struct {
		header string
		want   language
	}{
		{"", english},
		{"zh", chinese},
		{"zh-CN,zh;q=0.9,en;q=0.8", chinese},
		{"ZH-hans", chinese},
		{"zh-Hant-TW", chinese},
		{"en-US,en;q=0.9,zh-CN;q=0.8", english},
		{"en;q=0.8,zh;q=0.9", chinese},
		{"en;q=0.899,zh;q=0.9", chinese},
		{"en ; q=0.2 , zh ; q=0.3", chinese},
		{"en;Q=0.2,zh;Q=0.3", chinese},
		{"zh,en", chinese},
		{"en,zh", english},
		{"fr", english},
		{"fr,zh;q=0.1", chinese},
		{"fr,*;q=0.1", english},
		{"*", english},
		{"*,zh", chinese},
		{"zh;q=0.5,*", english},
		{"en;q=0,*", chinese},
		{"en;q=0,zh;q=0", english},
		{"zh;q=0", english},
		{"zha", english},
		{"zh-CN;q=0.2,en;q=0.5,zh-TW;q=0.9", chinese},
		{"zh;q=2,en;q=0.1", english},
		{"zh;q=1.001,en;q=0.1", english},
		{"zh;q=NaN,en;q=0.1", english},
		{"zh;q=-1,en;q=0.1", english},
		{"zh;q=0.1234,en;q=0.1", english},
		{"zh;q=,en;q=0.1", english},
		{"zh;level=1,en;q=0.1", english},
		{",;,q=,zh;q=1.000", chinese},
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
		if _, ok := translations[negotiate(header)]; !ok {
			t.Errorf("negotiate(%q) is a language without texts", header)
		}
	})
}

func TestTranslationsAreComplete(t *testing.T) {
	placeholder := regexp.MustCompile(`\{\w+\}`)
	for _, lang := range []language{chinese, english} {
		texts := reflect.ValueOf(translations[lang])
		for i := range texts.NumField() {
			name := texts.Type().Field(i).Name
			if texts.Field(i).String() == "" {
				t.Errorf("%s: %s is empty", lang, name)
			}
			got := placeholder.FindAllString(texts.Field(i).String(), -1)
			want := placeholder.FindAllString(reflect.ValueOf(translations[english]).Field(i).String(), -1)
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("%s: %s has the placeholders %q, and in English %q", lang, name, got, want)
			}
		}
	}
}
