package container

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// builder follows the instructions of a Dockerfile. Those that it does not know are errors.
type builder struct {
	context string
	ignored *patternmatcher.PatternMatcher
	args    map[string]string
	dir     string
	stages  map[string]*stage
}

// stage is files, and what RUN and WORKDIR depend on.
type stage struct {
	root string
	runs bool // it has the programs of this machine
	dir  string
	env  []string
}

// Build builds the last stage of a Dockerfile, below dir. A stage that begins with the image golang has this machine's programs in its place.
func Build(ctx context.Context, file, context, dir string, args map[string]string) (*Image, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	parsed, err := parser.Parse(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	stages, global, err := instructions.Parse(parsed.AST, nil)
	if err != nil {
		return nil, err
	}
	b := &builder{context: context, args: args, dir: dir, stages: make(map[string]*stage)}
	if b.ignored, err = readIgnored(context); err != nil {
		return nil, err
	}
	var env []string
	for i := range global {
		env = append(env, b.assign(&global[i])...)
	}
	var last *stage
	for i, s := range stages {
		if last, err = b.begin(i, s.BaseName, env); err != nil {
			return nil, err
		}
		b.stages[s.Name] = last
		for _, command := range s.Commands {
			if err := b.follow(ctx, last, command); err != nil {
				return nil, fmt.Errorf("%s: %v: %w", file, command, err)
			}
		}
	}
	if last == nil {
		return nil, fmt.Errorf("%s has no stage", file)
	}
	config, err := configure(ctx, file, text, args)
	return &Image{Root: last.root, Config: config}, err
}

func readIgnored(context string) (*patternmatcher.PatternMatcher, error) {
	file, err := os.Open(filepath.Join(context, ".dockerignore"))
	if errors.Is(err, fs.ErrNotExist) {
		return patternmatcher.New(nil)
	} else if err != nil {
		return nil, err
	}
	defer file.Close()
	patterns, err := ignorefile.ReadAll(file)
	if err != nil {
		return nil, err
	}
	return patternmatcher.New(patterns)
}

func (b *builder) begin(i int, image string, env []string) (*stage, error) {
	image, err := expand(image, env)
	if err != nil {
		return nil, err
	}
	s := &stage{root: filepath.Join(b.dir, "stage-"+strconv.Itoa(i)), dir: "/"}
	if err := os.Mkdir(s.root, 0o755); err != nil {
		return nil, err
	}
	switch name, _, _ := strings.Cut(image, ":"); name {
	case "scratch":
		return s, nil
	case "golang":
		s.runs = true
		return s, os.Mkdir(filepath.Join(s.root, "tmp"), 0o777)
	default:
		return nil, fmt.Errorf("the image %s is not to be had here", image)
	}
}

// assign is what ARG sets.
func (b *builder) assign(c *instructions.ArgCommand) (env []string) {
	for _, arg := range c.Args {
		switch value, exists := b.args[arg.Key]; {
		case exists:
			env = append(env, arg.Key+"="+value)
		case arg.Key == "TARGETOS" || arg.Key == "TARGETARCH":
			env = append(env, arg.Key+"="+map[string]string{"TARGETOS": Platform.OS, "TARGETARCH": Platform.Architecture}[arg.Key])
		case arg.Value != nil:
			env = append(env, arg.Key+"="+*arg.Value)
		}
	}
	return env
}

func expand(word string, env []string) (string, error) {
	word, _, err := shell.NewLex('\\').ProcessWord(word, shell.EnvsFromSlice(env))
	return word, err
}

func (b *builder) follow(ctx context.Context, s *stage, command instructions.Command) error {
	if c, ok := command.(instructions.SupportsSingleWordExpansion); ok {
		if err := c.Expand(func(word string) (string, error) { return expand(word, s.env) }); err != nil {
			return err
		}
	}
	switch c := command.(type) {
	case *instructions.ArgCommand:
		s.env = append(s.env, b.assign(c)...)
	case *instructions.EnvCommand:
		for _, kv := range c.Env {
			s.env = append(s.env, kv.Key+"="+kv.Value)
		}
	case *instructions.WorkdirCommand:
		s.dir = filepath.Join(s.dir, c.Path)
		if filepath.IsAbs(c.Path) {
			s.dir = c.Path
		}
		return os.MkdirAll(filepath.Join(s.root, s.dir), 0o755)
	case *instructions.CopyCommand:
		return b.copy(s, c)
	case *instructions.RunCommand:
		return s.run(ctx, c)
	case *instructions.LabelCommand, *instructions.UserCommand, *instructions.ExposeCommand, *instructions.VolumeCommand, *instructions.StopSignalCommand,
		*instructions.HealthCheckCommand, *instructions.EntrypointCommand, *instructions.CmdCommand:
		// They are in the configuration.
	default:
		return errors.New("not known here")
	}
	return nil
}

func (b *builder) copy(s *stage, c *instructions.CopyCommand) error {
	if c.Chmod != "" || len(c.SourceContents) > 0 || len(c.ExcludePatterns) > 0 || c.Parents {
		return errors.New("an option that is not known here")
	}
	from, ignored := b.context, b.ignored
	if c.From != "" {
		other := b.stages[c.From]
		if other == nil {
			return fmt.Errorf("no stage %s", c.From)
		}
		from, ignored = other.root, nil
	}
	to := c.DestPath
	if !filepath.IsAbs(to) {
		to = filepath.Join(s.dir, to)
	}
	to = filepath.Join(s.root, to)
	uid, gid := 0, 0
	if c.Chown != "" {
		if _, err := fmt.Sscanf(c.Chown, "%d:%d", &uid, &gid); err != nil {
			return fmt.Errorf("chown %s: %w", c.Chown, err)
		}
	}
	for _, source := range c.SourcePaths {
		source = filepath.Join(from, source)
		target := to
		if info, err := os.Stat(source); err != nil {
			return err
		} else if !info.IsDir() && (len(c.SourcePaths) > 1 || strings.HasSuffix(c.DestPath, "/")) {
			target = filepath.Join(to, filepath.Base(source))
		}
		if err := copyTree(from, source, target, ignored, uid, gid); err != nil {
			return err
		}
	}
	return nil
}

// copyTree copies a file, or what is in a directory.
func copyTree(top, source, target string, ignored *patternmatcher.PatternMatcher, uid, gid int) error {
	return filepath.WalkDir(source, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if inContext, _ := filepath.Rel(top, path); ignored != nil && inContext != "." {
			if skip, err := ignored.MatchesOrParentMatches(inContext); err != nil {
				return err
			} else if skip && entry.IsDir() && !ignored.Exclusions() {
				return fs.SkipDir
			} else if skip {
				return nil
			}
		}
		inside, _ := filepath.Rel(source, path)
		to := filepath.Join(target, inside)
		info, err := entry.Info()
		if err != nil {
			return err
		}
		switch {
		case entry.IsDir():
			if err := os.MkdirAll(to, 0o755); err != nil {
				return err
			}
		case entry.Type()&fs.ModeSymlink != 0:
			link, err := os.Readlink(path)
			if err != nil {
				return err
			}
			return os.Symlink(link, to)
		case entry.Type().IsRegular():
			text, err := os.ReadFile(path)
			if err == nil {
				err = os.MkdirAll(filepath.Dir(to), 0o755)
			}
			if err == nil {
				err = os.WriteFile(to, text, 0o600)
			}
			if err != nil {
				return err
			}
		default:
			return nil
		}
		return errors.Join(os.Chmod(to, info.Mode().Perm()), os.Chown(to, uid, gid))
	})
}

