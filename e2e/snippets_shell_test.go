package e2e_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// shellRule says what is done with commands of documents that are not simply run. The first rule that matches counts.
type shellRule struct {
	document, command string // regular expressions: of the path, and of the whole command
	do                any    // a witness, or a func(*reader, string)
}

// witness is what runs a command in the place of this test: a file with these words in it.
type witness struct {
	file  string
	words []string
}

var shellRules = []shellRule{
	// What is installed.
	{`.*`, `(composer|php artisan) .*`, witness{"e2e/snippets_composer_test.go", []string{"func TestComposerSnippets(", "range documents(t)"}}},
	{`.*`, `make .*`, (*reader).checkMake},
	// Tests that run all commands of a document, or of a part of one.
	{`docs/tutorial-.*`, `.*`, witness{"cmd/scenecast/tutorials_test.go", []string{"func TestTutorials(", "docs/tutorial-*.md"}}},
	{`docs/cluster.md`, `.*redis.*|bin/scenecast (listen|push) .*`, witness{"cmd/scenecast/redis_test.go", []string{"func TestRedisDocument(", "docs/cluster.md", "## On Redis"}}},
	{`docs/cluster.md`, `.*`, witness{"cmd/scenecast/cluster_test.go", []string{"func TestThreeNodes(", "docs/cluster.md", "## Three nodes in five minutes"}}},
	{`README.md`, `curl .*`, witness{"server/readme_test.go", []string{"func TestReadme(", `"../README.md"`}}},
	{`docs/operations.md`, `docker .*`, witness{"deploy/docker_test.go", []string{"func TestImageRuns(", `shellLines(t, operations, "### Docker\n")`}}},
	{`docs/operations.md`, `(helm|kubectl) .*`, witness{"deploy/helm_test.go", []string{"func TestChart(", `shellLines(t, operations, "### Helm\n")`}}},
	{`examples/compose/.*`, `.*`, witness{"deploy/compose_test.go", []string{"func TestCompose(", "../examples/compose/README.md"}}},
	{`examples/systemd/.*`, `.*`, witness{"packaging/test/example", []string{"examples/systemd/README.md", "block 1", "block 2", "block 3"}}},
	{`examples/nginx/.*`, `scenecast doctor .*`, witness{"cmd/scenecast/proxies_linux_test.go", []string{"func TestProxies(", "../../examples/nginx/nginx.conf"}}},
	{`bench/compare/.*`, `go run .*`, witness{"bench/compare/readme_test.go", []string{"func TestReadme(", `"README.md"`}}},
	// What would change this machine: the tests of packages and releases do it in one of their own.
	{`docs/operations.md`, `sudo dpkg -i bin/release/scenecast_\*_amd64.deb`, witness{"packaging/test/guest", []string{"installs old.deb"}}},
	{`docs/operations.md`, `\(cd bin/release && sha256sum --quiet --check SHA256SUMS\)`, witness{"scripts/test-release", []string{"\n(cd bin/release && sha256sum --quiet --check SHA256SUMS)\n"}}},
	{`docs/operations.md`, `sudo install -m 0755 bin/release/scenecast_\*_linux_amd64 /usr/local/bin/scenecast`, witness{"scripts/release", []string{"program=$out/scenecast_${version}_${os}_$arch"}}},
	{`.*`, `(\(?cd \S+ && )npm .*`, (*reader).checkNPM},
	// What is shown of the command line's usage, and what takes long, or depends on the machine: its flags are read, and no more is done.
	{`docs/cli.md`, `.* \[flags\]`, parses},
	{`docs/cli.md`, `.*scenecast (demo|bench|doctor|handover|log|top|drain --delay 10s) ?.*`, parses},
	// What goes on until somebody ends it.
	{`.*`, `(bin/)?scenecast serve.*`, (*reader).serve},
	{`.*`, `(bin/)?scenecast listen .*`, (*reader).listen},
	{`.*`, `(bin/)?scenecast top`, (*reader).watch},
	{`.*`, `nginx .*`, (*reader).nginx},
	{`.*`, `curl .*-N .*`, (*reader).watch},
	{`.*`, `(bin/)?scenecast push .*|curl .*/v1/push .*`, (*reader).push},
	{`.*`, `(bin/)?scenecast config init`, (*reader).initialize},
	{`.*`, `(sudo -u scenecast )?(bin/)?scenecast (config|drain|health|nodes|reload|token|top|version)\b.*|curl .*|openssl req .*`, (*reader).runs},
}

