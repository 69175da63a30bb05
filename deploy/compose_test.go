package deploy_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"

	"scenecast/deploy/container"
)

const composeFile = "../examples/compose/compose.yaml"

// loadProject reads the file as Compose does, with variables of a .env file.
func loadProject(ctx context.Context, env string) (*types.Project, error) {
	options, err := cli.NewProjectOptions([]string{composeFile}, cli.WithEnvFiles(env), cli.WithDotEnv)
	if err != nil {
		return nil, err
	}
	return options.LoadProject(ctx)
}

// composition runs the services of a project as containers.
type composition struct {
	t          *testing.T
	project    *types.Project
	network    *container.Network
	containers map[string]*container.Container
}

func newComposition(t *testing.T, project *types.Project) *composition {
	c := &composition{t: t, project: project, network: network(t), containers: make(map[string]*container.Container)}
	volumes := t.TempDir()
	for name := range project.Volumes { // as Docker makes them: like the directory of the image
		if out, err := exec.Command("cp", "-a", filepath.Join(image(t).Root, "data"), filepath.Join(volumes, name)).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	for name, service := range project.Services {
		spec := container.Spec{Name: name, Image: c.image(service), Args: service.Command, User: service.User, ReadOnly: service.ReadOnly}
		for key, value := range service.Environment {
			if value == nil {
				t.Fatalf("service %s: the variable %s has no value", name, key)
			}
			spec.Env = append(spec.Env, key+"="+*value)
		}
		for _, v := range service.Volumes {
			source := v.Source
			if v.Type == types.VolumeTypeVolume {
				if _, exists := project.Volumes[v.Source]; !exists {
					t.Fatalf("service %s has no volume at %s", name, v.Target)
				}
				source = filepath.Join(volumes, v.Source)
			}
			spec.Mounts = append(spec.Mounts, container.Mount{Source: source, Target: v.Target, ReadOnly: v.ReadOnly})
		}
		made := create(t, c.network, spec)
		c.containers[name] = made
		c.network.Name(name, made.Addr)
	}
	return c
}

func (c *composition) image(service types.ServiceConfig) *container.Image {
	switch name, _, _ := strings.Cut(service.Image, ":"); name {
	case "scenecast":
		return image(c.t)
	case "haproxy":
		i := new(container.Image)
		i.Config.Entrypoint, i.Config.User = []string{"haproxy", "-W", "-db"}, "65534:65534"
		i.Config.Cmd = []string{"-f", "/usr/local/etc/haproxy/haproxy.cfg"}
		return i
	}
	c.t.Fatalf("no image %s", service.Image)
	return nil
}

// docker does what `docker` does with these arguments, as far as the README has them.
func (c *composition) docker(args string) {
	c.t.Helper()
	words := strings.Fields(args)
	services := slices.Sorted(maps.Keys(c.containers))
	if len(words) > 2 && c.containers[words[2]] != nil {
		services = words[2:]
	}
	switch {
	case args == "compose up --build --wait" || len(words) == 3 && words[1] == "start":
		for _, name := range services {
			start(c.t, c.containers[name])
		}
		for _, name := range services {
			if check := c.image(c.project.Services[name]).Config.Healthcheck; check != nil {
				healthy(c.t, c.containers[name], check.Test[1:])
			}
		}
	case len(words) == 3 && words[1] == "stop":
		for _, name := range services {
			stop(c.t, c.containers[name], time.Duration(*c.project.Services[name].StopGracePeriod))
		}
	default:
		c.t.Fatalf("docker %s is not known here", args)
	}
}

// TestCompose: what examples/compose says is run: the command that makes secrets, and the services as compose.yaml has them, each with a network,
// a name and files of its own, behind the proxy. While a node is stopped and comes back, no call fails, and pages get every push once.
func TestCompose(t *testing.T) {
	if _, err := loadProject(t.Context(), "/dev/null"); err == nil || !strings.Contains(err.Error(), "set it in .env") {
		t.Errorf("without secrets: %v", err)
	}
	for _, program := range []string{"haproxy", "openssl", "curl"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatalf("no %s", program)
		}
	}
	dir := t.TempDir()
	lines := shellLines(t, "../examples/compose/README.md", "")
	if out, err := shell(t, dir, lines[0]); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	project, err := loadProject(t.Context(), filepath.Join(dir, ".env"))
	if err != nil {
		t.Fatal(err)
	}
	checkProject(t, project)
	c := newComposition(t, project)
	proxy := "http://" + c.containers["proxy"].Addr + ":9502"
	var pages []*page
	var pushes *publisher
	var setup string
	for _, line := range lines[1:] {
		line = strings.ReplaceAll(line, "http://localhost:9502", proxy)
		switch args, isDocker := strings.CutPrefix(line, "docker "); {
		case isDocker && strings.Contains(args, " stop "):
			pushes = publish(t, proxy, secret(t, project, "API_KEY"))
			c.docker(args)
		case isDocker:
			c.docker(args)
			for range 3 - len(pages) { // one at each node
				pages = append(pages, listen(t, proxy, secret(t, project, "CLIENT_TOKEN")))
			}
		case strings.HasPrefix(line, ". "):
			setup += line + "\n"
		default:
			out, err := shell(t, dir, setup+line)
			nodes := `"nodes":3`
			if strings.Contains(line, "by two") {
				nodes = `"nodes":2`
			}
			if err != nil || !strings.Contains(out, nodes) {
				t.Fatalf("%s\n%s, %v; want %s", line, out, err, nodes)
			}
		}
	}
	sent := pushes.stop()
	for _, p := range pages {
		p.await(t, sent)
	}
	for _, name := range []string{"proxy", "a", "b", "c"} {
		if name != "proxy" {
			stop(t, c.containers[name], time.Duration(*project.Services[name].StopGracePeriod))
		}
	}
}

