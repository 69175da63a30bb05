package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"scenecast/freeport"
)

// TestCommandsReadTheConfiguration: what `config init` wrote is enough for serve, listen, push and bench, wherever they are run.
func TestCommandsReadTheConfiguration(t *testing.T) {
	dir := t.TempDir()
	if out, errs, code := run(t, dir, nil, "config", "init"); code != 0 || out != "scenecast.yaml is written. Next: scenecast serve, then scenecast listen and scenecast push\n" {
		t.Fatalf("init: exit %d, %s%s", code, out, errs)
	}
	file := filepath.Join(dir, "scenecast.yaml")
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	addr := freeport.Addr(t)
	content = []byte(strings.Replace(string(content), `listen: ":9502"`, "listen: "+addr, 1))
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	in := func(dir string, env []string, args ...string) *daemon {
		cmd := command(t, env, args...)
		cmd.Dir = dir
		return follow(t, cmd)
	}
	server := in(dir, nil, "serve")
	line(t, server.stderr, `msg=listening addr=(\S+) .*config=scenecast.yaml$`)

	for _, c := range []struct {
		name, dir string
		env, args []string
	}{
		{"here", dir, nil, nil},
		{"flag", t.TempDir(), nil, []string{"--config", file}},
		{"variable", t.TempDir(), []string{"SCENECAST_CONFIG=" + file}, nil},
	} {
		page := in(c.dir, c.env, append([]string{"listen", "--label", "page=home"}, c.args...)...)
		line(t, page.stderr, `^connected at `)
		out, errs, code := run(t, c.dir, c.env, append([]string{"push", "--to", `{"page":"home"}`, `"` + c.name + `"`}, c.args...)...)
		if code != 0 || !strings.Contains(out, `"matched":1,"queued":1`) {
			t.Errorf("%s: push: exit %d, %s%s", c.name, code, out, errs)
		}
		line(t, page.stdout, `^"`+c.name+`"$`)
		page.terminate()
	}
	if out, errs, code := run(t, dir, nil, "bench", "--url", "http://"+addr, "--pages", "10", "--rounds", "1", "--pushes", "3", "--to", "everybody", "--quiet"); code != 0 {
		t.Errorf("bench: exit %d, %s%s", code, out, errs)
	}
	server.terminate()
}

