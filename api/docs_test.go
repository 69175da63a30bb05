package api_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestAssets need no key, and are asked for again only when they have changed.
func TestAssets(t *testing.T) {
	server := httptest.NewServer(newFixture(t))
	defer server.Close()
	get := func(path, tag string) *http.Response {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("If-None-Match", tag)
		response, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		return response
	}
	tags := make(map[string]bool)
	for path, media := range map[string]string{
		"/v1/openapi.json":            "application/json",
		"/v1/docs":                    "text/html; charset=utf-8",
		"/v1/docs/docs.css":           "text/css; charset=utf-8",
		"/v1/docs/docs.js":            "text/javascript; charset=utf-8",
		"/v1/docs/icon.svg":           "image/svg+xml",
		"/v1/docs/openapi.zh-CN.json": "application/json",
		"/v1/docs?from=mail":          "text/html; charset=utf-8",
	} {
		response := get(path, `"other"`)
		h := response.Header
		if response.StatusCode != 200 || h.Get("Content-Type") != media || h.Get("Cache-Control") != "no-cache" ||
			h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("GET %s: %s %v", path, response.Status, h)
		}
		tags[h.Get("Etag")] = true
		if again := get(path, h.Get("Etag")); again.StatusCode != http.StatusNotModified {
			t.Errorf("GET %s again: %s", path, again.Status)
		}
	}
	if len(tags) != 6 || tags[""] {
		t.Errorf("six files have the tags %v", tags)
	}
}

// TestDescriptionIsEnglish: programs get the same description, whatever their language.
func TestDescriptionIsEnglish(t *testing.T) {
	want, err := os.ReadFile("openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	f := newFixture(t)
	r := httptest.NewRequest("GET", "/v1/openapi.json", nil)
	r.Header.Set("Accept-Language", "zh")
	r.Header.Set("Cookie", "scenecast_lang=zh")
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	if got := w.Body.String(); got != string(want) || w.Header().Get("Vary") != "" {
		t.Errorf("in Chinese the description is %.200s, with %v", got, w.Header())
	}
}

// TestDocsLanguage: the page is in the language that the reader has chosen, or that the browser prefers, with no text missing.
func TestDocsLanguage(t *testing.T) {
	f := newFixture(t)
	tags := make(map[string]bool)
	for _, c := range []struct{ target, accept, cookie, want string }{
		{"/v1/docs", "", "", "en"},
		{"/v1/docs", "zh", "", "zh-CN"},
		{"/v1/docs", "zh", "en", "en"},
		{"/v1/docs?lang=zh-CN", "en", "en", "zh-CN"},
	} {
		r := httptest.NewRequest("GET", c.target, nil)
		r.Header.Set("Accept-Language", c.accept)
		r.Header.Set("Cookie", "scenecast_lang="+c.cookie)
		w := httptest.NewRecorder()
		f.ServeHTTP(w, r)
		page, h := w.Body.String(), w.Header()
		if h.Get("Content-Language") != c.want || h.Get("Vary") != "Accept-Language, Cookie" || !strings.Contains(page, `<html lang="`+c.want+`">`) {
			t.Errorf("%+v: %v\n%s", c, h, page)
		}
		if got := w.Result().Cookies(); (len(got) == 1) != strings.Contains(c.target, "lang=") {
			t.Errorf("%+v: the cookies are %v", c, got)
		}
		if empty := regexp.MustCompile(` [a-z-]+=""`).FindAllString(strings.Replace(page, ` alt=""`, "", 1), -1); empty != nil {
			t.Errorf("%+v: there is no text for %q", c, empty)
		}
		tags[h.Get("Etag")] = true
	}
	if len(tags) != 2 {
		t.Errorf("pages in two languages have the tags %v", tags)
	}
}

// TestTagsInChinese: the site's reference of the API has names in Chinese for each tag, and for no others.
func TestTagsInChinese(t *testing.T) {
	text, err := os.ReadFile("../site/openapi-words.mjs")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "export const tags = {\n")
	table, _, _ = strings.Cut(table, "\n}\n")
	var got, want []string
	for _, m := range regexp.MustCompile(`(?m)^  (\w+): '\p{Han}+',$`).FindAllStringSubmatch(table, -1) {
		got = append(got, m[1])
	}
	var description struct {
		Tags []struct{ Name string }
	}
	readJSON(t, "openapi.json", &description)
	for _, tag := range description.Tags {
		want = append(want, tag.Name)
	}
	if slices.Sort(got); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
		t.Errorf("site/openapi-words.mjs has the tags %q, and openapi.json %q", got, want)
	}
}

// TestDocsPolicy: the page lets in its own files and nothing else, and has all that it asks for.
func TestDocsPolicy(t *testing.T) {
	const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	f := newFixture(t)
	w := f.call("GET", "/v1/docs", "", nil)
	if got := w.Header().Get("Content-Security-Policy"); got != policy {
		t.Errorf("the policy is %s", got)
	}
	page := w.Body.String()
	for _, forbidden := range []string{"<style", " style=", " onclick=", "//"} {
		if strings.Contains(page, forbidden) {
			t.Errorf("the page has %s", forbidden)
		}
	}
	links := regexp.MustCompile(`(?:src|href)="([^"#?]+)"`).FindAllStringSubmatch(page, -1)
	if len(links) < 4 {
		t.Errorf("the page links to %q", links)
	}
	for _, link := range links {
		if link[1] == "../" {
			continue // the landing page is not this package's
		}
		w := httptest.NewRecorder()
		if f.ServeHTTP(w, httptest.NewRequest("GET", "/v1/"+link[1], nil)); w.Code != 200 {
			t.Errorf("the page links to %s: %d", link[1], w.Code)
		}
	}
	script, err := os.ReadFile("docs/docs.js")
	if err != nil {
		t.Fatal(err)
	}
	for _, forbidden := range []string{"innerHTML", "eval(", "https://", "http://"} {
		if strings.Contains(string(script), forbidden) {
			t.Errorf("the script has %s", forbidden)
		}
	}
}