// checkProject looks after what no process shows.
func checkProject(t *testing.T, project *types.Project) {
	t.Helper()
	for _, name := range []string{"a", "b", "c"} {
		s := project.Services[name]
		if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) || !slices.Equal(s.SecurityOpt, []string{"no-new-privileges:true"}) || s.Hostname != name {
			t.Errorf("%s: %+v", name, s)
		}
		root, err := filepath.Abs("..")
		if err != nil || s.Build.Context != root || s.Build.Dockerfile != "deploy/docker/Dockerfile" {
			t.Errorf("%s is built of %+v, %v", name, s.Build, err)
		}
		if len(s.Ports) > 0 {
			t.Errorf("%s can be reached beside the proxy: %+v", name, s.Ports)
		}
	}
	if ports := project.Services["proxy"].Ports; len(ports) != 1 || ports[0].Target != 9502 || ports[0].Published != "9502" {
		t.Errorf("the proxy is at %+v", ports)
	}
}

// secret is a variable of the .env file.
func secret(t *testing.T, project *types.Project, name string) string {
	t.Helper()
	value := project.Environment[name]
	if len(value) != 32 {
		t.Fatalf("%s is %q", name, value)
	}
	return value
}

func shell(t *testing.T, dir, line string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-ec", line)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "no_proxy=*")
	out, err := cmd.Output()
	return string(out), err
}

// page is a `scenecast listen`.
type page struct {
	mu       sync.Mutex
	messages []string
}

// listen starts one, which ends with the test, and waits until it is connected.
func listen(t *testing.T, url, token string) *page {
	t.Helper()
	cmd := program(t, "listen", "--url", url, "--client-token", token, "--label", "page=home")
	p := new(page)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	until(t, bufio.NewScanner(stderr), "connected at")
	var reading sync.WaitGroup
	reading.Go(func() { _, _ = io.Copy(io.Discard, stderr) })
	reading.Go(func() {
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			p.mu.Lock()
			p.messages = append(p.messages, lines.Text())
			p.mu.Unlock()
		}
	})
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		reading.Wait()
		_ = cmd.Wait()
	})
	return p
}

// numbered are the messages of the publisher that have come.
func (p *page) numbered() (numbers []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.messages {
		if !strings.HasPrefix(m, "{") {
			numbers = append(numbers, m)
		}
	}
	return numbers
}

// await waits until numbered messages up to this one have come: all, each once, in order.
func (p *page) await(t *testing.T, last int) {
	t.Helper()
	var want []string
	for i := range last {
		want = append(want, fmt.Sprint(i+1))
	}
	eventually(t, func() string { return fmt.Sprintf("a page got %v; want 1 to %d", p.numbered(), last) }, func() bool { return slices.Equal(p.numbered(), want) })
}

// publisher pushes numbers, one after the other.
type publisher struct {
	cancel context.CancelFunc
	done   chan struct{}
	sent   int
}

func publish(t *testing.T, url, key string) *publisher {
	ctx, cancel := context.WithCancel(t.Context())
	p := &publisher{cancel: cancel, done: make(chan struct{})}
	client := &http.Client{Timeout: patience}
	go func() {
		defer close(p.done)
		defer client.CloseIdleConnections()
		for ctx.Err() == nil {
			p.sent++
			r, _ := http.NewRequest(http.MethodPost, url+"/v1/push", strings.NewReader(fmt.Sprintf(`{"to": {"page": "home"}, "message": %d}`, p.sent)))
			r.Header.Set("Authorization", "Bearer "+key)
			response, err := client.Do(r)
			if err != nil {
				t.Errorf("push %d: %v", p.sent, err)
				return
			}
			body, _ := io.ReadAll(response.Body)
			response.Body.Close()
			if response.StatusCode != http.StatusOK {
				t.Errorf("push %d: %s: %s", p.sent, response.Status, body)
			}
			select {
			case <-ctx.Done():
			case <-time.After(50 * time.Millisecond):
			}
		}
	}()
	t.Cleanup(func() { p.stop() })
	return p
}

// stop ends it, and returns how many it has pushed.
func (p *publisher) stop() int {
	p.cancel()
	<-p.done
	return p.sent
}
