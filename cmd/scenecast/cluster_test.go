package main_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"scenecast/freeport"
)

// clusterPatience ends a test of several processes that would hang, also on a machine that is busy with others.
const clusterPatience = 3 * time.Minute

// commandsOf are the commands of the section of a document, a line each, with the program under test and ports that are free.
func commandsOf(t *testing.T, document, section string) (commands []string, ports map[string]string) {
	t.Helper()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "\n"+section+"\n")
	rest, _, _ = strings.Cut(rest, "\n## ")
	var block string
	for _, after := range strings.Split(rest, "```sh\n")[1:] {
		lines, _, _ := strings.Cut(after, "```")
		block += lines
	}
	ports = make(map[string]string)
	block = regexp.MustCompile(`127\.0\.0\.1:[0-9]+`).ReplaceAllStringFunc(block, func(addr string) string {
		if ports[addr] == "" {
			ports[addr] = freeport.Addr(t)
		}
		return ports[addr]
	})
	return strings.Split(strings.TrimSpace(strings.ReplaceAll(block, "bin/scenecast", binary)), "\n"), ports
}

// shell prepares a command of a document. A process that it is to leave in the background is the command's own.
func shell(t *testing.T, dir, text string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("sh", "-c", "exec "+strings.TrimSuffix(text, " &"))
	cmd.Dir = dir
	cmd.Env = []string{"HOME=" + dir, "PATH=" + os.Getenv("PATH")}
	return cmd
}

// caller calls the API of one node.
type caller struct {
	t    *testing.T
	addr string
}

// pushed is an answer to a push.
type pushed struct {
	Kind  string
	Nodes int
	Known int `json:"nodes_known"`
}

// call makes a call. It always ends: a server that hangs fails the test.
func (c caller) call(method, path, key, body string) (status int, header http.Header, answer string) {
	c.t.Helper()
	r, err := http.NewRequest(method, "http://"+c.addr+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer the-backends-key")
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	response, err := (&http.Client{Timeout: patience}).Do(r)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return response.StatusCode, response.Header, string(text)
}

// push makes one attempt to push a text to the home page, under a key.
func (c caller) push(text string) (status int, answer pushed) {
	c.t.Helper()
	status, header, body := c.call("POST", "/v1/push", text, `{"to":{"page":"home"},"message":"`+text+`"}`)
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		c.t.Fatal(err)
	}
	switch {
	case status == 200:
	case status == 503 && answer.Kind == "unavailable" && header.Get("Retry-After") == "1":
	case status == 504 && answer.Kind == "uncertain":
	default:
		c.t.Fatalf("push: %d, Retry-After %q, %s", status, header.Get("Retry-After"), body)
	}
	return status, answer
}

// await pushes texts that begin so, one after the other and each until it is published, until an answer is what is wanted. It returns
// the texts.
func (c caller) await(name string, wanted func(pushed) bool) (texts []string) {
	c.t.Helper()
	for deadline := time.Now().Add(clusterPatience); time.Now().Before(deadline); {
		text := fmt.Sprintf("%s-%d", name, len(texts))
		status, answer := c.push(text)
		for status != 200 && time.Now().Before(deadline) { // what is retried under its key is published once
			time.Sleep(100 * time.Millisecond)
			status, answer = c.push(text)
		}
		texts = append(texts, text)
		if status == 200 && wanted(answer) {
			return texts
		}
		time.Sleep(50 * time.Millisecond)
	}
	c.t.Fatalf("%s: not within %v", name, clusterPatience)
	return nil
}

