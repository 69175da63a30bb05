package api_test

import (
	"net/http/httptest"
	"regexp"
	"testing"

	"scenecast"
	"scenecast/api"
	"scenecast/audience"
	"scenecast/auth"
)

// TestSelf: a key learns what it is, whatever it may do; a confined one not where it is.
func TestSelf(t *testing.T) {
	within, err := audience.Parse(`tenant == "7"`)
	if err != nil {
		t.Fatal(err)
	}
	keys := new(auth.Keys)
	keys.Add(auth.Key{App: "shop", Name: "backend", Scopes: auth.DefaultScopes}, "usual")
	keys.Add(auth.Key{App: "shop", Name: "no scopes"}, "none")
	keys.Add(auth.Key{App: "shop", Name: "seven", Scopes: []auth.Scope{auth.Read}, Within: within, Triggers: []string{"a", "b"}}, "confined")
	keys.Add(auth.Key{App: "shop", Name: "no triggers", Scopes: []auth.Scope{auth.Trigger}, Triggers: []string{}}, "no triggers")
	a := api.New(api.Options{FindKey: keys.Find, Nodes: func() scenecast.Nodes {
		return scenecast.Nodes{Nodes: []scenecast.NodeInfo{{ID: 7, Name: "a", Version: "1.2", Self: true}, {ID: 9, Name: "b"}}}
	}})
	for key, want := range map[string]string{
		"usual":       `{"app":"shop","key":"backend","scopes":["push","trigger","read","manage"],"node":{"id":7,"name":"a","version":"1.2"},"presence":[],"time":"…"}`,
		"none":        `{"app":"shop","key":"no scopes","scopes":[],"node":{"id":7,"name":"a","version":"1.2"},"presence":[],"time":"…"}`,
		"confined":    `{"app":"shop","key":"seven","scopes":["read"],"within":"tenant == \"7\"","triggers":["a","b"],"presence":[],"time":"…"}`,
		"no triggers": `{"app":"shop","key":"no triggers","scopes":["trigger"],"triggers":[],"node":{"id":7,"name":"a","version":"1.2"},"presence":[],"time":"…"}`,
	} {
		r := httptest.NewRequest("GET", "/v1/self", nil)
		r.Header.Set("Authorization", "Bearer "+key)
		w := httptest.NewRecorder()
		a.ServeHTTP(w, r)
		api.ReadDescription(t).CheckAnswer(t, "GET", "/v1/self", w)
		text := regexp.MustCompile(`"time":"20[0-9-]+T[0-9:.]+Z"`).ReplaceAllString(w.Body.String(), `"time":"…"`)
		if w.Code != 200 || text != want+"\n" {
			t.Errorf("%s: %d %s\twant %s", key, w.Code, text, want)
		}
	}
	for _, target := range []string{"/v1/self", "/v1/self?x=1"} {
		r := httptest.NewRequest("GET", target, nil)
		if target != "/v1/self" {
			r.Header.Set("Authorization", "Bearer usual")
		}
		w := httptest.NewRecorder()
		a.ServeHTTP(w, r)
		if want := map[string]int{"/v1/self": 401, "/v1/self?x=1": 400}[target]; w.Code != want {
			t.Errorf("%s: %d %s, want %d", target, w.Code, w.Body, want)
		}
	}
}
