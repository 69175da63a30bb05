package landing

import (
	"crypto/sha256"
	"encoding/base64"
	"html"
	"net/http"
	"net/http/httptest"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"scenecast/webpage"
)

func get(o Options, target string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	Handler(o).ServeHTTP(w, r)
	return w
}

func TestPageSpeaksTheBrowsersLanguage(t *testing.T) {
	for accept, want := range map[string]string{"zh-TW,en;q=0.5": "zh-CN", "en-GB,zh;q=0.5": "en", "": "en"} {
		for _, demo := range []bool{false, true} {
			w := get(Options{Demo: demo}, "/", "Accept-Language", accept)
			body := w.Body.String()
			for name, value := range map[string]string{
				"Content-Type": "text/html; charset=utf-8", "Content-Language": want, "Vary": "Accept-Language, Cookie", "Cache-Control": "no-cache",
			} {
				if got := w.Header().Get(name); got != value {
					t.Errorf("Accept-Language %q: %s %q, want %q", accept, name, got, value)
				}
			}
			if !strings.Contains(body, webpage.LanguageSwitch(webpage.Language(want))) {
				t.Errorf("Accept-Language %q: no link to the other language", accept)
			}
			if w.Code != http.StatusOK || !strings.Contains(body, `<html lang="`+want+`">`) {
				t.Errorf("Accept-Language %q: %d, no lang=%q", accept, w.Code, want)
			}
			if han := regexp.MustCompile(`\p{Han}`).MatchString(strings.Replace(body, webpage.LanguageSwitch(webpage.English), "", 1)); han != (want == "zh-CN") {
				t.Errorf("Accept-Language %q: Chinese characters: %v", accept, han)
			}
		}
	}
}

func TestDemoIsLinkedWhereItIsServed(t *testing.T) {
	for _, demo := range []bool{false, true} {
		body := get(Options{Demo: demo}, "/").Body.String()
		if got := strings.Contains(body, `href="demo/"`); got != demo {
			t.Errorf("the demo is served: %v; linked: %v", demo, got)
		}
		if !strings.Contains(body, `href="v1/docs"`) {
			t.Error("the API's documentation is not linked")
		}
	}
}

// What a reader copies is the text of a snippet, so that text must be whole, with this server's address.
func TestSnippetsAreWhole(t *testing.T) {
	var texts []string
	body := get(Options{}, "https://push.example.com/").Body.String()
	for _, m := range regexp.MustCompile(`(?s)<pre[^>]*>(.*?)</pre>`).FindAllStringSubmatch(body, -1) {
		texts = append(texts, html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(m[1], "")))
	}
	want := []string{
		"<script src=\"https://push.example.com/scenecast.js\"\n  data-token=\"CLIENT_TOKEN\" data-page=\"home\" data-popup></script>",
		"curl https://push.example.com/v1/push \\\n  -H 'Authorization: Bearer API_KEY' \\\n  -d '{\"to\": {\"page\": \"home\"}, \"message\": \"hello\"}'",
	}
	if !reflect.DeepEqual(texts, want) {
		t.Errorf("the snippets are\n%s\nwant\n%s", strings.Join(texts, "\n"), strings.Join(want, "\n"))
	}
	if n := strings.Count(body, `<button class="copy"`); n != len(want) {
		t.Errorf("%d buttons copy %d snippets", n, len(want))
	}
}

// The policy names the page's own style and script by their digests, so those must be the ones that the page has.
func TestPolicyLetsInThePageAsItIs(t *testing.T) {
	w := get(Options{Demo: true}, "/")
	policy := w.Header().Get("Content-Security-Policy")
	for _, element := range []string{"style", "script"} {
		found := regexp.MustCompile(`(?s)<`+element+`>(.*?)</`+element+`>`).FindAllStringSubmatch(w.Body.String(), -1)
		if len(found) != 1 {
			t.Fatalf("%d elements <%s>", len(found), element)
		}
		sum := sha256.Sum256([]byte(found[0][1]))
		want := element + "-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
		if !strings.HasPrefix(policy, "default-src 'none'; ") || !strings.Contains(policy, want) {
			t.Errorf("the policy is %s, and the page needs %s", policy, want)
		}
	}
	if inline := regexp.MustCompile(`(?i)\sstyle=|\son[a-z]+=|javascript:`).FindString(w.Body.String()); inline != "" {
		t.Errorf("the page has %q, which the policy refuses", inline)
	}
}

func TestHostIsEscaped(t *testing.T) {
	r := httptest.NewRequest("GET", "/", nil)
	r.Host = `<script>x</script>`
	w := httptest.NewRecorder()
	Handler(Options{}).ServeHTTP(w, r)
	if strings.Contains(w.Body.String(), "<script>x") {
		t.Errorf("the host is markup in\n%s", w.Body)
	}
}

func TestTranslationsAreComplete(t *testing.T) {
	for _, lang := range []webpage.Language{webpage.Chinese, webpage.English} {
		texts := reflect.ValueOf(translations[lang])
		for i := range texts.NumField() {
			if texts.Field(i).String() == "" {
				t.Errorf("%s: %s is empty", lang, texts.Type().Field(i).Name)
			}
			if strings.Count(texts.Field(i).String(), "`")%2 != 0 {
				t.Errorf("%s: %s has a backquote without its other", lang, texts.Type().Field(i).Name)
			}
		}
	}
}
