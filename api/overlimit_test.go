package api_test

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"scenecast"
	"scenecast/api"
	"scenecast/auth"
	"scenecast/label"
	"scenecast/problem"
	"scenecast/push"
)

// TestOverLimitNamesItsField: a field, a parameter or a header that is over its limit is the one that the problem names, in every call that takes any.
func TestOverLimitNamesItsField(t *testing.T) {
	long, many := strings.Repeat("x", 10_000), strings.Repeat("9", 30)
	audience := `page == \"` + long + `\"`
	messages := `{"to":"*","message":"` + long + `"}`
	limits := push.DefaultLimits
	limits.Frame = 4 << 10
	tooLarge := problem.New(problem.TooLarge, "the message has %d bytes, and the log takes records of %d", 3, 2).At("message") // as package engine/cluster says
	keys := new(auth.Keys)
	keys.Add(auth.Key{App: "shop", Scopes: auth.Scopes}, "all")
	f := newFixture(t)
	service, revoking := push.NewService(broken{}, limits, greet), broken{submit: tooLarge}
	f.pusher.submit = service.Submit
	a := api.New(api.Options{
		FindKey: keys.Find, MaxBody: 1 << 20, Timeout: time.Minute, Pusher: &f.pusher, Asker: &f.asker, Log: &f.pushes, Publish: revoking,
		Rules: func(string) label.Rules {
			return label.Rules{Limits: label.Limits{Count: 3, KeyBytes: 8, ValueBytes: 8}}
		},
		MayRevoke:     func(scenecast.Revocation) bool { return true },
		TokenLifetime: func(string) time.Duration { return time.Hour },
	})
	checked := make(map[string]bool)
	for _, c := range []struct{ method, target, body, where string }{
		{"POST", "/v1/push", `{"message":1,"to":"` + audience + `"}`, "to"},
		{"POST", "/v1/push", `{"message":1,"to":"*","except":"` + audience + `"}`, "except"},
		{"POST", "/v1/push", messages, "message"},
		{"POST", "/v1/push", `{"to":"*","message":1,"event":"` + long + `"}`, "event"},
		{"POST", "/v1/push", `{"to":"*","message":1,"ttl":"25h"}`, "ttl"},
		{"POST", "/v1/push", `{"to":"*","message":1,"coalesce":"` + long + `"}`, "coalesce"},
		{"POST", "/v1/push", `{"to":"*","message":1,"ttl":"1h","retain":"` + long + `"}`, "retain"},
		{"POST", "/v1/push", `{"to":"*","message":1,"receipt":"acked","timeout":"31s"}`, "timeout"},
		{"POST", "/v1/push", `{"to":"*","message":1,"id":"` + long + `"}`, "id"},
		{"POST", "/v1/audience", `{"to":"` + audience + `"}`, "to"},
		{"POST", "/v1/audience", `{"to":"*","except":"` + audience + `"}`, "except"},
		{"POST", "/v1/audience", `{"to":"*","sample":1001}`, "sample"},
		{"POST", "/v1/audience/explain", `{"to":"` + audience + `"}`, "to"},
		{"POST", "/v1/audience/explain", `{"to":"*","connection":"7.1","except":"` + audience + `"}`, "except"},
		{"POST", "/v1/audience/explain", `{"to":"*","connection":"` + many + `.1"}`, "connection"},
		{"POST", "/v1/audience/explain", `{"to":"*","labels":{"page":"` + long + `"}}`, "labels.page"},
		{"POST", "/v1/labels", `{"to":"` + audience + `","set":{"a":"b"}}`, "to"},
		{"POST", "/v1/labels", `{"to":"*","set":{"page":"` + long + `"}}`, "set.page"},
		{"POST", "/v1/disconnect", `{"to":"` + audience + `"}`, "to"},
		{"POST", "/v1/disconnect", `{"to":"*","reason":"` + long + `"}`, "reason"},
		{"POST", "/v1/disconnect", `{"to":"*","code":5000}`, "code"},
		{"POST", "/v1/revoke", `{"user":"` + long + `"}`, "user"},
		{"POST", "/v1/revoke", `{"jti":"` + long + `"}`, "jti"},
		{"POST", "/v1/revoke", `{"to":"` + audience + `"}`, "to"},
		{"POST", "/v1/revoke", `{"user":"42","before":"2999-01-01T00:00:00Z"}`, "before"},
		{"GET", "/v1/connections?to=*&limit=10001", "", "limit"},
		{"GET", "/v1/connections?to=*&after=" + many + ".1", "", "after"},
		{"GET", "/v1/connections?to=page+%3D%3D+%22" + long + "%22", "", "to"},
		{"GET", "/v1/connections/" + many + ".1", "", "id"},
		{"GET", "/v1/labels?key=page&limit=10001", "", "limit"},
		{"GET", "/v1/scenes?by=a,b,c,d", "", "by"},
		{"GET", "/v1/scenes?by=page&limit=10001", "", "limit"},
		{"GET", "/v1/pushes?limit=10001", "", "limit"},
		{"GET", "/v1/pushes?since=" + many + "-1", "", "since"},
		{"GET", "/v1/pushes?connection=" + many + ".1", "", "connection"},
		{"GET", "/v1/stats?window=2h", "", "window"},
		{"GET", "/v1/feed?to=page+%3D%3D+%22" + long + "%22", "", "to"},
		{"GET", "/v1/feed?events=" + long, "", "events"},
	} {
		r := httptest.NewRequest(c.method, c.target, strings.NewReader(c.body))
		r.Header.Set("Authorization", "Bearer all")
		w := httptest.NewRecorder()
		a.ServeHTTP(w, r)
		var answer struct{ Where string }
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || answer.Where != c.where || w.Code < 400 || w.Code >= 500 {
			t.Errorf("%s %.60s %.60s: %d %.300s, want it at %s", c.method, c.target, c.body, w.Code, w.Body, c.where)
		}
		path, _, _ := strings.Cut(c.target, "?")
		if strings.HasPrefix(path, "/v1/connections/") {
			path = "/v1/connections/{id}"
		}
		checked[c.method+" "+path] = true
	}
	for _, call := range strings.Fields(`POST/v1/triggers/{name} GET/v1/pushes/{id} POST/v1/hooks/{name}/retry GET/v1/presence GET/v1/settings
		POST/v1/reload POST/v1/drain GET/v1/drain DELETE/v1/drain GET/v1/nodes GET/v1/self GET/v1/address GET/v1/hooks GET/metrics`) { // take names, times without a bound, or nothing
		method, path, _ := strings.Cut(call, "/")
		checked[method+" /"+path] = true
	}
	for _, route := range api.Routes() {
		if call := route.Method + " " + route.Path; route.Scope != "" && !checked[call] {
			t.Errorf("of %s no field was checked", call)
		}
	}
}
