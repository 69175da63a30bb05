package main_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience ends a test that would hang; nothing is asserted about it.
const patience = time.Minute

// binary is the real program, built for the tests.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "scenecast")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "scenecast")
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// command prepares a run of the program, in a directory of its own, without the settings of whoever runs the tests.
func command(t *testing.T, env []string, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Dir = t.TempDir()
	cmd.Env = append([]string{"HOME=" + cmd.Dir, "PATH=" + os.Getenv("PATH")}, env...)
	return cmd
}

// run runs the program to its end.
func run(t *testing.T, dir string, env []string, args ...string) (out, errs string, code int) {
	t.Helper()
	cmd := command(t, env, args...)
	if dir != "" {
		cmd.Dir = dir
	}
	var o, e strings.Builder
	cmd.Stdout, cmd.Stderr = &o, &e
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatalf("%v: %v", args, err)
	}
	return o.String(), e.String(), cmd.ProcessState.ExitCode()
}

// daemon is a run of the program that goes on until it is told to end.
type daemon struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdout *bufio.Reader
	stderr *bufio.Reader
}

func launch(t *testing.T, env []string, args ...string) *daemon {
	t.Helper()
	return follow(t, command(t, env, args...))
}

// follow starts a command that runs the program.
func follow(t *testing.T, cmd *exec.Cmd) *daemon {
	t.Helper()
	d := &daemon{t: t, cmd: cmd}
	d.stdout, d.stderr = pipe(t, d.cmd.StdoutPipe), pipe(t, d.cmd.StderrPipe)
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.cmd.Process.Kill() })
	return d
}

func pipe(t *testing.T, open func() (io.ReadCloser, error)) *bufio.Reader {
	t.Helper()
	p, err := open()
	if err != nil {
		t.Fatal(err)
	}
	return bufio.NewReader(p)
}

// line reads lines until one matches, and returns its first group.
func line(t *testing.T, from *bufio.Reader, pattern string) string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	for {
		text, err := from.ReadString('\n')
		if m := re.FindStringSubmatch(strings.TrimSuffix(text, "\n")); m != nil {
			return m[len(m)-1]
		}
		if err != nil {
			t.Fatalf("no line like %s: %v", pattern, err)
		}
	}
}

// terminate sends SIGTERM and waits for a clean end.
func (d *daemon) terminate() {
	d.t.Helper()
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		d.t.Fatal(err)
	}
	d.awaitEnd()
}

// awaitEnd waits for the end of a server that has been told to stop: another signal would kill it.
func (d *daemon) awaitEnd() {
	d.t.Helper()
	_, _ = io.Copy(io.Discard, d.stdout)
	rest, _ := io.ReadAll(d.stderr)
	if err := d.cmd.Wait(); err != nil {
		d.t.Errorf("%v: %v\n%s", d.cmd.Args, err, rest)
	}
}

// TestServe is a whole day: serve, listen, push, SIGTERM.
func TestServe(t *testing.T) {
	server := launch(t, []string{"SCENECAST_API_KEYS=[{name: test, key: backend-key}]"},
		"serve", "--listen", "127.0.0.1:0", "--client-token", "page-token")
	url := "SCENECAST_URL=http://" + line(t, server.stderr, `msg=listening addr=(\S+)`)

	page := launch(t, []string{url, "SCENECAST_CLIENT_TOKEN=page-token"}, "listen", "--label", "page=home")
	line(t, page.stderr, `^connected at [0-9a-z]+-0$`)

	out, errs, code := run(t, "", []string{url, "SCENECAST_API_KEY=backend-key"}, "push", "--to", `{"page":"home"}`, `{"code":200,"message":"hi"}`)
	if code != 0 || !strings.Contains(out, `"matched":1,"queued":1`) {
		t.Errorf("push: exit %d, %s%s", code, out, errs)
	}
	line(t, page.stdout, `^{"code":200,"message":"hi"}$`)

	out, errs, code = run(t, "", []string{url, "SCENECAST_API_KEY=backend-key"}, "push", "--to", `page == "home" && !has(plan)`, "--dry-run")
	if code != 0 || !strings.Contains(out, `"matched":1,"queued":0`) {
		t.Errorf("dry run: exit %d, %s%s", code, out, errs)
	}

	for _, replayed := range []bool{false, true} {
		out, errs, code = run(t, "", []string{url, "SCENECAST_API_KEY=backend-key"}, "push", "--to", `*`, "--event", "e", "--ttl", "5m",
			"--coalesce", "c", "--retain", "r", "--receipt", "queued", "--idempotency-key", "key", `"once"`)
		if code != 0 || !strings.Contains(out, `"matched":1,"queued":1`) || strings.Contains(out, `"replayed":true`) != replayed {
			t.Errorf("push with a key, again %v: exit %d, %s%s", replayed, code, out, errs)
		}
	}
	line(t, page.stdout, `^"once"$`)

	server.terminate()
	line(t, page.stderr, `connection lost: the server closed with code 4503`)
	page.terminate()
}

