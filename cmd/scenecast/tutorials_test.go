package main_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"scenecast/freeport"
)

// TestTutorials runs every snippet of docs/tutorial-*.md, in its order, as a reader does who begins with nothing. The snippets in Chinese are the
// same, by a test of package server. A tutorial's settings are written to scenecast.yaml, shell lines go to a shell, pages to Node, PHP to php. What
// stands below a snippet is compared: json is what it answers, text is what pages print and pop-ups say. … is any text.
//
// A comment before a snippet says more: other (of another product, and not run), install (which module e2e runs), offline (the pages
// have no network while it runs), answer (a text that is what the last snippet answers).
func TestTutorials(t *testing.T) {
	paths, err := filepath.Glob("../../docs/tutorial-*.md")
	if err != nil {
		t.Fatal(err)
	}
	paths = slices.DeleteFunc(paths, func(path string) bool { return strings.HasSuffix(path, ".zh-CN.md") })
	if len(paths) != 5 {
		t.Fatalf("found the tutorials %q", paths)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".md"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			(&tutorial{t: t, dir: t.TempDir(), env: make(map[string]string)}).run(string(text))
		})
	}
}

// tutorial is a reader of a tutorial.
type tutorial struct {
	t       *testing.T
	dir     string            // with bin/scenecast in it
	env     map[string]string // of the application's .env
	server  *daemon
	addr    string   // of the server
	backend string   // where a backend of the tutorial listens
	browser *browser // of its pages; nil: none yet
	answer  string   // of the last snippet
}

var snippet = regexp.MustCompile("(?ms)(?:^<!-- ([a-z]+) -->\n)?^```([a-z]*)\n(.*?)^```$")

// runElsewhere matches what module e2e runs: TestComposerSnippets, and the targets of make that TestShellSnippets looks up.
var runElsewhere = regexp.MustCompile(`^((composer|php artisan|make) .*\n)+$`)

func (r *tutorial) run(text string) {
	r.t.Helper()
	r.backend = freeport.Addr(r.t)
	if err := os.Mkdir(filepath.Join(r.dir, "bin"), 0o700); err != nil {
		r.t.Fatal(err)
	}
	if err := os.Symlink(binary, filepath.Join(r.dir, "bin/scenecast")); err != nil {
		r.t.Fatal(err)
	}
	r.write(".curlrc", "silent\nshow-error\nfail-with-body\nwrite-out = \"\\n\"\n")
	settings, ran := "", 0
	for _, m := range snippet.FindAllStringSubmatch(text, -1) {
		mark, language, code := m[1], m[2], r.filled(m[3])
		if mark == "other" {
			continue
		}
		ran++
		switch {
		case mark == "install":
			if !runElsewhere.MatchString(code) {
				r.t.Errorf("module e2e would not run this:\n%s", code)
			}
		case language == "yaml":
			if r.server != nil {
				r.t.Fatalf("settings after the server's start are read by nobody:\n%s", code)
			}
			settings += code
			r.write("scenecast.yaml", settings)
		case language == "sh" && strings.TrimSpace(code) == "bin/scenecast serve":
			r.serve()
		case language == "sh" && mark == "offline":
			r.browser.order(map[string]any{"online": false})
			r.await("the server knows that the pages are gone", `"matched":0,`, "bin/scenecast push --to '*' --dry-run")
			r.shell(code)
			r.browser.order(map[string]any{"online": true})
		case language == "sh":
			r.shell(code)
		case language == "html", language == "js":
			r.open(language, code)
		case language == "ini":
			for line := range strings.Lines(code) {
				if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(name, "#") {
					r.env[name] = value
				}
			}
		case language == "php":
			r.answer = r.php(strings.TrimPrefix(code, "<?php\n"))
			if strings.Count(r.answer, ".") == 2 && !strings.Contains(strings.TrimSpace(r.answer), " ") { // a token for pages
				r.pages().order(map[string]any{"token": strings.TrimSpace(r.answer)})
			}
		case language == "blade":
			r.write("page.blade.php", code)
			r.open("html", r.php("use Scenecast\\Laravel\\ScenecastServiceProvider;\necho view('page');"))
		case language == "json", mark == "answer":
			if !matches(code, r.answer) {
				r.t.Errorf("the answer is\n%s\nand the tutorial says\n%s", r.answer, code)
			}
		case language == "text":
			r.checkPrinted(strings.Split(strings.TrimSpace(code), "\n"))
		default:
			r.t.Errorf("this test cannot run %q:\n%s", language, code)
		}
	}
	if r.browser != nil {
		r.browser.end()
	}
	r.server.terminate()
	if ran < 8 {
		r.t.Errorf("ran only %d snippets: this test does not read the tutorial any more", ran)
	}
}

