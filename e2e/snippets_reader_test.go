package e2e_test

import (
	"bufio"
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// builtProgram builds the program once, and returns its path.
var builtProgram = sync.OnceValues(func() (path string, err error) {
	root, err := filepath.Abs("..")
	if err != nil {
		return "", err
	}
	if out, err := exec.Command("make", "-s", "-C", root, "build").CombinedOutput(); err != nil {
		return "", &exec.Error{Name: string(out), Err: err}
	}
	return filepath.Join(root, "bin", "scenecast"), nil
})

// reader does what a document says, in a directory of its own with bin/scenecast in it.
type reader struct {
	t       *testing.T
	dir     string
	addr    string    // of the server; empty: none runs yet
	debug   string    // of the server's debug port
	proxy   string    // of nginx; empty: the document has none
	env     []string  // of commands, beside what all have
	running []*bashed // in the background
}

func newReader(t *testing.T) *reader {
	t.Helper()
	program, err := builtProgram()
	if err != nil {
		t.Fatal(err)
	}
	r := &reader{t: t, dir: t.TempDir()}
	if err := os.Mkdir(filepath.Join(r.dir, "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(program, filepath.Join(r.dir, "bin", "scenecast")); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(r.dir, "etc", "scenecast"), 0o700); err != nil {
		t.Fatal(err)
	}
	r.write(".curlrc", "silent\nshow-error\nfail-with-body\nnoproxy = \"*\"\n")
	t.Cleanup(r.end)
	return r
}

func (r *reader) write(name, content string) {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, name), []byte(content), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// operatorsKey is what a reader adds to the keys in scenecast.yaml, as commands that need a key with the scope admin tell those who have none.
const operatorsKey = "\n  - {name: operator, key: the-key-of-the-operator, allow: [admin]}"

// configured adds the operator's key to scenecast.yaml.
func (r *reader) configured() {
	r.t.Helper()
	keys := regexp.MustCompile(`(?m)^  - \{name: backend, key: .*$`)
	content, err := os.ReadFile(filepath.Join(r.dir, "scenecast.yaml"))
	if err != nil || !keys.Match(content) {
		r.t.Fatalf("scenecast.yaml has no keys (%v):\n%s", err, content)
	}
	r.write("scenecast.yaml", keys.ReplaceAllString(string(content), "$0"+operatorsKey))
}

// secret is the first token or key in scenecast.yaml.
func (r *reader) secret(pattern string) string {
	content, err := os.ReadFile(filepath.Join(r.dir, "scenecast.yaml"))
	if found := regexp.MustCompile(pattern).FindSubmatch(content); err == nil && found != nil {
		return string(found[1])
	}
	return ""
}

var addresses = regexp.MustCompile(`(?:https?://)?(?:localhost:9502|127\.0\.0\.1:9502|10\.0\.0\.\d:9502|push\.example\.com)`)

// filled has addresses and secrets of this run in the place of those that the document has for its reader.
func (r *reader) filled(command string) string {
	command = strings.ReplaceAll(command, " /etc/", " "+r.dir+"/etc/")
	command = strings.TrimPrefix(command, "sudo -u scenecast ")
	command = strings.ReplaceAll(command, "--listen :8080", "--listen 127.0.0.1:0")
	command = addresses.ReplaceAllString(command, "http://"+r.addr)
	command = strings.NewReplacer("127.0.0.1:6060", r.debug, "localhost:8443", "localhost:"+port(r.proxy)).Replace(command)
	return regexp.MustCompile(`([^$A-Z_])API_KEY\b`).ReplaceAllString(command, "${1}"+r.secret(backendKey))
}

const (
	backendKey = `(?m)^  - \{name: backend, key: "(.*?)"`
	pagesToken = `(?m)^client_tokens: \["(.*?)"\]`
)

// bashed is a command that bash runs.
type bashed struct {
	*exec.Cmd
	text           string
	stdout, stderr *bufio.Reader // of one in the background
	mustEnd        bool          // by itself, on SIGTERM, without an error
	cancel         func()
}

func (r *reader) command(text string) *bashed {
	ctx, cancel := context.WithCancel(context.Background())
	b := &bashed{Cmd: exec.CommandContext(ctx, "bash", "-ec", text), text: text, cancel: cancel}
	b.Dir = r.dir
	b.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	b.Cancel = func() error { return syscall.Kill(-b.Process.Pid, syscall.SIGKILL) }
	key, token := r.secret(backendKey), r.secret(pagesToken)
	b.Env = []string{
		"HOME=" + r.dir, "CURL_HOME=" + r.dir, "PATH=" + r.dir + "/bin:" + os.Getenv("PATH") + ":/usr/sbin", "LC_ALL=C.UTF-8", "no_proxy=*",
		"API_KEY=" + key, "KEY=" + key, "TOKEN=" + token, "SCENECAST_LISTEN=" + r.addr, "SCENECAST_DEBUG_LISTEN=" + r.debug,
	}
	b.Env = append(b.Env, r.env...)
	return b
}

// run runs a command to its end, which must be a good one, and returns what it prints.
func (r *reader) run(text string) string {
	r.t.Helper()
	b := r.command(text)
	defer b.cancel()
	defer time.AfterFunc(patience, b.cancel).Stop()
	var out, errs bytes.Buffer
	b.Stdout, b.Stderr = &out, &errs
	if err := b.Run(); err != nil {
		r.t.Errorf("%s\n%v: %s%s", text, err, &errs, &out)
	}
	return out.String()
}

// background starts a command that goes on until the document ends.
func (r *reader) background(text string, env ...string) *bashed {
	r.t.Helper()
	b := r.command("exec " + text)
	b.Env = append(b.Env, env...)
	out, err := b.StdoutPipe()
	if err != nil {
		r.t.Fatal(err)
	}
	errs, err := b.StderrPipe()
	if err != nil {
		r.t.Fatal(err)
	}
	b.stdout, b.stderr = bufio.NewReader(out), bufio.NewReader(errs)
	if err := b.Start(); err != nil {
		r.t.Fatalf("%s: %v", text, err)
	}
	r.running = append(r.running, b)
	return b
}

// await reads lines until one matches, and returns the first group of the match.
func (b *bashed) await(t *testing.T, from *bufio.Reader, pattern string) string {
	t.Helper()
	defer time.AfterFunc(patience, b.cancel).Stop()
	for all := ""; ; {
		line, err := from.ReadString('\n')
		all += line
		if found := regexp.MustCompile(pattern).FindStringSubmatch(line); found != nil {
			return found[len(found)-1]
		}
		if err != nil {
			rest, _ := b.stderr.ReadString(0)
			t.Fatalf("%s\nsays nothing like %s, but\n%s%s", b.text, pattern, all, rest)
		}
	}
}

// serve starts a server on a port of its own, whatever the document says of it.
func (r *reader) serve(text string) {
	r.t.Helper()
	listen := "127.0.0.1:0"
	if r.proxy != "" {
		listen = r.addr
	}
	b := r.background(r.filled(text), "SCENECAST_LISTEN="+listen, "SCENECAST_DEBUG_LISTEN=127.0.0.1:0", "SCENECAST_DRAIN=5s")
	b.mustEnd = true
	r.debug = b.await(r.t, b.stderr, `msg"?[=:]"?debug"?[ ,]"?addr"?[=:]"?([0-9.:]+)`)
	r.addr = b.await(r.t, b.stderr, `msg"?[=:]"?listening"?[ ,]"?addr"?[=:]"?([0-9.:]+)`)
	go func() { _, _ = b.stderr.WriteTo(new(bytes.Buffer)) }()
}

// end ends what runs in the background: servers last, as well as they can.
func (r *reader) end() {
	slices.SortStableFunc(r.running, func(a, b *bashed) int {
		if a.mustEnd == b.mustEnd {
			return 0
		}
		if a.mustEnd {
			return 1
		}
		return -1
	})
	for _, b := range r.running {
		_ = syscall.Kill(-b.Process.Pid, syscall.SIGTERM)
		late := time.AfterFunc(patience, b.cancel)
		if !b.mustEnd {
			go func() { _, _ = b.stdout.WriteTo(new(bytes.Buffer)) }()
		}
		if err := b.Wait(); err != nil && b.mustEnd {
			r.t.Errorf("%s: ends with %v", b.text, err)
		}
		late.Stop()
		b.cancel()
	}
	r.running = nil
}

// port is that of an address; empty: there is none.
func port(addr string) string {
	_, port, _ := net.SplitHostPort(addr)
	return port
}

// awaitPort waits until somebody listens there.
func (r *reader) awaitPort(addr string) {
	r.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		if c, err := net.Dial("tcp", addr); err == nil {
			_ = c.Close()
			return
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("nobody listens at %s", addr)
		}
	}
}
