package demo

import (
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"scenecast/webpage"
)

func serve(t *testing.T, o Options, method, target string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, target, nil)
	if o.Key == "" {
		o.Key = "key"
	}
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
	pagePaths  = []string{"/demo/", "/demo/home", "/demo/list", "/demo/back", "/demo/playground"}
	assetTypes = map[string]string{
		"/demo/demo.css": "text/css; charset=utf-8",
		"/demo/page.js":  "text/javascript; charset=utf-8",
		"/demo/scene.js": "text/javascript; charset=utf-8",
		"/demo/back.js":  "text/javascript; charset=utf-8",
		"/demo/icon.svg": "image/svg+xml",

		"/demo/playground.js": "text/javascript; charset=utf-8",
		"/demo/audience.js":   "text/javascript; charset=utf-8",
		"/demo/network.js":    "text/javascript; charset=utf-8",
		"/demo/calls.js":      "text/javascript; charset=utf-8",
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
			if got := res.Header.Get("Vary"); got != "Accept-Language, Cookie" {
				t.Errorf("%s: Vary %q", path, got)
			}
			if !strings.Contains(body, `<html lang="`+want+`">`) {
				t.Errorf("%s, Accept-Language %q: no lang=%q", path, accept, want)
			}
			if han := regexp.MustCompile(`\p{Han}`).MatchString(strings.Replace(body, webpage.LanguageSwitch(webpage.English), "", 1)); han != (want == "zh-CN") {
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
		want := `<script src="../scenecast.js" data-token="123456" data-page="` + scene + `" data-popup></script>`
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
	for _, path := range pagePaths {
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
		again := serve(t, Options{}, "GET", path, "If-None-Match", res.Header.Get("Etag"))
		if again.StatusCode != http.StatusNotModified || res.Header.Get("Cache-Control") != "no-cache" {
			t.Errorf("%s again: status %d, Cache-Control %q", path, again.StatusCode, res.Header.Get("Cache-Control"))
		}
	}
}

// A page must not ask for a file of the demo that is not served, and names none by an absolute path, which a proxy's prefix
// would be missing from.
func TestPagesReferToWhatIsServed(t *testing.T) {
	reference := regexp.MustCompile(`(?:src|href)="([^"<]+)"`)
	for _, path := range pagePaths {
		base, _ := url.Parse(path)
		found := reference.FindAllStringSubmatch(bodyOf(t, serve(t, Options{}, "GET", path)), -1)
		if len(found) < 6 {
			t.Errorf("%s refers to %q only", path, found)
		}
		for _, m := range found {
			target, err := base.Parse(m[1])
			if err != nil || strings.HasPrefix(m[1], "/") {
				t.Errorf("%s refers to %s (%v)", path, m[1], err)
			} else if res := serve(t, Options{}, "GET", target.Path); strings.HasPrefix(target.Path, "/demo/") && res.StatusCode != http.StatusOK {
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
		{"HEAD", "/demo/playground", 200},
		{"POST", "/demo/playground", 405},
		{"GET", "/demo/pushes/", 404},
		{"POST", "/demo/nothing", 404},
		{"GET", "/demo/home/", 404},
		{"GET", "/demo/pages.qtpl", 404},
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
			"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " +
				"connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
			"X-Content-Type-Options": "nosniff",
			"X-Frame-Options":        "DENY",
			"Referrer-Policy":        "no-referrer",
			"Cache-Control":          "no-store",
		} {
			if name == "Cache-Control" && strings.Contains(c.path, ".") && c.want == 200 {
				want = "no-cache" // a file
			}
			if got := res.Header.Get(name); got != want {
				t.Errorf("%s %s: %s %q, want %q", c.method, c.path, name, got, want)
			}
		}
	}
}

func TestTranslationsAreComplete(t *testing.T) {
	placeholder := regexp.MustCompile(`\{\w+\}`)
	for _, lang := range []webpage.Language{webpage.Chinese, webpage.English} {
		texts := reflect.ValueOf(translations[lang])
		for i := range texts.NumField() {
			name := texts.Type().Field(i).Name
			if texts.Field(i).String() == "" {
				t.Errorf("%s: %s is empty", lang, name)
			}
			got := placeholder.FindAllString(texts.Field(i).String(), -1)
			want := placeholder.FindAllString(reflect.ValueOf(translations[webpage.English]).Field(i).String(), -1)
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("%s: %s has the placeholders %q, and in English %q", lang, name, got, want)
			}
		}
	}
}
