package main_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"scenecast/freeport"
)

// TestReload: a server reads its file anew by the command, with what the command says, and by SIGHUP.
func TestReload(t *testing.T) {
	file := filepath.Join(t.TempDir(), "scenecast.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const keys = "api_keys: [{name: all, key: key-of-a-backend}, {name: operator, key: key-of-an-operator, allow: [admin]}]\n"
	addr := freeport.Addr(t)
	write(keys + "client_tokens: [token-of-old, token-that-stays]\nlisten: " + addr + "\n")
	server := launch(t, nil, "serve", "--config", file, "--log-level", "info")
	line(t, server.stderr, `msg=listening addr=`)
	page := launch(t, nil, "listen", "--url", "http://"+addr, "--client-token", "token-of-old")
	line(t, page.stderr, `^connected at `)
	reload := func(want string, status int, args ...string) {
		t.Helper()
		out, errs, code := run(t, "", nil, append([]string{"reload", "--config", file}, args...)...)
		if code != status || !strings.Contains(out+errs, want) {
			t.Errorf("exit %d, %s%s; want %d and %q", code, out, errs, status, want)
		}
	}
	reload("Nothing has changed.", 0)
	write(keys + "client_tokens: [token-of-new, token-that-stays]\nlisten: " + addr + "\nhistory: {max_count: 7}\nlog: {level: debug}\n")
	reload("In force now: client_tokens\nNeed a restart: history.max_count\nPages closed, because their token or app is gone: 1\n", 0)
	line(t, page.stderr, `4401`)

	write(keys + "client_tokens: []\nlisten: nowhere\n")
	for _, want := range []string{file + ":2: client_tokens: is empty", file + `:3: listen: "nowhere" is no address`} {
		reload(want, 1, "--url", "http://"+addr, "--api-key", "key-of-an-operator")
	}
	write(keys + "client_tokens: [token-that-stays]\nlisten: " + addr + "\n")
	if err := server.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	line(t, server.stderr, `level=INFO msg="configuration reloaded" applied=client_tokens need_restart=none pages_closed=0$`)
	reload(`lacks the scope "admin"`, 1, "--api-key", "key-of-a-backend")
	server.terminate()
}

// TestReloadOfAFileThatIsNotWhole: a file that is gone, or empty because it is being written, changes nothing, also the default one; nor does
// a pipe keep later reloads waiting.
func TestReloadOfAFileThatIsNotWhole(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "scenecast.yaml")
	addr := freeport.Addr(t)
	text := "api_keys: [{name: operator, key: key-of-an-operator, allow: [admin]}]\nclient_tokens: [token-of-pages]\nlisten: " + addr + "\n"
	put := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put(text)
	cmd := command(t, nil, "serve", "--log-level", "info")
	cmd.Dir = dir
	server := follow(t, cmd)
	line(t, server.stderr, `msg=listening addr=`)
	page := launch(t, nil, "listen", "--url", "http://"+addr, "--client-token", "token-of-pages")
	line(t, page.stderr, `^connected at `)
	reload := func(want string, status int) {
		t.Helper()
		out, errs, code := run(t, "", nil, "reload", "--url", "http://"+addr, "--api-key", "key-of-an-operator")
		if code != status || !strings.Contains(out+errs, want) {
			t.Errorf("exit %d, %s%s; want %d and %q", code, out, errs, status, want)
		}
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	reload("scenecast.yaml: no such file or directory", 1)
	put("")
	reload("scenecast.yaml: is empty", 1)
	if err := errors.Join(os.Remove(file), syscall.Mkfifo(file, 0o600)); err != nil {
		t.Fatal(err)
	}
	reload("scenecast.yaml: is no regular file", 1)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	put(text)
	reload("Nothing has changed.", 0)
	page.terminate()
	server.terminate()
}

// TestCommandsOverASocket: the commands find a server whose configuration has it listen on a socket in the file system.
func TestCommandsOverASocket(t *testing.T) {
	dir := t.TempDir()
	file, socket := filepath.Join(dir, "scenecast.yaml"), filepath.Join(dir, "s.sock")
	text := "listen: unix:" + socket + "\nclient_tokens: [token-of-pages-1]\n" +
		"api_keys: [{name: all, key: key-of-a-backend}, {name: operator, key: key-of-an-operator, allow: [admin]}]\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	server := launch(t, nil, "serve", "--config", file, "--log-level", "info")
	line(t, server.stderr, `msg=listening addr=`+socket)
	page := launch(t, nil, "listen", "--config", file, "--label", "page=home")
	line(t, page.stderr, `^connected at `)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"push", "--to", `{"page":"home"}`, `"by a socket"`}, `"matched":1,"queued":1`},
		{[]string{"nodes"}, "(this one)"},
		{[]string{"reload"}, "Nothing has changed."},
	} {
		out, errs, code := run(t, "", nil, append(c.args, "--config", file)...)
		if code != 0 || !strings.Contains(out, c.want) {
			t.Errorf("%s: exit %d, %s%s", c.args[0], code, out, errs)
		}
	}
	line(t, page.stdout, `^"by a socket"$`)
	out, errs, code := run(t, "", nil, "serve", "--config", file)
	if code == 0 || !strings.Contains(errs, "another server listens on it") {
		t.Errorf("a second server: exit %d, %s%s", code, out, errs)
	}
	page.terminate()
	server.terminate()
}
