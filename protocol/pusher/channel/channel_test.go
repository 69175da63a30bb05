package channel_test

import (
	"strings"
	"testing"

	"scenecast/problem"
	"scenecast/protocol/pusher/channel"
)

func TestKinds(t *testing.T) {
	for name, want := range map[channel.Name]string{
		"news":                             "",
		"cache-news":                       "cache",
		"cachenews":                        "",
		"private-news":                     "auth",
		"private-cache-news":               "auth cache",
		"private-encrypted-news":           "auth encrypted",
		"private-encrypted-cache-news":     "auth encrypted cache",
		"presence-news":                    "auth presence",
		"presence-cache-news":              "auth presence cache",
		"presence":                         "",
		"private-presence-cache-news":      "auth",
		"cache-private-news":               "cache",
		"Private-news":                     "",
		channel.ServerToUser("7"):          "user 7",
		"#server-to-user-":                 "user ",
		channel.ServerToUser("private-a"):  "user private-a",
		channel.ServerToUser("presence-b"): "user presence-b",
	} {
		var is []string
		for _, of := range []struct {
			what string
			is   bool
		}{{"auth", name.NeedsAuth()}, {"presence", name.Presence()}, {"encrypted", name.Encrypted()}, {"cache", name.Cache()}} {
			if of.is {
				is = append(is, of.what)
			}
		}
		if user, ok := name.User(); ok {
			is = append(is, "user "+user)
		}
		if got := strings.Join(is, " "); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func TestCheck(t *testing.T) {
	for name, want := range map[string]problem.Kind{
		"a":                      "",
		"Az09_-=@,.;":            "",
		strings.Repeat("a", 200): "",
		strings.Repeat("a", 201): problem.LimitExceeded,
		"":                       problem.Invalid,
		"a b":                    problem.Invalid,
		"a/b":                    problem.Invalid,
		"a:b":                    problem.Invalid,
		"a\n":                    problem.Invalid,
		"#a":                     problem.Invalid,
		"频道":                     problem.Invalid,
		"#server-to-user-":       problem.Invalid,
		"#server-to-user-a b/频道": "",
		"#server-to-user-" + strings.Repeat("a", 200): "",
		"#server-to-user-" + strings.Repeat("a", 201): problem.LimitExceeded,
	} {
		err := channel.Name(name).Check(200, "setting")
		if (err == nil) != (want == "") || err != nil && problem.Of(err).Kind != want {
			t.Errorf("%.30q: %v, want %q", name, err, want)
		}
		if _, ofUser := channel.Name(name).User(); want == problem.LimitExceeded && !ofUser && problem.Of(err).Setting != "setting" {
			t.Errorf("%v does not name the setting", err)
		}
	}
}
