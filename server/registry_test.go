package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/redis/rueidis"

	"scenecast/redisclient/redistest"
)

// registered is the hash of a registry, by field.
func registered(t *testing.T, c rueidis.Client, key string) map[string]map[string]any {
	t.Helper()
	answer := redistest.Do(t, c, "HGETALL", key)
	fields, err := answer.AsStrMap()
	if err != nil {
		t.Fatal(err)
	}
	values := make(map[string]map[string]any)
	for field, text := range fields {
		var v map[string]any
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		values[field] = v
	}
	return values
}

// TestRegistry: the hash has the pages of all protocols, with any engine, as they are; and nothing when the server has stopped.
func TestRegistry(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	c := redis.Client()
	for name, settings := range map[string]map[string]string{"memory": {}, "nats": {"data_dir": t.TempDir()}} {
		t.Run(name, func(t *testing.T) {
			const key = "{scenecast}:connections"
			settings["redis.url"], settings["redis.registry"], settings["drain"] = redis.URL(), "true", "1s"
			settings["client_tokens"] = fmt.Sprintf("[%s, {token: of-42, user: '42'}]", pageToken)
			s := start(t, settings, nil)
			s.page("page=home")
			s.nativePage("page=list&page=old")
			s.events("token=of-42&page=order&order=7")
			pages := func() string {
				text := make(map[string]any)
				for fd, v := range registered(t, c, key) {
					text[fmt.Sprint(v["page"])] = fmt.Sprint(v["app"], " ", v["user"], " ", v["order"], " ", v["fd"] == fd && strings.HasPrefix(fd, fmt.Sprintf("%.0f.", v["node"])))
				}
				return fmt.Sprint(text)
			}
			awaitThat(t, "Redis has the pages", func() bool {
				return pages() == "map[[list old]:default <nil> <nil> true home:default <nil> <nil> true order:default 42 7 true]"
			})
			s.api("POST", "/v1/labels", `{"to": {"page": "home"}, "set": {"page": "cart"}}`)
			s.api("POST", "/v1/disconnect", `{"to": {"page": "list"}}`)
			awaitThat(t, "Redis has what has changed", func() bool {
				return pages() == "map[cart:default <nil> <nil> true order:default 42 7 true]"
			})
			s.expectMetrics(map[string]string{"scenecast_registry_up": "1", "scenecast_registry_connections": "2", "scenecast_registry_rebuilds_total": "0"})
			s.end()
			if left := registered(t, c, key); len(left) > 0 {
				t.Errorf("when the server has stopped, there are %v", left)
			}
		})
	}
}

// TestRegistryWithoutRedis: the server starts, serves and stops as if there were none; files that cannot be read are told at once.
func TestRegistryWithoutRedis(t *testing.T) {
	t.Parallel()
	settings := map[string]string{"redis.url": "redis://:s3cret@127.0.0.1:1", "redis.registry": "true"}
	s := start(t, settings, nil)
	s.page("page=home")
	if status, _ := s.call("GET", "/readyz", "", "", ""); status != 200 {
		t.Errorf("the server is not ready: %d", status)
	}
	s.expectMetrics(map[string]string{"scenecast_registry_up": "0"})
	s.end()
	if log := s.log.String(); strings.Count(log, "registry: Redis cannot be used") != 1 || strings.Contains(log, "s3cret") {
		t.Errorf("the log is\n%s", log)
	}
	settings["redis.url"], settings["redis.tls.ca"] = "rediss://127.0.0.1:1", filepath.Join(t.TempDir(), "none")
	if _, err := newRunning(t, settings, func(*options) {}); err == nil || !strings.Contains(err.Error(), "redis.tls.ca: open ") {
		t.Errorf("a file that is not there: %v", err)
	}
}

// documented is a block of a document in docs/, in a language and with these words.
func documented(t *testing.T, document, language, with string) string {
	t.Helper()
	text, err := os.ReadFile("../docs/" + document)
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```").FindAllStringSubmatch(string(text), -1) {
		if strings.Contains(block[1], with) {
			return block[1]
		}
	}
	t.Fatalf("docs/%s has no block of %s with %s", document, language, with)
	return ""
}

// TestRegistryDocument: PHP finds a page as docs/registry.md shows it, by the settings that it shows, as the user with the rights that it
// shows.
func TestRegistryDocument(t *testing.T) {
	redis := redistest.Start(t)
	c := redis.Client()
	redistest.Do(t, c, strings.Fields(strings.Replace(documented(t, "registry.md", "text", "ACL SETUSER"), "PASSWORD", "pw", 1))...)
	key := regexp.MustCompile(`registry_key: "(.*)"`).FindStringSubmatch(documented(t, "registry.md", "yaml", "registry:"))[1]
	s := start(t, map[string]string{
		"redis.url": "redis://scenecast:pw@" + redis.Addr, "redis.registry": "true", "redis.registry_key": key,
	}, nil)
	home := s.page("page=home")
	s.page("page=list").Close(websocket.StatusNormalClosure, "")
	awaitThat(t, "Redis has the one page", func() bool { return len(registered(t, c, key)) == 1 })

	script := filepath.Join(t.TempDir(), "lookup.php")
	text := strings.Replace(documented(t, "registry.md", "php", "hgetall"), "6379", redis.Port(), 1)
	if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, "php", script).CombinedOutput()
	if err != nil {
		t.Fatalf("php: %v (scripts/install-test-tools installs it)\n%s", err, out)
	}
	want := regexp.MustCompile(`^(\d+\.\d+) shows the home page\n(\d+\.\d+) shows home since \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\n$`)
	found := want.FindStringSubmatch(string(out))
	if found == nil || found[1] != found[2] {
		t.Fatalf("PHP prints\n%s, want %s", out, want)
	}
	s.publish(`{"to": {"@id": "` + found[1] + `"}, "message": "to the fd"}`)
	if got := s.read(home); got != `"to the fd"` {
		t.Errorf("a push to what PHP has found: the page reads %s", got)
	}
	answer := redistest.Do(t, c, "ACL", "LOG")
	if denied, _ := answer.ToArray(); len(denied) > 0 {
		t.Errorf("it was denied %v", denied)
	}
}

// TestRegistryDocumentShowsAValue: the value in docs/registry.md is one.
func TestRegistryDocumentShowsAValue(t *testing.T) {
	var v map[string]any
	if err := json.Unmarshal([]byte(documented(t, "registry.md", "json", `"fd"`)), &v); err != nil {
		t.Fatal(err)
	}
	redis := redistest.Start(t)
	s := start(t, map[string]string{
		"redis.url": redis.URL(), "redis.registry": "true", "client_tokens": "[{token: of-42, user: '42'}]",
	}, nil)
	s.pageAs("of-42", "page=order&order=7")
	c := redis.Client()
	awaitThat(t, "Redis has the page", func() bool { return len(registered(t, c, "{scenecast}:connections")) == 1 })
	for _, real := range registered(t, c, "{scenecast}:connections") {
		if fmt.Sprint(shape(real)) != fmt.Sprint(shape(v)) {
			t.Errorf("a value is %v, and docs/registry.md shows %v", real, v)
		}
	}
}

// shape is a value without what differs from run to run.
func shape(v map[string]any) map[string]any {
	delete(v, "fd")
	delete(v, "node")
	delete(v, "since")
	delete(v["labels"].(map[string]any), "@id")
	return v
}
