// Package container builds images of Dockerfiles, and runs containers of them, without an engine: by namespaces of Linux and what Debian
// brings. It is as much of an engine as tests of files for engines need. It needs root.
package container

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Spec says how a container runs.
type Spec struct {
	Name     string // of the host as well
	Image    *Image
	Args     []string // of the image's entry point, in the place of its command
	Env      []string // besides the image's
	User     string   // in the place of the image's
	ReadOnly bool     // the root
	Mounts   []Mount
	Resolver string // resolv.conf; empty: that of Docker, whose name server then runs in the container's network
}

// Mount is a file or directory of this machine in a container.
type Mount struct {
	Source, Target string
	ReadOnly       bool
}

// Container is a process that runs as a container's only one.
type Container struct {
	Addr string // in the network
	Log  Log

	spec      Spec
	namespace string
	user      string
	env       []string
	root      string
	cmd       *exec.Cmd
	ended     chan struct{}
	err       error
}

// Log is what containers write. It may be used concurrently.
type Log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// New prepares a container in a network, with files below dir, without starting it. It has its address already.
func New(n *Network, dir string, spec Spec) (*Container, error) {
	c := &Container{spec: spec, root: filepath.Join(dir, "root-"+spec.Name), user: spec.Image.Config.User}
	if spec.User != "" {
		c.user = spec.User
	}
	if c.user == "" {
		c.user = "0:0"
	}
	c.env = append(slices.Clone(spec.Image.Config.Env), spec.Env...)
	if !slices.ContainsFunc(c.env, func(e string) bool { return strings.HasPrefix(e, "PATH=") }) {
		c.env = append(c.env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
	}
	c.env = append(c.env, "HOSTNAME="+spec.Name, "HOME=/")
	var err error
	if c.namespace, c.Addr, err = n.add(); err != nil {
		return nil, err
	}
	if spec.Resolver == "" {
		c.spec.Resolver = "nameserver 127.0.0.11\noptions ndots:0\n"
		if err := n.serveNamesIn(c.namespace, "127.0.0.11:53"); err != nil {
			return nil, err
		}
	}
	if err := os.Mkdir(c.root, 0o755); err != nil {
		return nil, err
	}
	if spec.Image.Root != "" {
		if out, err := exec.Command("cp", "-a", spec.Image.Root+"/.", c.root).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%w: %s", err, out)
		}
	}
	etc := map[string]string{"resolv.conf": c.spec.Resolver, "hostname": spec.Name + "\n", "hosts": "127.0.0.1 localhost\n" + c.Addr + " " + spec.Name + "\n"}
	for name, text := range etc {
		file := filepath.Join(dir, spec.Name+"-"+name)
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			return nil, err
		}
		c.spec.Mounts = append(slices.Clone(c.spec.Mounts), Mount{Source: file, Target: "/etc/" + name})
	}
	return c, nil
}

// Start starts it, also once more when it has ended. Whoever starts one must see to its end: Stop, or Kill.
func (c *Container) Start() error {
	argv := append(slices.Clone(c.spec.Image.Config.Entrypoint), c.spec.Args...)
	if c.spec.Args == nil {
		argv = append(argv, c.spec.Image.Config.Cmd...)
	}
	uid, gid, _ := strings.Cut(c.user, ":")
	dir := c.spec.Image.Config.WorkingDir
	if dir == "" {
		dir = "/"
	}
	c.cmd = exec.Command("nsenter", append([]string{"--net=/run/netns/" + c.namespace, "setpriv", "--no-new-privs",
		"sh", "-c", c.script(), "sh", "unshare", "--root=" + c.root, "--wd=" + dir, "--setgid=" + gid, "--setuid=" + uid, "--"}, argv...)...)
	c.cmd.Env = c.env
	c.cmd.Stdout, c.cmd.Stderr = &c.Log, &c.Log
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC}
	if err := c.cmd.Start(); err != nil {
		return err
	}
	c.ended = make(chan struct{})
	go func() {
		c.err = c.cmd.Wait()
		close(c.ended)
	}()
	return nil
}