// filled has addresses and secrets of this run in the place of those that the tutorial has for its reader.
func (r *tutorial) filled(code string) string {
	code = strings.ReplaceAll(code, "localhost:3000", r.backend)
	_, backendPort, _ := net.SplitHostPort(r.backend)
	code = strings.ReplaceAll(code, "listen(3000", "listen("+backendPort)
	if r.addr == "" {
		return code
	}
	host, port, _ := net.SplitHostPort(r.addr)
	code = strings.NewReplacer("localhost:9502", r.addr, "push.example.com", host, "9502", port).Replace(code)
	file, err := os.ReadFile(filepath.Join(r.dir, "scenecast.yaml"))
	if err != nil {
		r.t.Fatal(err)
	}
	for name, pattern := range map[string]string{"CLIENT_TOKEN": `(?m)^client_tokens: \["(.*?)"\]`, "API_KEY": `(?m)^  - \{name: backend, key: "(.*?)"`} {
		if m := regexp.MustCompile(pattern).FindSubmatch(file); m != nil {
			code = strings.ReplaceAll(code, name, string(m[1]))
		}
	}
	return code
}

func (r *tutorial) write(name, content string) {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, name), []byte(content), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// command is one that runs in the tutorial's directory, with its .env.
func (r *tutorial) command(name string, args ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	r.t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = r.dir
	cmd.Env = []string{"HOME=" + r.dir, "CURL_HOME=" + r.dir, "TUTORIAL_FOLDER=" + r.dir, "PATH=" + os.Getenv("PATH"), "SCENECAST_LISTEN=127.0.0.1:0"}
	if r.addr != "" {
		cmd.Env[len(cmd.Env)-1] = "SCENECAST_LISTEN=" + r.addr
	}
	for name, value := range r.env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	return cmd
}

func (r *tutorial) serve() {
	r.t.Helper()
	r.server = follow(r.t, r.command("bin/scenecast", "serve"))
	r.addr = line(r.t, r.server.stderr, `msg=listening addr=(\S+)`)
}

func (r *tutorial) shell(code string) {
	r.t.Helper()
	out, err := r.command("sh", "-ec", code).CombinedOutput()
	if err != nil {
		r.t.Errorf("%s\n%v: %s", code, err, out)
	}
	r.answer = string(out)
}

// await runs a line until it prints something.
func (r *tutorial) await(what, part, code string) {
	r.t.Helper()
	r.answer = ""
	for end := time.Now().Add(patience); !strings.Contains(r.answer, part); r.shell(code) {
		if time.Now().After(end) {
			r.t.Fatalf("waiting for this: %s; the last answer is %s", what, r.answer)
		}
	}
}

// checkPrinted awaits lines that pages print. Several of them may come in any order: nothing orders what different pages, or a page and an answer of
// HTTP, are told.
func (r *tutorial) checkPrinted(want []string) {
	r.t.Helper()
	for range len(want) {
		got := r.browser.printed()
		i := slices.IndexFunc(want, func(line string) bool { return matches(line, got) })
		if i < 0 {
			r.t.Fatalf("a page prints %q, and the tutorial says %q", got, want)
		}
		want = slices.Delete(want, i, i+1)
	}
}