// TestRemoteErrors name the flag, and where the value came from that the server has refused.
func TestRemoteErrors(t *testing.T) {
	server := launch(t, nil, "serve", "--listen", "127.0.0.1:0", "--client-token", "page-token", "--api-key", "backend-key")
	addr := line(t, server.stderr, `msg=listening addr=(\S+)`)
	nobody := freeport.Addr(t)
	push := []string{"push", "--to", "*", "1"}
	with := func(args []string, more ...string) []string { return append(append([]string{}, args...), more...) }
	for _, c := range []struct {
		name, file string
		env        []string
		args       []string
		want       string
	}{
		// Secrets.
		{"no key anywhere", "", nil, push, "which API key that allows push? --api-key or SCENECAST_API_KEY says it, and there is no scenecast.yaml here. " +
			"`scenecast serve` without one makes one for each run, and prints it"},
		{"no token in the file", "listen: " + addr, nil, []string{"listen"}, "which page token? --client-token or SCENECAST_CLIENT_TOKEN says it, and scenecast.yaml has none (client_tokens). …"},
		{"no key that pushes", "api_keys: [{name: a, key: k, allow: [read]}]", nil, push, "which API key that allows push? --api-key or SCENECAST_API_KEY says it, and scenecast.yaml:1 (api_keys) has none, such as {name: push, key: KEY, allow: [push]}"},
		{"no key that pushes, in the variable", "", []string{"SCENECAST_API_KEYS=[{name: a, key: k, allow: [read]}]"}, push, "… says it, and SCENECAST_API_KEYS (api_keys) has none, such as …"},
		{"another key in the file", "listen: " + addr + "\napi_keys:\n- {name: r, key: x, allow: [read]}\n- {name: old, key: y}\n", nil, push,
			"… (the server's setting: api_keys); the key is from scenecast.yaml:4 (api_keys, old), and --api-key gives another [unauthorized]"},
		{"another key in a variable of the commands", "listen: " + addr, []string{"SCENECAST_API_KEY=x"}, push,
			"… (the server's setting: api_keys); the key is from SCENECAST_API_KEY, and --api-key gives another [unauthorized]"},
		{"another key in a variable of the server", "listen: " + addr, []string{"SCENECAST_API_KEYS=[{name: env, key: x}]"}, push,
			"… (the server's setting: api_keys); the key is from SCENECAST_API_KEYS (api_keys, env), and --api-key gives another [unauthorized]"},
		{"another key in the flag", "listen: " + addr, nil, with(push, "--api-key", "x"), "… (the server's setting: api_keys); the key is from --api-key [unauthorized]"},
		{"another token in the file", "listen: " + addr + "\nclient_tokens: [x]", nil, []string{"listen"},
			"the server refuses the page: the server closed with code 4401: … (setting: client_tokens); the token is from scenecast.yaml:2 (client_tokens), and --client-token gives another"},
		{"another token in the flag", "listen: " + addr, nil, []string{"listen", "--client-token", "x"}, "the server refuses the page: … (setting: client_tokens); the token is from --client-token"},

		// The address.
		{"nothing there, from the file", "listen: " + nobody + "\n", nil, with(push, "--api-key", "x"),
			"…connection refused: nothing listens at http://" + nobody + "; the address is from scenecast.yaml:1 (listen), and --url gives another"},
		{"nothing there, from the variable", "", []string{"SCENECAST_URL=http://" + nobody}, with(push, "--api-key", "x"),
			"…connection refused: nothing listens at http://" + nobody + "; the address is from SCENECAST_URL, and --url gives another"},
		{"any port", "listen: ':0'", nil, with(push, "--api-key", "x"), "scenecast.yaml:1 (listen): :0 is any free port; --url says which one"},
		{"no address in the variable", "", []string{"SCENECAST_URL=localhost"}, push, `SCENECAST_URL: "localhost" is no address of a server; it looks like http://localhost:9502`},
		{"no address in the flag", "", []string{"SCENECAST_URL=localhost"}, with(push, "--url", ":1"), `--url: ":1" is no address of a server; it looks like http://localhost:9502`},

		// The configuration.
		{"broken", "\nlisten: x", nil, push, `scenecast.yaml:2: listen: "x" is no address; write it as :9502 or 127.0.0.1:9502`},
		{"missing", "", nil, with(push, "--config", "other.yaml"), "open other.yaml: no such file or directory"},
	} {
		dir := t.TempDir()
		if c.file != "" {
			if err := os.WriteFile(filepath.Join(dir, "scenecast.yaml"), []byte(c.file), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		_, errs, code := run(t, dir, c.env, c.args...)
		if code != 1 || !like(strings.TrimSuffix(strings.TrimPrefix(errs, "scenecast: "), "\n"), c.want) {
			t.Errorf("%s: exit %d\n%swant\nscenecast: %s", c.name, code, errs, c.want)
		}
	}
	// A configuration that is not needed is not read.
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "scenecast.yaml"), []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, errs, code := run(t, dir, []string{"SCENECAST_URL=http://" + addr}, "push", "--api-key", "backend-key", "--to", "*", "1"); code != 0 {
		t.Errorf("with all that it needs: exit %d, %s%s", code, out, errs)
	}
	server.terminate()
}

// like compares a text with one in which … stands for anything.
func like(text, want string) bool {
	parts := strings.Split(want, "…")
	if !strings.HasPrefix(text, parts[0]) {
		return false
	}
	for _, part := range parts {
		at := strings.Index(text, part)
		if at < 0 {
			return false
		}
		text = text[at+len(part):]
	}
	return text == "" || parts[len(parts)-1] == ""
}
