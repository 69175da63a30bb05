package main_test

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// networks are network namespaces, one for each node, which this process reaches all by a bridge.
type networks struct {
	t      *testing.T
	id     string
	subnet string
	n      int
}

func ip(args ...string) error {
	out, err := exec.Command("ip", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ip %q: %v: %s", args, err, out)
	}
	return nil
}

// newNetworks makes them until the test ends. An error says why that is not permitted.
func newNetworks(t *testing.T, n int) (*networks, error) {
	if os.Getuid() != 0 {
		return nil, fmt.Errorf("this needs root")
	}
	pid := os.Getpid()
	w := &networks{t: t, n: n, id: fmt.Sprint(pid % 10000), subnet: fmt.Sprintf("10.%d.%d.", 200+pid%50, pid/50%250)}
	bridge := "scb" + w.id
	t.Cleanup(func() {
		for i := range n {
			_ = ip("netns", "del", w.namespace(i))
		}
		_ = ip("link", "del", bridge)
	})
	setup := [][]string{
		{"link", "add", bridge, "type", "bridge"},
		{"addr", "add", w.subnet + "100/24", "dev", bridge},
		{"link", "set", bridge, "up"},
	}
	for i := range n {
		ns, here, there := w.namespace(i), fmt.Sprintf("sc%sh%d", w.id, i), fmt.Sprintf("sc%st%d", w.id, i)
		setup = append(setup,
			[]string{"netns", "add", ns},
			[]string{"link", "add", here, "type", "veth", "peer", "name", there},
			[]string{"link", "set", there, "netns", ns},
			[]string{"link", "set", here, "master", bridge, "up"},
			[]string{"-n", ns, "addr", "add", w.addr(i) + "/24", "dev", there},
			[]string{"-n", ns, "link", "set", there, "up"},
			[]string{"-n", ns, "link", "set", "lo", "up"})
	}
	for _, args := range setup {
		if err := ip(args...); err != nil {
			return nil, err
		}
	}
	return w, nil
}

func (w *networks) namespace(i int) string { return fmt.Sprintf("sc%s-%d", w.id, i) }

func (w *networks) addr(i int) string { return fmt.Sprint(w.subnet, i+1) }

// at are the nodes' addresses with a port.
func (w *networks) at(port int) (addrs []string) {
	for i := range w.n {
		addrs = append(addrs, fmt.Sprint(w.addr(i), ":", port))
	}
	return addrs
}

// before is what runs a command in each node's network.
func (w *networks) before() (commands [][]string) {
	for i := range w.n {
		commands = append(commands, []string{"ip", "netns", "exec", w.namespace(i)})
	}
	return commands
}

// cut has everything dropped, without a word, that a node and the others send each other. This process reaches all of them still.
func (w *networks) cut(node int) { w.route("add", node) }

// join ends that.
func (w *networks) join(node int) { w.route("del", node) }

func (w *networks) route(how string, node int) {
	for i := range w.n {
		for j := range w.n {
			if i == j || i != node && j != node {
				continue
			}
			if err := ip("-n", w.namespace(i), "route", how, "blackhole", w.addr(j)+"/32"); err != nil {
				w.t.Error(err)
			}
		}
	}
}