// TestShellSnippets runs the commands of the documents, each document in a directory of its own, with the program in the path. Addresses and
// secrets are those of this run. A command that neither runs here nor has a rule which says what else runs it is a mistake.
func TestShellSnippets(t *testing.T) {
	t.Parallel()
	shared := newReader(t)
	shared.run("scenecast config init")
	shared.configured()
	shared.serve("scenecast serve")
	used, total := make([]bool, len(shellRules)), 0
	var mu sync.Mutex
	t.Run("documents", func(t *testing.T) {
		for _, document := range documents(t) {
			t.Run(strings.TrimPrefix(document, "../"), func(t *testing.T) {
				t.Parallel()
				r := newReader(t)
				r.addr, r.debug = shared.addr, shared.debug
				snippets := snippetsOf(t, document)
				switch {
				case strings.HasPrefix(document, "../examples/nginx/"):
					r.copyNginx()
				case !slices.ContainsFunc(snippets, initializes):
					r.write("scenecast.yaml", shared.read("scenecast.yaml"))
				}
				for _, name := range []string{"etc/scenecast.yaml", "etc/scenecast/scenecast.yaml"} {
					r.write(name, shared.read("scenecast.yaml"))
				}
				for _, s := range snippets {
					commands := commandsOf(s)
					if s.mark == "other" { // of another product
						continue
					}
					if len(commands) > 0 {
						read := exec.Command("bash", "-n")
						read.Stdin = strings.NewReader(s.code)
						if out, err := read.CombinedOutput(); err != nil && !strings.Contains(s.code, "[flags]") {
							t.Errorf("%s: %v: %s", s.place, err, out)
						}
					}
					for _, command := range commands {
						i := ruleFor(document, command)
						if i < 0 {
							t.Errorf("%s: this test does not know how to run %q", s.place, command)
							continue
						}
						mu.Lock()
						used[i] = true
						total++
						mu.Unlock()
						switch do := shellRules[i].do.(type) {
						case witness:
							do.check(t)
						case func(*reader, string):
							do(r, command)
						}
					}
				}
			})
		}
	})
	for i, rule := range shellRules {
		if !used[i] {
			t.Errorf("no document has a command for the rule %s: %s", rule.document, rule.command)
		}
	}
	if total < 100 {
		t.Errorf("found only %d commands: this test does not read the documents any more", total)
	}
}

// initializes is whether the commands of a snippet write a scenecast.yaml; a document without such a snippet relies on one that is there.
func initializes(s snippet) bool {
	return slices.ContainsFunc(commandsOf(s), func(command string) bool { return strings.HasSuffix(command, "scenecast config init") })
}

func ruleFor(document, command string) int {
	for i, rule := range shellRules {
		if matched, err := regexp.MatchString(`(?s)^\.\./(?:`+rule.document+`)$`, document); err != nil || !matched {
			continue
		}
		if regexp.MustCompile(`(?s)^(?:` + rule.command + `)$`).MatchString(command) {
			return i
		}
	}
	return -1
}

// commandsOf are the commands of a snippet: of shell, and of one without a language those that begin with the program's name.
func commandsOf(s snippet) (commands []string) {
	for _, command := range splitCommands(s.code) {
		if s.language == "sh" || s.language == "" && strings.Contains(" "+command, " scenecast ") && !strings.Contains(s.code, "$ scenecast") {
			commands = append(commands, command)
		}
	}
	return commands
}

