package server_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"scenecast/config"
	"scenecast/language"
)

// TestSettingsCall: GET /v1/settings tells what is in force without secrets, and what a reload would change; it changes nothing.
func TestSettingsCall(t *testing.T) {
	s := startReloadable(t, map[string]string{"debug.listen": "127.0.0.1:0"})
	ask := func(key string) string {
		t.Helper()
		target := "/v1/settings"
		if key != "" {
			target += "?key=" + key
		}
		status, answer := s.call(http.MethodGet, target, adminKey, "", "")
		if status != http.StatusOK {
			t.Fatalf("%s: %d %s", target, status, answer)
		}
		return answer
	}
	if got := ask(""); !strings.Contains(got, `"api_keys":[{"name":"all","key":"(hidden)"`) || strings.Contains(got, apiKey) || strings.Contains(got, pageToken) {
		t.Errorf("all settings: %s", got)
	}
	for key, want := range map[string]string{
		"drain":              `{"settings":{"drain":"10s"},"changed":[]}`,
		"debug.listen":       `{"settings":{"debug":{"listen":"127.0.0.1:0"}},"changed":[]}`,
		"websocket":          `{"settings":{"websocket":{"max_message":"64KiB",`,
		"http.max_body":      `{"settings":{"http":{"max_body":"256KiB"}},"changed":[]}`,
		"labels.client":      `{"settings":{"labels":{"client":null}},"changed":[]}`,
		"limits.accept_rate": `{"settings":{"limits":{"accept_rate":0}},"changed":[]}`,
	} {
		if got := ask(key); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s, want %s", key, got, want)
		}
	}
	for target, want := range map[string]int{"/v1/settings?key=nope": 404, "/v1/settings?key=drain.x": 404, "/v1/settings?key=": 400} {
		if status, answer := s.call(http.MethodGet, target, adminKey, "", ""); status != want || !strings.Contains(answer, `"where":"key"`) {
			t.Errorf("%s: %d %s, want %d", target, status, answer, want)
		}
	}

	s.set(map[string]string{"drain": "9s", "history.max_count": "77", "api_keys": "[{name: admin, key: another-secret-of-all, allow: [admin]}]"})
	const drain = `{"setting":"drain","in_force":"10s","in_file":"9s","live":true}`
	const history = `{"setting":"history.max_count","in_force":100000,"in_file":77,"live":false}`
	got := ask("")
	if !strings.Contains(got, drain) || !strings.Contains(got, history) || !strings.Contains(got, `{"setting":"api_keys","in_force":[{"name":"all","key":"(hidden)"`) ||
		strings.Contains(got, "another-secret") {
		t.Errorf("what a reload would change: %s", got)
	}
	if got, want := ask("history"), `"changed":[`+history+`]}`; !strings.HasSuffix(got, want) {
		t.Errorf("of a section: %s, want %s", got, want)
	}
	if c := s.Config(); c.History.MaxCount == 77 {
		t.Error("it has changed something")
	}
}

// TestSettingsThatCannotBeRead: the call tells the mistakes of a configuration, with their places.
func TestSettingsThatCannotBeRead(t *testing.T) {
	s := startWith(t, nil, func(o *options) {
		o.Load = func() (*config.Loaded, error) {
			return nil, errors.Join(&config.Mistake{Source: "a.yaml:3", Key: "drain", Detail: language.Textf("is nothing")}, errors.New("b"))
		}
	})
	status, answer := s.call(http.MethodGet, "/v1/settings?key=drain", adminKey, "", "")
	const want = `{"settings":{"drain":"10s"},"changed":[],"problem":{"title":"Unprocessable Entity","status":422,"kind":"invalid_configuration",` +
		`"detail":"a reload would change nothing, because the configuration has mistakes: a.yaml:3: drain: is nothing; b","mistakes":["a.yaml:3: drain: is nothing","b"]}}`
	if status != http.StatusOK || answer != want {
		t.Errorf("%d %s\nwant %s", status, answer, want)
	}
}
