package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// revoke makes the call, and returns how many pages it has closed.
func (r *running) revoke(key, body string) int {
	r.t.Helper()
	status, answer := r.call(http.MethodPost, "/v1/revoke", key, "", body)
	var done struct{ Matched int }
	if err := json.Unmarshal([]byte(answer), &done); err != nil || status != http.StatusOK {
		r.t.Fatalf("revoke %s: %d %s", body, status, answer)
	}
	return done.Matched
}

// isRefused reports whether a token lets nobody in because it was revoked.
func (r *running) isRefused(token string) bool {
	r.t.Helper()
	c := r.native("token=" + token)
	defer func() { _ = c.CloseNow() }()
	ctx := r.t.Context()
	_, message, err := c.Read(ctx)
	if err == nil && strings.Contains(string(message), "welcome") {
		return false
	}
	if err == nil || !strings.Contains(err.Error(), "the page's token was revoked") {
		r.t.Errorf("%s, %v", message, err)
	}
	return true
}

// TestRevoke: the pages of revoked tokens are closed on every wire, the tokens let nobody in any more, and others go on.
func TestRevoke(t *testing.T) {
	s := startJWT(t, nil)
	ago := float64(time.Now().Add(-time.Minute).Unix())
	token := func(user, plan, id string, issued any) string {
		claims := map[string]any{"sub": user, "jti": id, "labels": map[string]any{"plan": plan}}
		if issued != nil {
			claims["iat"] = issued
		}
		return signed(t, jwtSecret, time.Hour, claims)
	}
	for _, c := range []struct {
		name, body string
		revoked    []string // tokens
		good       []string
	}{
		{"a user", `{"user":"42"}`, []string{token("42", "pro", "a", ago), token("42", "free", "b", nil)}, []string{token("43", "pro", "c", ago)}},
		{"one token", `{"jti":"d"}`, []string{token("44", "pro", "d", ago)}, []string{token("44", "pro", "e", ago)}},
		{"an audience", `{"to":{"plan":"trial"}}`, []string{token("45", "trial", "f", ago)}, []string{token("45", "pro", "g", ago)}},
		{"before a time", fmt.Sprintf(`{"user":"46","before":%f}`, ago), []string{token("46", "pro", "h", ago-10)}, []string{token("46", "pro", "i", ago), token("46", "pro", "j", ago+10)}},
		{"of another app", `{"user":"47"}`, nil, []string{signed(t, shopSecret, time.Hour, map[string]any{"sub": "47", "iss": "shop", "aud": "pages"})}},
	} {
		for range 2 { // to say it again does no harm
			pages := 0
			for _, token := range append(c.revoked, c.good...) {
				if !s.isRefused(token) { // it is let in, and leaves
					pages++
				}
			}
			if pages != len(c.good) && pages != len(c.good)+len(c.revoked) {
				t.Errorf("%s: %d tokens are good", c.name, pages)
			}
			s.awaitConnections(0)
			var stays, goes []string
			for _, token := range c.good {
				s.read(s.native("page=x&token=" + token))
				stays = append(stays, token)
			}
			if pages > len(c.good) {
				for _, token := range c.revoked {
					events := s.events("token=" + token)
					tutorial := s.pageAs(token, "")
					native := s.native("token=" + token)
					s.read(native)
					goes = append(goes, token)
					defer func() {
						if code := s.closeCode(tutorial); code != 4401 {
							t.Errorf("%s: the tutorial's wire is closed with %d", c.name, code)
						}
						if bye := s.goodbye(native); bye != "4401 the page's token was revoked" {
							t.Errorf("%s: %s", c.name, bye)
						}
						events.next() // the welcome
						if bye := events.next(); !strings.Contains(bye, `{"type":"close","code":4401,"reason":"the page's token was revoked"}`) {
							t.Errorf("%s: %s", c.name, bye)
						}
					}()
				}
			}
			s.awaitConnections(len(stays) + 3*len(goes))
			if closed := s.revoke(apiKey, c.body); closed != 3*len(goes) {
				t.Errorf("%s: %d pages are closed, want %d", c.name, closed, 3*len(goes))
			}
			s.awaitConnections(len(stays))
			for _, token := range c.revoked {
				if !s.isRefused(token) {
					t.Errorf("%s: a revoked token lets somebody in", c.name)
				}
			}
			s.call(http.MethodPost, "/v1/disconnect", apiKey, "", `{"to":"*"}`)
			s.call(http.MethodPost, "/v1/disconnect", shopKey, "", `{"to":"*"}`)
			s.awaitConnections(0)
		}
	}
	// A page that is connected cannot go on by a token that is revoked.
	fresh := s.native("token=" + token("48", "pro", "l", ago))
	s.read(fresh)
	s.revoke(apiKey, `{"jti":"m"}`)
	if answer := s.say(fresh, `{"type":"token","token":"`+token("48", "pro", "m", ago)+`"}`); !strings.Contains(answer, "was revoked") {
		t.Error(answer)
	}
}