// splitCommands splits shell into commands: quotes and backslashes go on over the ends of lines. Comments, and the & of the background, are left out.
func splitCommands(code string) (commands []string) {
	var command strings.Builder
	var quote rune
	var before rune
	comment := false
	for _, c := range strings.ReplaceAll(code, "\\\n", " ") + "\n" {
		switch {
		case comment && c != '\n':
			continue
		case quote != 0:
			if c == quote && before != '\\' {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '#' && (before == 0 || before == ' ' || before == '\n'):
			comment = true
			continue
		case c == '\n':
			if text := strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(command.String()), "&")); text != "" {
				commands = append(commands, text)
			}
			command.Reset()
			comment, before = false, c
			continue
		}
		command.WriteRune(c)
		before = c
	}
	return commands
}

func TestSplitCommands(t *testing.T) {
	t.Parallel()
	const code = "# why\na 'b\n # c' \"d\\\" e\" # f\n\ng \\\n  h#i &\n(j; k)"
	want := []string{"a 'b\n # c' \"d\\\" e\"", "g    h#i", "(j; k)"}
	if got := splitCommands(code); strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("got %q, want %q", got, want)
	}
}

func (w witness) check(t *testing.T) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", w.file))
	if err != nil {
		t.Error(err)
	}
	for _, word := range w.words {
		if !strings.Contains(string(content), word) {
			t.Errorf("%s has no %q", w.file, word)
		}
	}
}

func (r *reader) read(name string) string {
	r.t.Helper()
	content, err := os.ReadFile(filepath.Join(r.dir, name))
	if err != nil {
		r.t.Fatal(err)
	}
	return string(content)
}

func parses(r *reader, command string) { r.t.Helper(); r.parse(command) }

func (r *reader) runs(command string) { r.t.Helper(); r.run(r.filled(command)) }

func (r *reader) initialize(command string) {
	r.t.Helper()
	r.run(command)
	r.configured()
}

// parse has the program read the flags of a command, and do nothing but print its help.
func (r *reader) parse(command string) (help string) {
	r.t.Helper()
	command, _, _ = strings.Cut(command, " | ")
	command = strings.ReplaceAll(r.filled(command), "$(pidof scenecast)", "1")
	for _, optional := range []string{" [flags]", " [FILE]"} {
		command = strings.ReplaceAll(command, optional, "")
	}
	if help = r.run(command + " --help"); !strings.Contains(help, "Usage:") {
		r.t.Errorf("%s --help says %s", command, help)
	}
	return help
}

// push runs a push, whose answer has the form that the API's description has. A page that listens here and is meant by it gets its message.
func (r *reader) push(command string) {
	r.t.Helper()
	var answer map[string]any
	out := r.run(r.filled(command))
	if err := json.Unmarshal([]byte(out), &answer); err != nil {
		r.t.Errorf("%s\nis answered %s (%v)", command, out, err)
	}
	for _, key := range []string{"matched", "queued", "dropped", "nodes", "nodes_known"} {
		if _, ok := answer[key].(float64); !ok {
			r.t.Errorf("%s\nis answered without %q: %s", command, key, out)
		}
	}
	for _, b := range r.running {
		if strings.Contains(b.text, " listen --label page=home") && strings.Contains(command, `"page":"home"`) {
			message := b.await(r.t, b.stdout, `^(.*)\n$`)
			if !json.Valid([]byte(message)) || !strings.Contains(command, message) {
				r.t.Errorf("%s\nthe page gets %s", command, message)
			}
		}
	}
}

// listen starts a page, and waits until it is connected.
func (r *reader) listen(command string) {
	r.t.Helper()
	b := r.background(r.filled(command))
	b.await(r.t, b.stderr, "^connected at ")
}

// watch starts what prints something again and again, and waits until it has printed.
func (r *reader) watch(command string) {
	r.t.Helper()
	b := r.background(r.filled(command))
	b.await(r.t, b.stdout, ".")
}