// TestThreeNodes runs the commands of docs/cluster.md: three nodes as processes of their own. Then one hangs, then another one, too,
// and one is killed: what is published reaches a page on the third once and in order, what is not is never told as published, and
// nothing hangs.
func TestThreeNodes(t *testing.T) {
	commands, ports := commandsOf(t, "../../docs/cluster.md", "## Three nodes in five minutes")
	if len(commands) != 6 {
		t.Fatalf("the document has the commands %q", commands)
	}
	dir := t.TempDir()
	nodes := make([]*exec.Cmd, 3)
	for i := range nodes {
		nodes[i] = shell(t, dir, commands[i])
		log, err := os.Create(fmt.Sprintf("%s/node%d.log", dir, i))
		if err != nil {
			t.Fatal(err)
		}
		defer log.Close()
		nodes[i].Stdout, nodes[i].Stderr = log, log
		if err := nodes[i].Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = nodes[i].Process.Kill() // a stopped process, too
			_ = nodes[i].Wait()
			if text, _ := os.ReadFile(log.Name()); t.Failed() {
				t.Logf("node %d:\n%s", i, text[max(0, len(text)-4000):])
			}
		})
	}
	a := caller{t, ports["127.0.0.1:9502"]}
	awaitReady(t, a.addr)
	awaitReady(t, ports["127.0.0.1:9503"])
	awaitReady(t, ports["127.0.0.1:9504"])

	// The page of the document is on b, and ends with it. Another one is on a, and stays.
	page := shell(t, dir, commands[3])
	messages, notes := pipe(t, page.StdoutPipe), pipe(t, page.StderrPipe)
	if err := page.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = page.Process.Kill(); _ = page.Wait() }()
	line(t, notes, `^connected at `)
	stays := follow(t, longCommand(t, "listen", "--url", "http://"+a.addr, "--client-token", "token-of-all-pages", "--label", "page=home"))
	line(t, stays.stderr, `^connected at `)
	a.await("known", func(p pushed) bool { return p.Nodes == 3 && p.Known == 3 })
	if out, err := shell(t, dir, commands[4]).Output(); err != nil || !strings.Contains(string(out), `"matched":2,"queued":2,"dropped":0,"nodes":3,"nodes_known":3`) {
		t.Errorf("%s: %v, %s", commands[4], err, out)
	}
	line(t, messages, `^"hello from another node"$`)
	out, err := shell(t, dir, commands[5]).Output()
	if err != nil || len(regexp.MustCompile(`(?m)^[abc] .*\bup\b`).FindAllString(string(out), -1)) != 3 || !strings.Contains(string(out), "of 3 copies are in sync") {
		t.Errorf("%s: %v\n%s", commands[5], err, out)
	}
	line(t, stays.stdout, `^"hello from another node"$`)

	// c hangs: the answers are those of two nodes, and say so.
	signal(t, nodes[2], syscall.SIGSTOP)
	want := a.await("two", func(p pushed) bool { return p.Nodes == 2 })

	// b hangs as well: nothing is published any more, and nothing is told as published.
	signal(t, nodes[1], syscall.SIGSTOP)
	deadline := time.Now().Add(clusterPatience)
	var uncertain []string
	for i := 0; ; i++ {
		text := fmt.Sprint("none-", i)
		status, answer := a.push(text)
		if status == 503 {
			break
		}
		if status == 200 {
			t.Errorf("published without a majority: %+v", answer)
		}
		uncertain = append(uncertain, text)
		if time.Now().After(deadline) {
			t.Fatal("publishes are not refused")
		}
	}
	for {
		ready, header, _ := a.call("GET", "/readyz", "", "")
		counted, _, text := a.call("POST", "/v1/audience", "", `{"to":"*"}`)
		if ready == 503 && counted == 503 {
			if header.Get("Retry-After") != "1" {
				t.Errorf("readiness: Retry-After %q", header.Get("Retry-After"))
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("without a majority: readyz %d, audience %d %s", ready, counted, text)
		}
		time.Sleep(50 * time.Millisecond)
	}

	// c is killed, and b goes on: a majority again. What was uncertain is retried under its key.
	signal(t, nodes[2], syscall.SIGKILL)
	signal(t, nodes[1], syscall.SIGCONT)
	healed := a.await("healed", func(p pushed) bool { return p.Nodes == 2 && p.Known == 2 })
	for _, text := range uncertain {
		for status, _ := a.push(text); status != 200; status, _ = a.push(text) {
			if time.Now().After(deadline) {
				t.Fatalf("the retry of %s is not published", text)
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
	last := a.await("last", func(pushed) bool { return true })

	// The page that stayed has all of it once, and what was published one after the other in that order.
	times := make(map[string]int)
	var order []string
	for text := ""; text != last[len(last)-1]; {
		text = line(t, stays.stdout, `^"(.*)"$`)
		if times[text]++; !strings.HasPrefix(text, "none-") {
			order = append(order, text)
		}
	}
	if published := strings.Join(append(append(want, healed...), last...), " "); strings.Join(order, " ") != published {
		t.Errorf("the page has\n%s\nand published was\n%s", strings.Join(order, " "), published)
	}
	for _, text := range uncertain {
		if times[text] != 1 {
			t.Errorf("the page has %s %d times", text, times[text])
		}
	}
	if more := unread(stays.stderr); strings.Contains(more, "lost") {
		t.Errorf("the page that stayed: %s", more)
	}
}

// longCommand is command, with the patience of a test of several processes.
func longCommand(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(binary, args...)
	cmd.Dir = t.TempDir()
	cmd.Env = []string{"HOME=" + cmd.Dir, "PATH=" + os.Getenv("PATH")}
	return cmd
}

// unread is what has come and was not read.
func unread(r *bufio.Reader) string {
	b, _ := r.Peek(r.Buffered())
	return string(b)
}

func signal(t *testing.T, cmd *exec.Cmd, s syscall.Signal) {
	t.Helper()
	if err := cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
	if s == syscall.SIGSTOP { // a process does not stop in the call: its threads may still run for a while
		awaitStopped(t, cmd.Process.Pid)
	}
}

// awaitReady waits until a node lets pages and backends in.
func awaitReady(t *testing.T, addr string) {
	t.Helper()
	for deadline := time.Now().Add(clusterPatience); ; time.Sleep(50 * time.Millisecond) {
		response, err := http.Get("http://" + addr + "/readyz")
		if err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is not ready: %v", addr, err)
		}
	}
}