// TestRevokeMistakes: what cannot be read revokes nothing.
func TestRevokeMistakes(t *testing.T) {
	s := startJWT(t, nil)
	for body, want := range map[string]string{
		`{}`:                       `"detail":"say which tokens: one of user, jti and to"`,
		`{"user":"1","jti":"2"}`:   `"detail":"say which tokens: one of user, jti and to"`,
		`{"user":""}`:              `"where":"user"`,
		`{"jti":""}`:               `"where":"jti"`,
		`{"user":7}`:               `"where":"user"`,
		`{"jti":"a","before":1}`:   `"where":"before"`,
		`{"user":"a","before":""}`: `"where":"before"`,
		`{"user":"a","before":"2999-01-01T00:00:00Z"}`: `takes a time that has passed`,
		`{"user":"a","before":-1}`:                     `"where":"before"`,
		`{"to":"plan =="}`:                             `"where":"to.column 8"`,
		`{"user":"a","app":"shop"}`:                    `"where":"app"`,
	} {
		if status, answer := s.call(http.MethodPost, "/v1/revoke", apiKey, "", body); status != 400 || !strings.Contains(answer, want) {
			t.Errorf("%s: %d %s, want %s", body, status, answer, want)
		}
	}
}

// TestRevokeConfined: a confined key revokes tokens that it reaches, and no others.
func TestRevokeConfined(t *testing.T) {
	s := startJWT(t, map[string]string{"api_keys": fmt.Sprintf(`[{name: all, key: %s}, {name: seven, key: %s, within: 'tenant == "7"'}]`, apiKey, "key-of-tenant-seven")})
	token := func(tenant string) string {
		return signed(t, jwtSecret, time.Hour, map[string]any{"sub": "42", "labels": map[string]any{"tenant": tenant}})
	}
	s.read(s.native("token=" + token("7")))
	s.read(s.native("token=" + token("8")))
	if closed := s.revoke("key-of-tenant-seven", `{"user":"42"}`); closed != 1 {
		t.Errorf("%d pages are closed, want 1", closed)
	}
	if !s.isRefused(token("7")) || s.isRefused(token("8")) {
		t.Error("a key that is confined to one tenant has revoked tokens of another, or not its own")
	}
}

// TestRevocationSurvives a restart of a node with a log on a disk, and a restart when the log has forgotten it.
func TestRevocationSurvives(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	settings := map[string]string{"data_dir": dir}
	token := signed(t, jwtSecret, time.Hour, map[string]any{"sub": "42"})
	s := startJWT(t, settings)
	s.read(s.native("token=" + token))
	if closed := s.revoke(apiKey, `{"user":"42"}`); closed != 1 {
		t.Errorf("%d pages are closed", closed)
	}
	s.end()
	file := filepath.Join(dir, "revocations.json")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	s = startJWT(t, settings)
	if !s.isRefused(token) {
		t.Error("by the log alone a revocation does not survive")
	}
	s.end()
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "revocations.json"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	s = startJWT(t, map[string]string{"data_dir": other})
	if !s.isRefused(token) {
		t.Error("by the file alone a revocation does not survive")
	}
}

// TestRevokeOnAllNodes: a revocation closes the pages of all nodes, and is in force on each when it has been answered.
func TestRevokeOnAllNodes(t *testing.T) {
	t.Parallel()
	nodes := startNodes(t, 3, map[string]string{"jwt.keys": fmt.Sprintf("[{key: %q}]", jwtSecret)})
	token := signed(t, jwtSecret, time.Hour, map[string]any{"sub": "42"})
	for _, s := range nodes {
		s.read(s.native("token=" + token))
	}
	status, answer := nodes[0].call(http.MethodPost, "/v1/revoke", apiKey, "", `{"user":"42"}`)
	if status != 200 || !strings.Contains(answer, `"matched":3,`) || !strings.Contains(answer, `"nodes":3,"nodes_known":3`) {
		t.Errorf("%d %s", status, answer)
	}
	for i, s := range nodes {
		if !s.isRefused(token) {
			t.Errorf("node %d lets in a revoked token", i)
		}
	}
}

// TestRevokeRate: revocations are pushes of their key's rate, because they go through the same log.
func TestRevokeRate(t *testing.T) {
	s := startJWT(t, map[string]string{"api_keys": "\n- {name: all, key: " + apiKey + "}\n- {name: slow, key: secret-of-slow-one, rate: {pushes: 1}}\n"})
	const tooFast = `"detail":"this API key pushes more often than its rate allows: 1 per second","setting":"api_keys"}`
	if answer := s.untilRefused("POST", "/v1/revoke", "secret-of-slow-one", `{"user":"42"}`); !strings.Contains(answer, tooFast) {
		t.Errorf("it is answered %s", answer)
	}
}
