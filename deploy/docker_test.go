package deploy_test

import (
	"bufio"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/shlex"

	"scenecast/deploy/container"
)

// TestDockerfileIsClean: BuildKit's checks find nothing, and would.
func TestDockerfileIsClean(t *testing.T) {
	if found, err := container.Lint(t.Context(), "docker/Dockerfile"); err != nil || found != "" {
		t.Errorf("%v\n%s", err, found)
	}
	wrong := filepath.Join(t.TempDir(), "Dockerfile")
	if err := os.WriteFile(wrong, []byte("FROM golang as build\nENTRYPOINT scenecast serve\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	found, err := container.Lint(t.Context(), wrong)
	if err != nil || !strings.Contains(found, "FromAsCasing") || !strings.Contains(found, "JSONArgsRecommended") {
		t.Errorf("of a bad one: %q, %v", found, err)
	}
}

// TestImage: the image has the program, certificates and a directory for data, and nothing else; nothing of it runs as root.
func TestImage(t *testing.T) {
	i := image(t)
	var files []string
	err := filepath.WalkDir(i.Root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			files = append(files, strings.TrimPrefix(path, i.Root))
		}
		return err
	})
	if want := []string{"/etc/ssl/certs/ca-certificates.crt", "/usr/bin/scenecast"}; err != nil || !slices.Equal(files, want) {
		t.Errorf("it has %q, %v; want %q", files, err, want)
	}
	pem, err := os.ReadFile(filepath.Join(i.Root, "etc/ssl/certs/ca-certificates.crt"))
	if n := strings.Count(string(pem), "BEGIN CERTIFICATE"); err != nil || n < 50 {
		t.Errorf("%d certificates, %v", n, err)
	}
	if info, err := os.Stat(filepath.Join(i.Root, "data")); err != nil || !info.IsDir() {
		t.Errorf("/data is %v, %v", info, err)
	}
	c := i.Config
	if c.User != "65532:65532" || c.StopSignal != "SIGTERM" || c.WorkingDir != "/data" || fmt.Sprint(c.Volumes) != "map[/data:{}]" || fmt.Sprint(c.ExposedPorts) != "map[9502/tcp:{}]" {
		t.Errorf("it is run as %+v", c)
	}
	if h := c.Healthcheck; h == nil || !slices.Equal(h.Test, []string{"CMD", "/usr/bin/scenecast", "health"}) || h.Timeout <= 5*time.Second {
		t.Errorf("its health check is %+v; want one that waits longer than the 5 s of scenecast health", h)
	}
	out, err := program(t, "version").CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "scenecast version "+version+" ") {
		t.Errorf("%s, %v", out, err)
	}
}

// documented is the container that docs/operations.md runs, and what it executes there. Its volume is data.
func documented(t *testing.T, data string) (spec container.Spec, executes []string) {
	t.Helper()
	spec.Image = image(t)
	var done []string
	for _, line := range shellLines(t, operations, "### Docker\n") {
		words, err := shlex.Split(line)
		if err != nil || len(words) < 2 || words[0] != "docker" {
			t.Fatalf("%q: %v", line, err)
		}
		done = append(done, words[1])
		switch f := flag.NewFlagSet(line, flag.ContinueOnError); words[1] {
		case "build":
			file := f.String("f", "", "")
			f.String("build-arg", "", "")
			tag := f.String("t", "", "")
			if err := f.Parse(words[2:]); err != nil || *file != "deploy/docker/Dockerfile" || *tag != "scenecast" || f.Arg(0) != "." {
				t.Errorf("%q: %v", line, err)
			}
		case "run":
			f.Bool("d", false, "")
			f.StringVar(&spec.Name, "name", "", "")
			f.BoolVar(&spec.ReadOnly, "read-only", false, "")
			drop, option := f.String("cap-drop", "", ""), f.String("security-opt", "", "")
			f.String("ulimit", "", "")
			within, port, volume := f.Int("stop-timeout", 0, ""), f.String("p", "", ""), f.String("v", "", "")
			f.Func("e", "", func(variable string) error { spec.Env = append(spec.Env, variable); return nil })
			if err := f.Parse(words[2:]); err != nil || f.NArg() != 1 || f.Arg(0) != "scenecast" || *drop != "ALL" || *option != "no-new-privileges" || *within <= 30 || *port != "9502:9502" {
				t.Errorf("%q: %v", line, err)
			}
			name, target, _ := strings.Cut(*volume, ":")
			if name != "scenecast" {
				t.Errorf("the volume %s", name)
			}
			spec.Mounts = []container.Mount{{Source: data, Target: target}}
		case "exec":
			executes = words[3:]
		}
	}
	if want := []string{"build", "run", "exec", "stop"}; !slices.Equal(done, want) {
		t.Errorf("the docs do %q; want %q", done, want)
	}
	return spec, executes
}

// TestImageRuns: a container of the image, run as docs/operations.md says, with a read-only root, serves pages as nobody in particular, passes its
// own health check, writes to /data alone, and drains when it is stopped: a page hears of it, and the status is 0.
func TestImageRuns(t *testing.T) {
	data := t.TempDir()
	if err := os.Chown(data, 65532, 65532); err != nil {
		t.Fatal(err)
	}
	spec, health := documented(t, data)
	c := create(t, network(t), spec)
	start(t, c)
	healthy(t, c, image(t).Config.Healthcheck.Test[1:])
	if out, err := c.Exec(t.Context(), health...); err != nil || out != "ready\n" {
		t.Errorf("%q: %s, %v", health, out, err)
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.PID()))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Uid:\t65532\t65532\t65532\t65532\n", "Gid:\t65532\t65532\t65532\t65532\n", "Groups:\t \n", "CapEff:\t0000000000000000\n", "NoNewPrivs:\t1\n"} {
		if !strings.Contains(string(status), want) {
			t.Errorf("the process has no %q:\n%s", want, status)
		}
	}
	if out, err := c.Exec(t.Context(), "/usr/bin/scenecast", "config", "init", "/usr/scenecast.yaml"); err == nil || !strings.Contains(out, "read-only file system") {
		t.Errorf("its root can be written to: %s, %v", out, err)
	}
	if out, err := c.Exec(t.Context(), "/bin/sh", "-c", "true"); err == nil {
		t.Errorf("it has a shell: %s", out)
	}
	url := "http://" + c.Addr + ":9502"
	page := program(t, "listen", "--url", url, "--client-token", "CLIENT_TOKEN", "--label", "page=home")
	stdout, err := page.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := page.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := page.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = page.Process.Kill(); _ = page.Wait() }()
	told := bufio.NewScanner(stderr)
	until(t, told, "connected at")
	if out, err := program(t, "push", "--url", url, "--api-key", "API_KEY", "--to", `{"page":"home"}`, `"from the backend"`).CombinedOutput(); err != nil || !strings.Contains(string(out), `"matched":1`) {
		t.Fatalf("%s, %v", out, err)
	}
	until(t, bufio.NewScanner(stdout), "from the backend")
	if entries, err := os.ReadDir(data); err != nil || len(entries) == 0 {
		t.Errorf("/data has %v, %v; want the log", entries, err)
	}
	stop(t, c, patience)
	until(t, told, "4503") // to come back
}

// until reads until a line has this text.
func until(t *testing.T, lines *bufio.Scanner, want string) {
	t.Helper()
	var read []string
	for lines.Scan() {
		if read = append(read, lines.Text()); strings.Contains(lines.Text(), want) {
			return
		}
	}
	t.Fatalf("no line with %q in %q: %v", want, read, lines.Err())
}
