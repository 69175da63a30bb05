package e2e_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"scenecast/push"
)

// nodeClient is the npm package eventsource, in Node, listening to a stream.
type nodeClient struct {
	t     *testing.T
	lines *bufio.Scanner
	last  string // the last line
}

// installClient installs the package, of the version that its lock file says, for this test alone.
func installClient(t *testing.T) (directory string) {
	t.Helper()
	directory = t.TempDir()
	for _, name := range []string{"package.json", "package-lock.json", "listen.js"} {
		text, err := os.ReadFile(filepath.Join("eventsource", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(directory, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	install := exec.CommandContext(t.Context(), "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline")
	install.Dir = directory
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v (`make test` installs npm)\n%s", err, out)
	}
	return directory
}

// listenInNode opens a stream; events are the names of those that it hears.
func listenInNode(t *testing.T, directory, url string, events ...string) *nodeClient {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	node := exec.CommandContext(ctx, "node", append([]string{"listen.js", url}, events...)...)
	node.Dir = directory
	node.Stderr = t.Output()
	out, err := node.StdoutPipe()
	if err == nil {
		err = node.Start()
	}
	if err != nil {
		t.Fatalf("node: %v (`make test` installs it)", err)
	}
	t.Cleanup(func() {
		cancel()
		_ = node.Wait()
	})
	return &nodeClient{t: t, lines: bufio.NewScanner(out)}
}

// expect says what comes next: type and data of an event, or a failure.
func (c *nodeClient) expect(want ...string) {
	c.t.Helper()
	for _, w := range want {
		if !c.lines.Scan() {
			c.t.Fatalf("nothing has come behind %s, want %s", c.last, w)
		}
		c.last = c.lines.Text()
		var event []json.RawMessage
		if err := json.Unmarshal([]byte(c.last), &event); err != nil {
			c.t.Fatalf("%s: %v", c.last, err)
		}
		got := fmt.Sprintf("%s %s", event[0], event[2])
		if string(event[0]) == `"error"` {
			got = fmt.Sprintf("%s %s %s", event[0], event[1], event[2])
		}
		if !strings.HasPrefix(got, w) {
			c.t.Fatalf("got %s, want %s", c.last, w)
		}
	}
}

// The npm package comes back by itself, says where it was, and gets what it has missed.
func TestEventSourceInNode(t *testing.T) {
	t.Parallel()
	directory := installClient(t)
	b := serveStreams(t)
	client := listenInNode(t, directory, b.streamURL("page=home"), "order.shipped")
	client.expect(`"scenecast" {"type":"welcome"`)
	b.push("*", `{"a": "\r\n"}`, 1)
	b.pushEvent("order.shipped", "[\r\n7]", 1)
	b.pushEvent("scenecast", `"no close"`, 1)
	client.expect(`"message" {"a":"\r\n"}`, `"order.shipped" [7]`, `"scenecast" {"type":"push"`)

	b.disconnect(4408)
	for i := range 3 { // whether it is back already or not
		if _, err := b.Push(t.Context(), push.Request{To: everybody, Message: json.RawMessage(fmt.Sprint(i))}); err != nil {
			t.Fatal(err)
		}
	}
	client.expect(`"scenecast" {"type":"close","code":4408`, `"error" 0 false`, `"scenecast" {"type":"welcome"`,
		`"message" 0`, `"message" 1`, `"message" 2`)

	stranger := listenInNode(t, directory, b.url("/v1/events?token=wrong"))
	stranger.expect(`"error" 401 true`)
}