// TestListenComesBack to where it was: what was pushed meanwhile is printed, once and in order. It acknowledges where it is to.
func TestListenComesBack(t *testing.T) {
	server := launch(t, nil, "serve", "--listen", "127.0.0.1:0", "--client-token", "page-token", "--api-key", "backend-key")
	url := "SCENECAST_URL=http://" + line(t, server.stderr, `msg=listening addr=(\S+)`)
	env := []string{url, "SCENECAST_CLIENT_TOKEN=page-token", "SCENECAST_API_KEY=backend-key"}
	page := launch(t, env, "listen", "--label", "page=home", "--ack")
	line(t, page.stderr, `^connected at `)
	push := func(args ...string) string {
		out, errs, code := run(t, "", env, append([]string{"push", "--to", `{"page":"home"}`}, args...)...)
		if code != 0 {
			t.Fatalf("push %s: %s", args, errs)
		}
		return out
	}
	want := func(message string) {
		if got := line(t, page.stdout, `^(.*)$`); got != message {
			t.Errorf("printed %s, want %s", got, message)
		}
	}
	push("--ttl", "1m", "1")
	want("1")
	for n := range 3 {
		request, _ := http.NewRequest(http.MethodPost, strings.TrimPrefix(url, "SCENECAST_URL=")+"/v1/disconnect", strings.NewReader(`{"to":"*","code":4408}`))
		request.Header.Set("Authorization", "Bearer backend-key")
		response, err := http.DefaultClient.Do(request)
		if err != nil || response.StatusCode != http.StatusOK {
			t.Fatalf("disconnect: %v, %v", response, err)
		}
		_ = response.Body.Close()
		line(t, page.stderr, `^connection lost: the server closed with code 4408`)
		push(fmt.Sprintf(`{ "n": [%d, 1] }`, n))
		push(`"and"`)
		want(fmt.Sprintf(`{"n":[%d,1]}`, n))
		want(`"and"`)
		line(t, page.stderr, `^connected at `)
	}
	if answer := push("--receipt", "acked", `"seen?"`); !strings.Contains(answer, `"acked":1,"timed_out":0`) {
		t.Errorf("acked: %s", answer)
	}
	want(`"seen?"`)
	server.terminate()
	page.terminate()
}

