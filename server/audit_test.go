package server_test

import (
	"regexp"
	"strings"
	"testing"
)

// auditLines are the lines of the log about calls that change something, without their times.
func (r *running) auditLines() (lines []string) {
	for line := range strings.Lines(r.log.String()) {
		if strings.Contains(line, "msg=audit ") {
			lines = append(lines, regexp.MustCompile(`^time=\S+ `).ReplaceAllString(strings.TrimSpace(line), ""))
		}
	}
	return lines
}

// TestAudit: each call that changes something is a line that says who has made it, to whom, and how many it has touched. Other calls,
// and those that are not let in, are none.
func TestAudit(t *testing.T) {
	s := start(t, map[string]string{"api_keys": confinedSettings, "client_tokens": "[" + pageToken + ", {token: page-of-7, labels: {tenant: '7'}}]"}, nil)
	s.page("page=home")
	s.pageAs("page-of-7", "page=home")
	for _, c := range []struct{ method, target, key, body string }{
		{"POST", "/v1/labels", apiKey, `{"to":{"page":"home"},"set":{"plan":"secret plan"},"remove":["x"]}`},
		{"POST", "/v1/labels", tenantKey, `{"to":"*","set":{"plan":"pro"}}`},
		{"POST", "/v1/labels", tenantKey, `{"to":"*","set":{"tenant":"8"}}`},
		{"POST", "/v1/labels", apiKey, `{`},
		{"POST", "/v1/disconnect", tenantKey, `{"to":"*","code":4001,"reason":"a reason"}`},
		{"POST", "/v1/labels", "wrong", `{"to":"*","set":{"plan":"pro"}}`},
		{"POST", "/v1/push", apiKey, `{"to":"*","message":1}`},
		{"GET", "/v1/connections", apiKey, ""},
	} {
		s.call(c.method, c.target, c.key, "", c.body)
	}
	want := []string{
		`level=INFO msg=audit call="POST /v1/labels" app=default key=all to="page == \"home\"" labels="[plan x]" matched=2 changed=2`,
		`level=INFO msg=audit call="POST /v1/labels" app=default key=seven within="tenant == \"7\"" to=* labels=[plan] matched=1 changed=1`,
		`level=INFO msg=audit call="POST /v1/labels" app=default key=seven within="tenant == \"7\"" to=* labels=[tenant] matched=0 changed=0 ` +
			`kind=forbidden why="this API key is confined by the label tenant, and cannot change it (setting: api_keys)"`,
		`level=INFO msg=audit call="POST /v1/labels" app=default key=all kind=invalid why="the body is not valid JSON: line 1, column 2: it breaks off"`,
		`level=INFO msg=audit call="POST /v1/disconnect" app=default key=seven within="tenant == \"7\"" to=* code=4001 matched=1`,
	}
	if got := s.auditLines(); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the log has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
