package server_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"scenecast/config"
)

const twoApps = `
shop: {client_tokens: [shop-page], api_keys: [{name: s, key: shop-key}], page_token_may_trigger: true,
       triggers: {hello: {to: "*", message: "from the shop"}}}
blog: {client_tokens: [blog-page], api_keys: [{name: b, key: blog-key}], labels: {client: [page]},
       triggers: {hello: {to: "*", message: "from the blog"}}}
`

// TestApps: with equal labels everywhere, nothing that is done in one app reaches, counts or shows another's pages.
func TestApps(t *testing.T) {
	s := start(t, map[string]string{"apps": twoApps}, nil)
	shop, blog, plain := s.native("token=shop-page&page=home"), s.native("token=blog-page&page=home"), s.page("page=home")
	s.read(shop)
	s.read(blog)
	as := func(key, method, target, body string) string {
		t.Helper()
		status, answer := s.call(method, target, key, "", body)
		if status != http.StatusOK {
			t.Errorf("%s %s as %s: %d %s", method, target, key, status, answer)
		}
		return answer
	}
	for _, key := range []string{"shop-key", "blog-key", apiKey} {
		for _, to := range []string{`"*"`, `{"page":"home"}`, `"!(page == \"list\")"`, `"has(page)"`, `"page.startsWith(\"h\")"`, `"@id != \"1.1\""`} {
			for target, body := range map[string]string{
				"/v1/audience": `{"to":` + to + `}`,
				"/v1/push":     `{"to":` + to + `,"message":"` + key + `"}`,
			} {
				if answer := as(key, "POST", target, body); !strings.Contains(answer, `"matched":1,`) {
					t.Errorf("%s %s as %s: %s", target, body, key, answer)
				}
			}
		}
		if answer := as(key, "GET", "/v1/connections", ""); strings.Count(answer, `"id"`) != 1 {
			t.Errorf("connections as %s: %s", key, answer)
		}
		if answer := as(key, "GET", "/v1/labels?key=page", ""); !strings.Contains(answer, `{"value":"home","connections":1}`) {
			t.Errorf("values as %s: %s", key, answer)
		}
		if answer := as(key, "POST", "/v1/labels", `{"to":"*","set":{"by":"x"}}`); answer != `{"matched":1,"changed":1,"nodes":1,"nodes_known":1}` {
			t.Errorf("relabel as %s: %s", key, answer)
		}
	}
	for range 6 {
		for want, got := range map[string]string{"shop-key": s.read(shop), "blog-key": s.read(blog), apiKey: s.read(plain)} {
			if !strings.Contains(got, `"`+want+`"`) {
				t.Errorf("the pages of %s got %s", want, got)
			}
		}
	}

	// The same trigger name is another trigger in each app, and a page's token triggers only where its app says so.
	as("shop-key", "GET", "/?func=hello&token=shop-page", "")
	as("blog-key", "GET", "/?func=hello&token=blog-key", "")
	if got := s.read(shop) + s.read(blog); !strings.Contains(got, "from the shop") || !strings.Contains(got, "from the blog") {
		t.Errorf("by trigger they got %s", got)
	}
	for target, want := range map[string]int{
		"/?func=hello&token=blog-page":         403,
		"/?func=hello&token=" + apiKey:         404,
		"/?func=hello&token=" + pageToken:      403,
		"/?func=pushHomeLogic&token=shop-page": 404,
	} {
		if status, answer := s.call("GET", target, "", "", ""); status != want {
			t.Errorf("%s: %d %s, want %d", target, status, answer, want)
		}
	}

	// What pages may set is the app's own.
	if answer := s.say(blog, `{"type":"set","labels":{"order":"7"}}`); !strings.Contains(answer, `"setting":"labels.client"`) {
		t.Errorf("a page of the blog: %s", answer)
	}
	if answer := s.say(shop, `{"type":"set","labels":{"order":"7"}}`); !strings.HasPrefix(answer, `{"type":"set","position":"`) {
		t.Errorf("a page of the shop: %s", answer)
	}

	as("shop-key", "POST", "/v1/disconnect", `{"to":"*"}`)
	s.awaitConnections(2)
	if got := s.goodbye(shop); got != "1000 " {
		t.Errorf("the shop's page got %s", got)
	}
}

// TestAppsAreSwapped: everything that is asked of an app is asked of the snapshot that is in force, while calls and pages come.
func TestAppsAreSwapped(t *testing.T) {
	s := start(t, map[string]string{"apps": `shop: {client_tokens: [page-of-old], api_keys: [{name: s, key: key-of-old}],
		triggers: {hello: {to: "*", message: old}, bye: {to: "*", message: old}}}`}, nil)
	next, err := config.Load(config.Sources{Flags: map[string]string{"apps": `shop: {client_tokens: [page-of-new], api_keys: [{name: s, key: key-of-new}],
		page_token_may_trigger: true, labels: {client: [page]}, triggers: {hello: {to: "*", message: new}}}`}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for _, key := range []string{"key-of-old", "key-of-new"} {
		wg.Go(func() {
			for ctx.Err() == nil {
				if status, answer := s.call("POST", "/v1/triggers/hello", key, "", ""); status != 200 && status != 401 {
					t.Errorf("%d %s", status, answer)
				}
			}
		})
	}
	page := s.native("token=page-of-old&page=home")
	if _, err := s.Reload(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	stop()
	wg.Wait()
	for target, want := range map[string]int{
		"/?func=hello&token=key-of-old":  401,
		"/?func=hello&token=key-of-new":  200,
		"/?func=bye&token=key-of-new":    404,
		"/?func=hello&token=page-of-old": 401,
		"/?func=hello&token=page-of-new": 200,
	} {
		if status, answer := s.call("GET", target, "", "", ""); status != want {
			t.Errorf("%s: %d %s, want %d", target, status, answer, want)
		}
	}
	for token, want := range map[string]int{"page-of-old": 401, "page-of-new": 200, "page-of-new&order=7": 403} {
		if got := s.events("page=home&token=" + token).head.StatusCode; got != want {
			t.Errorf("a page with the token %s: %d, want %d", token, got, want)
		}
	}
	_ = page.CloseNow()
}

// TestAppsUnderLoad: pages of two apps with the same labels come, go and move while both push to everybody.
func TestAppsUnderLoad(t *testing.T) {
	s := start(t, map[string]string{"apps": twoApps}, nil)
	var wg sync.WaitGroup
	for _, app := range []string{"shop", "blog"} {
		for worker := range 3 {
			wg.Go(func() {
				for round := range 15 {
					c := s.native("token=" + app + "-page&page=home")
					s.read(c)
					name := fmt.Sprintf("%s-%d-%d", app, worker, round)
					if status, answer := s.call("POST", "/v1/push", app+"-key", "", `{"to":"*","message":"`+name+`"}`); status != 200 {
						t.Errorf("push: %d %s", status, answer)
					}
					for got := ""; !strings.Contains(got, name); {
						if got = s.read(c); !strings.Contains(got, `"`+app+"-") {
							t.Errorf("a page of %s got %s", app, got)
						}
					}
					_ = c.CloseNow()
				}
			})
		}
	}
	wg.Wait()
}