// TestClientErrors: what a user of push and listen is told.
func TestClientErrors(t *testing.T) {
	server := launch(t, nil, "serve", "--listen", "127.0.0.1:0", "--client-token", "page-token", "--api-key", "backend-key")
	url := "http://" + line(t, server.stderr, `msg=listening addr=(\S+)`)
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"wrong key", []string{"push", "--url", url, "--api-key", "wrong", "--to", "*", "1"}, "names no API key (the server's setting: api_keys)"},
		{"no message", []string{"push", "--url", url, "--to", "*"}, "which message?"},
		{"no JSON", []string{"push", "--url", url, "--to", "*", "hi"}, `the message is not JSON; a text is written with its quotes: '"hi"'`},
		{"bad audience", []string{"push", "--url", url, "--api-key", "backend-key", "--to", "page = home", "1"}, "to.column 6"},
		{"bad ttl", []string{"push", "--url", url, "--api-key", "backend-key", "--to", "*", "--ttl", "soon", "1"}, `invalid argument "soon" for "--ttl" flag`},
		{"no audience", []string{"push", "--url", url, "1"}, `scenecast: which pages? --to says it, as in --to '{"page":"home"}'; everybody is --to '*'`},
		{"a message without quotes", []string{"push", "--url", url, "--to", "*", "{code:", "200}"}, `the message is one argument, and here are 2; put it in quotes`},
		{"timeout for nothing", []string{"push", "--url", url, "--api-key", "backend-key", "--to", "*", "--timeout", "1s", "1"}, "timeout: needs a receipt"},
		{"bad address", []string{"push", "--url", "localhost", "--to", "*", "1"}, `"localhost" is no address of a server; it looks like http://localhost:9502`},
		{"wrong token", []string{"listen", "--url", url, "--client-token", "wrong"}, "the server refuses the page: the server closed with code 4401"},
		{"bad label", []string{"listen", "--url", url, "--label", "page"}, "a label is key=value, as in page=home"},
	} {
		out, errs, code := run(t, "", nil, c.args...)
		if code != 1 || !strings.Contains(errs, c.want) || strings.Contains(errs, "page-token") {
			t.Errorf("%s: exit %d, %s%s, want %s", c.name, code, out, errs, c.want)
		}
	}
	server.terminate()
}

// TestServeNeverRunsOpen: without secrets it makes some, prints them, and takes no others.
func TestServeNeverRunsOpen(t *testing.T) {
	server := launch(t, nil, "serve", "--listen", "127.0.0.1:0")
	token := line(t, server.stdout, `^No page token is set \(client_tokens\)\. For this run: (\S+)$`)
	key := line(t, server.stdout, `^No API key is set \(api_keys\)\. For this run: (\S+)$`)
	url := "http://" + line(t, server.stderr, `msg=listening addr=(\S+)`)
	page := launch(t, nil, "listen", "--url", url, "--client-token", token)
	line(t, page.stderr, `^connected at `)
	for k, want := range map[string]int{key: 0, "": 1, token: 1} {
		if _, errs, code := run(t, "", nil, "push", "--url", url, "--api-key", k, "--to", "*", "1"); code != want {
			t.Errorf("push with the key %q: exit %d %s, want %d", k, code, errs, want)
		}
	}
	server.terminate()
	page.terminate()
}