// run runs a command with the programs of this machine, which it sees read-only, and the caches of its Go.
func (s *stage) run(ctx context.Context, c *instructions.RunCommand) error {
	if !s.runs {
		return errors.New("this stage has no programs")
	}
	if !c.PrependShell || len(c.FlagsUsed) > 0 || len(c.Files) > 0 {
		return errors.New("a form that is not known here")
	}
	out, err := exec.CommandContext(ctx, "go", "env", "GOROOT", "GOMODCACHE", "GOCACHE", "GOPROXY", "GONOSUMDB", "GOSUMDB").Output()
	if err != nil {
		return err
	}
	env := strings.Split(string(out), "\n")
	script := "set -e\nmount --make-rprivate /\n" + system(s.root)
	for i, dir := range env[:3] {
		script += "mkdir -p " + quote(s.root+dir) + "\nmount --bind " + quote(dir) + " " + quote(s.root+dir) + "\n"
		if i == 0 {
			script += "mount -o remount,bind,ro " + quote(s.root+dir) + "\n"
		}
	}
	script += "mkdir -p " + quote(s.root+"/dev") + " " + quote(s.root+"/proc") + "\nmount --rbind /dev " + quote(s.root+"/dev") + "\nmount --rbind /proc " + quote(s.root+"/proc") + "\n" + `exec "$@"`
	cmd := exec.CommandContext(ctx, "sh", "-c", script, "sh", "unshare", "--root="+s.root, "--wd="+s.dir, "--", "/bin/sh", "-c", strings.Join(c.CmdLine, " "))
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	cmd.Env = append(slices.Clone(s.env), "PATH="+env[0]+"/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/tmp", "GOTOOLCHAIN=local",
		"GOMODCACHE="+env[1], "GOCACHE="+env[2], "GOPROXY="+env[3], "GONOSUMDB="+env[4], "GOSUMDB="+env[5])
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// system is a script that mounts this machine's programs and their settings below a directory, read-only.
func system(root string) string {
	var s strings.Builder
	for _, dir := range []string{"/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc"} {
		to := quote(root + dir)
		if link, err := os.Readlink(dir); err == nil {
			fmt.Fprintf(&s, "[ -L %s ] || ln -s %s %s\n", to, quote(link), to)
		} else if _, err := os.Stat(dir); err == nil {
			fmt.Fprintf(&s, "mkdir -p %s\nmount --bind %s %s\nmount -o remount,bind,ro %s\n", to, dir, to, to)
		}
	}
	return s.String()
}
