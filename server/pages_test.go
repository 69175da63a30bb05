package server_test

import (
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"scenecast/demo"
)

// withDemo serves the demo as well, as the command demo does.
func withDemo(o *options) {
	o.Pages = map[string]http.Handler{"/demo/": demo.Handler(demo.Options{Token: pageToken})}
}

// behindPrefix is a proxy that passes on what is below /push/ without that prefix, and nothing else, as nginx does with
// `location /push/ { proxy_pass http://127.0.0.1:9502/; }`.
func (r *running) behindPrefix() (base string) {
	r.t.Helper()
	forward := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: r.addr})
	transport := new(http.Transport)
	forward.Transport = transport
	mux := http.NewServeMux()
	mux.Handle("/push/", http.StripPrefix("/push", forward))
	proxy := httptest.NewServer(mux)
	r.t.Cleanup(func() {
		proxy.Close()
		transport.CloseIdleConnections()
	})
	return proxy.URL + "/push/"
}

func fetch(t *testing.T, address string) (status int, body string) {
	t.Helper()
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := (&http.Client{Transport: transport}).Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(content)
}

// reference is what a page or its style sheet refers to. In a snippet, an address is not whole in one attribute.
var reference = regexp.MustCompile(`(?:src|href)="([^"<#]+)"`)

func TestPagesBehindAPrefix(t *testing.T) {
	s := startWith(t, nil, withDemo)
	base := s.behindPrefix()
	seen := make(map[string]bool)
	for waiting := []string{base}; len(waiting) > 0; waiting = waiting[1:] {
		address := waiting[0]
		if seen[address] {
			continue
		}
		seen[address] = true
		status, body := fetch(t, address)
		if status != http.StatusOK || !strings.HasPrefix(address, base) {
			t.Errorf("%s is answered %d", address, status)
		}
		from, _ := url.Parse(address)
		if !strings.HasPrefix(body, "<!DOCTYPE html>") {
			continue
		}
		for _, m := range reference.FindAllStringSubmatch(body, -1) {
			if strings.HasPrefix(m[1], "data:") {
				continue
			}
			to, err := from.Parse(html.UnescapeString(m[1]))
			if err != nil {
				t.Errorf("%s refers to %s: %v", address, m[1], err)
				continue
			}
			to.Fragment = ""
			waiting = append(waiting, to.String())
		}
	}
	if status, body := fetch(t, base+"demo"); status != http.StatusOK || !strings.Contains(body, "demo.css") {
		t.Errorf("without its slash, the demo is answered %d %.200s", status, body)
	}
	for _, path := range []string{"", "demo/", "demo/home", "demo/list", "demo/back", "demo/demo.css", "scenecast.js",
		"v1/docs", "v1/docs/docs.css", "v1/docs/docs.js", "v1/openapi.json"} {
		if !seen[base+path] {
			t.Errorf("from %s, no link leads to %s", base, path)
		}
	}
}

// The curl lines of the landing page and of the demo work when they are pasted, but for the key that the reader has to put in.
func TestSnippetsOfPagesWork(t *testing.T) {
	s := startWith(t, map[string]string{"page_token_may_trigger": "true"}, withDemo)
	s.page("page=home")
	for path, want := range map[string]string{
		"/":      `"matched":1,"queued":1`,
		"/demo/": `"message":"reached 1 page"`,
	} {
		_, body := s.call(http.MethodGet, path, "", "", "")
		run := 0
		for _, m := range regexp.MustCompile(`(?s)<pre[^>]*>(.*?)</pre>`).FindAllStringSubmatch(body, -1) {
			line := html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(m[1], ""))
			if !strings.HasPrefix(line, "curl ") {
				continue
			}
			run++
			line = strings.ReplaceAll(line, "API_KEY", apiKey)
			out, err := exec.Command("sh", "-c", line+" --silent --show-error --fail-with-body").CombinedOutput()
			if err != nil || !strings.Contains(string(out), want) {
				t.Errorf("%s shows\n%s\nwhich answers %s (%v), want %s", path, line, out, err, want)
			}
		}
		if run != 1 {
			t.Errorf("%s shows %d curl lines", path, run)
		}
	}
}

// A proxy may end TLS, and strip a prefix: then the server knows neither, and the address that it shows is for browsers without
// scripts. A program that reads the description resolves its server against the address where it has found it.
func TestDescriptionBehindAPrefix(t *testing.T) {
	s := start(t, nil, nil)
	base := s.behindPrefix()
	const path = "v1/openapi.json"
	_, text := fetch(t, base+path)
	m := regexp.MustCompile(`"servers": \[\{"url": "([^"]*)"\}\]`).FindStringSubmatch(text)
	if m == nil {
		t.Fatal("the description names no server")
	}
	from, _ := url.Parse(base + path)
	got, err := from.Parse(m[1])
	if err != nil || got.String() != base {
		t.Errorf("the description's server is %s (%v), want %s", got, err, base)
	}
}
