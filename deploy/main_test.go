package deploy_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"scenecast/deploy/container"
)

// patience is how long a test waits for what should happen at once.
const patience = 60 * time.Second

// scratch is where the image is built, once for all tests.
var scratch string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "deploy")
	if err != nil {
		panic(err)
	}
	scratch = dir
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

const version = "v9.8.7"

// build builds the image as its Dockerfile says.
var build = sync.OnceValues(func() (*container.Image, error) {
	return container.Build(context.Background(), "docker/Dockerfile", "..", scratch, map[string]string{"VERSION": version})
})

// image is the product's image. Without root there can be none.
func image(t *testing.T) *container.Image {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("containers need root")
	}
	i, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// program is the image's program, to be run outside of containers.
func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	return exec.CommandContext(t.Context(), filepath.Join(image(t).Root, "usr/bin/scenecast"), args...)
}

// network is one for the test.
func network(t *testing.T) *container.Network {
	t.Helper()
	n, err := container.NewNetwork()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	return n
}

// create prepares a container, which is killed when the test ends; where the test has failed, its log is told.
func create(t *testing.T, n *container.Network, spec container.Spec) *container.Container {
	t.Helper()
	c, err := container.New(n, t.TempDir(), spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Kill()
		if t.Failed() {
			text := c.Log.String()
			t.Logf("%s:\n%s", spec.Name, text[max(0, len(text)-4000):])
		}
	})
	return c
}

func start(t *testing.T, c *container.Container) {
	t.Helper()
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
}

// eventually waits until a condition holds; where it does not, what tells why.
func eventually(t *testing.T, what func() string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !condition(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(what())
		}
	}
}

// healthy waits until the image's health check passes in a container.
func healthy(t *testing.T, c *container.Container, check []string) {
	t.Helper()
	var out string
	eventually(t, func() string { return "not healthy: " + out }, func() bool {
		select {
		case <-c.Ended():
			t.Fatal("it has ended")
		default:
		}
		var err error
		out, err = c.Exec(t.Context(), check...)
		return err == nil
	})
}

// stop stops a container, which must end by itself with status 0 within this time.
func stop(t *testing.T, c *container.Container, within time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	if err := c.Stop(ctx); err != nil {
		t.Error(err)
	}
}