// TestDemo prints addresses that work.
func TestDemo(t *testing.T) {
	demo := launch(t, nil, "demo", "--listen", "127.0.0.1:0")
	home := line(t, demo.stdout, `(http://\S+/demo/home)`)
	base := strings.TrimSuffix(home, "/demo/home")
	for _, path := range []string{"/demo/home", "/demo/list", "/demo/back", "/demo/playground", "/demo/", "/"} {
		response, err := http.Get(base + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", path, response.Status)
		}
	}
	page := launch(t, nil, "listen", "--url", base, "--client-token", "123456", "--label", "page=list")
	line(t, page.stderr, `^connected at `)
	response, err := http.Post(base+"/?func=pushListLogic&token=123456&page=back", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	line(t, page.stdout, `^{"message":"后端触发了按钮 2","code":"200"}$`)

	// The playground's backend reaches the server that it is part of.
	response, err = http.Post(base+"/demo/push", "application/json", strings.NewReader(`{"to":"page == \"list\"","message":"typed"}`))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err != nil || response.StatusCode != http.StatusOK || !strings.Contains(string(body), `"matched":1`) {
		t.Errorf("a push of the playground: %s %s (%v)", response.Status, body, err)
	}
	line(t, page.stdout, `"message":"typed"`)
	demo.terminate()
	page.terminate()
}

// TestConfig: init writes a file that check finds no fault with, and print shows without its secrets.
func TestConfig(t *testing.T) {
	dir := t.TempDir()
	if out, errs, code := run(t, dir, nil, "config", "init"); code != 0 || !strings.Contains(out, "scenecast.yaml is written") {
		t.Fatalf("init: exit %d, %s%s", code, out, errs)
	}
	file := filepath.Join(dir, "scenecast.yaml")
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("init made a file of mode %v (%v); secrets are in it", info.Mode(), err)
	}
	if _, errs, code := run(t, dir, nil, "config", "init"); code != 1 || !strings.Contains(errs, "exists already; nothing was written") {
		t.Errorf("init again: exit %d, %s", code, errs)
	}
	if out, errs, code := run(t, dir, nil, "config", "check"); code != 0 || out != "scenecast.yaml: no mistakes; page tokens: 1, API keys: 1, triggers: 3\n" {
		t.Errorf("check: exit %d, %s%s", code, out, errs)
	}
	out, _, code := run(t, dir, []string{"SCENECAST_DRAIN=5s"}, "config", "print")
	if code != 0 || !strings.Contains(out, "drain: 5s") || !strings.Contains(out, "(hidden)") {
		t.Errorf("print: exit %d, %s", code, out)
	}
	for _, secret := range regexp.MustCompile(`[A-Z2-7]{26}`).FindAllString(string(content), -1) {
		if strings.Contains(out, secret) {
			t.Errorf("print shows the secret %s", secret)
		}
	}
	broken := strings.Replace(string(content), "pong_wait: 10s", "pong_wiat: 10s", 1)
	if err := os.WriteFile(file, []byte(broken), 0o600); err != nil {
		t.Fatal(err)
	}
	where := fmt.Sprintf("scenecast.yaml:%d: websocket.pong_wiat: there is no such setting; did you mean pong_wait?",
		strings.Count(strings.Split(broken, "pong_wiat")[0], "\n")+1)
	for _, command := range [][]string{{"config", "check"}, {"serve"}, {"config", "check", file}} {
		if _, errs, code := run(t, dir, nil, command...); code != 1 || !strings.Contains(errs, where) {
			t.Errorf("%v: exit %d, %s, want %s", command, code, errs, where)
		}
	}
}

// TestHelp: every command has help, and the program says its version.
func TestHelp(t *testing.T) {
	for _, args := range [][]string{{}, {"serve"}, {"demo"}, {"push"}, {"listen"}, {"config"}, {"config", "init"}, {"config", "check"}, {"config", "print"}, {"version"}} {
		if out, errs, code := run(t, "", nil, append(args, "--help")...); code != 0 || !strings.Contains(out, "Usage:") {
			t.Errorf("%v --help: exit %d, %s%s", args, code, out, errs)
		}
	}
	for _, arg := range []string{"version", "--version"} {
		if out, _, code := run(t, "", nil, arg); code != 0 || !regexp.MustCompile(`^scenecast version \S+ go1\S* \w+/\w+\n$`).MatchString(out) {
			t.Errorf("%s: exit %d, %s", arg, code, out)
		}
	}
	for slip, want := range map[string]string{
		"srve": "serve", "help srve": "serve", "config chek": "did you mean check?", "help config chek": "did you mean check?",
		"token jwt": `unknown command "jwt" for "scenecast token"`, "config check a b": "at most 1 arg",
	} {
		if out, errs, code := run(t, "", nil, strings.Fields(slip)...); code != 1 || out != "" || !strings.Contains(errs, want) {
			t.Errorf("%s: exit %d, %s%s; want %s", slip, code, out, errs, want)
		}
	}
	for _, command := range []string{"config", "help config", "help config check"} {
		if out, errs, code := run(t, "", nil, strings.Fields(command)...); code != 0 || errs != "" || !strings.Contains(out, "scenecast config") {
			t.Errorf("%s: exit %d, %s%s", command, code, out, errs)
		}
	}
}