// php runs PHP with the package, and in an application of Laravel where the code names a part of that.
func (r *tutorial) php(code string) string {
	r.t.Helper()
	repository, err := filepath.Abs("../..")
	if err != nil {
		r.t.Fatal(err)
	}
	uses, rest := "", "" // which have to stand first
	for line := range strings.Lines(code) {
		if strings.HasPrefix(line, "use ") {
			uses += line
		} else {
			rest += line
		}
	}
	before := "require '" + repository + "/clients/php/tests/bootstrap.php';\n"
	if strings.Contains(uses, `Scenecast\Laravel`) {
		before += "require '" + repository + "/cmd/scenecast/testdata/tutorials/laravel.php';\n"
	}
	if strings.Contains(code, `Pusher\Pusher`) {
		before += "require '" + repository + "/e2e/pusher/laravel/Pusher.php';\n"
	}
	r.write("snippet.php", "<?php\n"+uses+before+rest)
	cmd := r.command("php", "-d", "display_errors=stderr", "snippet.php")
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil || errs.Len() > 0 {
		r.t.Errorf("%s\n%v (scripts/install-test-tools installs PHP and Laravel): %s%s", code, err, &errs, out)
	}
	return string(out)
}

// matches compares lines, but for spaces around them. … is any text.
func matches(pattern, got string) bool {
	quoted := strings.ReplaceAll(regexp.QuoteMeta(strings.TrimSpace(pattern)), "…", ".*?")
	return regexp.MustCompile("^" + quoted + "$").MatchString(strings.TrimSpace(got))
}

// browser runs pages in Node.
type browser struct {
	t      *testing.T
	cmd    *exec.Cmd
	orders *json.Encoder
	close  func() error
	says   *bufio.Reader
	lines  []string // printed, and not yet asked for
}

// pages is the tutorial's browser.
func (r *tutorial) pages() *browser {
	r.t.Helper()
	if r.browser != nil {
		return r.browser
	}
	script, err := filepath.Abs("testdata/tutorials/browser.mjs")
	if err != nil {
		r.t.Fatal(err)
	}
	cmd := r.command("node", "--experimental-websocket", "--no-warnings", script, "http://"+r.addr)
	in, err := cmd.StdinPipe()
	if err != nil {
		r.t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	b := &browser{t: r.t, cmd: cmd, orders: json.NewEncoder(in), close: in.Close, says: pipe(r.t, cmd.StdoutPipe)}
	if err := cmd.Start(); err != nil {
		r.t.Fatalf("node: %v (scripts/install-test-tools installs it)", err)
	}
	r.t.Cleanup(func() { _ = cmd.Process.Kill() })
	r.browser = b
	return b
}

func (r *tutorial) open(language, code string) {
	r.t.Helper()
	r.pages().order(map[string]any{language: code})
}

// said is a line of the browser.
type said struct {
	Done   bool
	Failed string
	Prints *string
}

func (b *browser) next() (s said) {
	b.t.Helper()
	text, err := b.says.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if err != nil {
		b.t.Fatalf("the pages print nothing more, and do not do what they were told (%q, %v)", text, err)
	}
	return s
}

func (b *browser) order(order map[string]any) {
	b.t.Helper()
	if err := b.orders.Encode(order); err != nil {
		b.t.Fatal(err)
	}
	for {
		switch s := b.next(); {
		case s.Prints != nil:
			b.lines = append(b.lines, *s.Prints)
		case s.Failed != "":
			b.t.Fatalf("%v\n%s", order, s.Failed)
		case s.Done:
			return
		}
	}
}

// printed is the next line that a page prints.
func (b *browser) printed() string {
	b.t.Helper()
	for len(b.lines) == 0 {
		if s := b.next(); s.Prints != nil {
			b.lines = append(b.lines, *s.Prints)
		}
	}
	text := b.lines[0]
	b.lines = b.lines[1:]
	return text
}

// end closes the pages. What they have printed, and the tutorial does not show, is a mistake of it.
func (b *browser) end() {
	b.t.Helper()
	_ = b.close()
	for {
		text, err := b.says.ReadBytes('\n')
		var s said
		if err != nil {
			break
		}
		if json.Unmarshal(text, &s) == nil && s.Prints != nil {
			b.lines = append(b.lines, *s.Prints)
		}
	}
	_ = b.cmd.Wait()
	if len(b.lines) > 0 {
		b.t.Errorf("pages print, and the tutorial does not show: %q", b.lines)
	}
}