// script makes the container's files, and becomes its arguments.
func (c *Container) script() string {
	var s strings.Builder
	line := func(format string, args ...any) {
		for i := range args {
			args[i] = quote(fmt.Sprint(args[i]))
		}
		fmt.Fprintf(&s, format+"\n", args...)
	}
	line("set -e")
	line("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
	line("mount --make-rprivate /")
	line("mount --bind %s %s", c.root, c.root)
	if c.spec.Image.Root == "" {
		s.WriteString(system(c.root))
		line("mount -t tmpfs tmpfs %s", c.root+"/usr/local/etc")
	}
	line("mkdir -p %s %s %s", c.root+"/proc", c.root+"/dev", c.root+"/etc")
	line("mount -t proc proc %s", c.root+"/proc")
	line("mount -t tmpfs -o mode=0755 tmpfs %s", c.root+"/dev")
	for _, device := range []string{"null", "zero", "full", "random", "urandom"} {
		line("touch %s && mount --bind %s %s", c.root+"/dev/"+device, "/dev/"+device, c.root+"/dev/"+device)
	}
	for _, m := range c.spec.Mounts {
		target := c.root + m.Target
		if info, err := os.Stat(m.Source); err == nil && info.IsDir() {
			line("mkdir -p %s", target)
		} else {
			line("mkdir -p %s && { [ -e %s ] || touch %s; }", filepath.Dir(target), target, target)
		}
		line("mount --bind %s %s", m.Source, target)
		if m.ReadOnly {
			line("mount -o remount,bind,ro %s", target)
		}
	}
	line("hostname %s", c.spec.Name)
	if c.spec.ReadOnly {
		line("mount -o remount,bind,ro %s", c.root)
	}
	line(`exec "$@"`)
	return s.String()
}

// quote makes one word of the shell of a text.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// Exec runs a program in the container, with its user, directory and environment, and returns all that it writes.
func (c *Container) Exec(ctx context.Context, argv ...string) (out string, err error) {
	b, err := c.Command(ctx, argv...).CombinedOutput()
	return string(b), err
}

// Command is a program in the container that has not been started.
func (c *Container) Command(ctx context.Context, argv ...string) *exec.Cmd {
	uid, gid, _ := strings.Cut(c.user, ":")
	cmd := exec.CommandContext(ctx, "nsenter", append([]string{fmt.Sprintf("--target=%d", c.PID()), "--mount", "--pid", "--net", "--uts", "--ipc", "--root", "--wdns=" + c.spec.Image.Config.WorkingDir,
		"--setgid=" + gid, "--setuid=" + uid, "--"}, argv...)...)
	cmd.Env = c.env
	return cmd
}

// PID is that of its process, for this machine.
func (c *Container) PID() int { return c.cmd.Process.Pid }

// Stop sends it the image's signal for it, waits for the end, and returns its error: nil where the status is 0. When ctx ends it is killed.
func (c *Container) Stop(ctx context.Context) error {
	signal := syscall.SIGTERM
	if name := c.spec.Image.Config.StopSignal; name != "" {
		if signal = unix.SignalNum(name); signal == 0 {
			return fmt.Errorf("no signal %s", name)
		}
	}
	if err := c.cmd.Process.Signal(signal); err != nil {
		return err
	}
	select {
	case <-c.ended:
		return c.err
	case <-ctx.Done():
		c.Kill()
		return fmt.Errorf("%s was killed: %w", c.spec.Name, ctx.Err())
	}
}

// Ended is closed when it has ended.
func (c *Container) Ended() <-chan struct{} { return c.ended }

// Kill ends it, if it runs.
func (c *Container) Kill() {
	if c.cmd != nil && c.cmd.Process != nil {
		_ = c.cmd.Process.Kill()
		<-c.ended
	}
}
