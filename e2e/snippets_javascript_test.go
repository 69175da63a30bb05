package e2e_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// buildClient builds the package clients/js, once for all tests.
var buildClient = sync.OnceValue(func() error {
	for _, command := range []string{"scripts/install-npm clients/js", "npm --prefix clients/js run build"} {
		build := exec.Command("sh", "-c", command)
		build.Dir = ".."
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", command, err, out)
		}
	}
	return nil
})

// checkPages has TypeScript check every block of JavaScript, also those of HTML, with the types of the packages that it imports, and runs it as pagePlaces
// says.
func checkPages(t *testing.T, all []snippet) {
	if err := buildClient(); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "../scripts/install-npm", "snippets").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	r := newPageRun(t)
	var placed []snippet
	of := make(map[string]pagePlace)
	inPlace(t, all, pagePlaces, func(s snippet, p pagePlace) {
		s.code = r.filled(s.code)
		placed = append(placed, s)
		of[s.place] = p
	})
	for _, s := range all {
		s.code = r.filled(s.code)
		r.writeForCompiler(s, r.filled(of[s.place].types))
	}
	for _, s := range placed {
		r.writeForBrowser(s, of[s.place])
	}
	r.compile()
	for _, s := range placed {
		if p := of[s.place]; p.run != nil {
			t.Run(fileName(s.place), func(t *testing.T) { r.in(t).run(s, p) })
			r.backend.awaitMatched("*", 0) // whatever comes next finds no page of this one
		}
	}
}

// fileName is the name of a block's files.
func fileName(place string) string {
	return strings.Trim(regexp.MustCompile(`[^A-Za-z0-9]+`).ReplaceAllString(place, "-"), "-")
}

// newSnippetFolder makes a folder in which modules find the packages that documents name, and the compiler its settings.
func newSnippetFolder(t *testing.T) (folder string) {
	t.Helper()
	folder = t.TempDir()
	packages := map[string]string{"scenecast": "../clients/js"}
	for directory, names := range map[string]string{
		"../clients/js/node_modules": "react react-dom vue ws @types",
		"pusher/node_modules":        "laravel-echo pusher-js",
		"snippets/node_modules":      "centrifuge socket.io socket.io-client",
	} {
		for name := range strings.FieldsSeq(names) {
			packages[name] = filepath.Join(directory, name)
		}
	}
	for _, name := range []string{"node_modules", "src", "checked"} {
		if err := os.Mkdir(filepath.Join(folder, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for name, directory := range packages {
		target, err := filepath.Abs(directory)
		if err == nil {
			_, err = os.Stat(target)
		}
		if err == nil {
			err = os.Symlink(target, filepath.Join(folder, "node_modules", name))
		}
		if err != nil {
			t.Fatalf("%v (`make test` installs the packages)", err)
		}
	}
	for _, name := range []string{"tsconfig.json", "globals.d.ts"} {
		text, err := os.ReadFile(filepath.Join("snippets", name))
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(folder, name), string(text))
	}
	return folder
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// writeForCompiler writes a block as a module, on the lines that it has there.
func (r *pageRun) writeForCompiler(s snippet, before string) {
	r.t.Helper()
	code := s.code
	if s.language == "html" {
		code = ""
		found := script.FindAllStringSubmatch(s.code, -1)
		if len(found) != strings.Count(s.code, "<script") {
			r.t.Errorf("%s: a script does not end", s.place)
		}
		for _, match := range found {
			code += match[1]
		}
	}
	if strings.TrimSpace(code) != "" {
		writeFile(r.t, filepath.Join(r.folder, "checked", fileName(s.place)+".jsx"), before+code+"\nexport {};\n")
	}
}

var script = regexp.MustCompile(`(?s)<script(?:\s[^>]*)?>(.*?)</script>`)

// writeForBrowser writes what is built, or run by Node.
func (r *pageRun) writeForBrowser(s snippet, p pagePlace) {
	r.t.Helper()
	write := func(name, text string) { writeFile(r.t, filepath.Join(r.folder, "src", name), text) }
	name := fileName(s.place)
	switch before, after := r.filled(p.before), r.filled(p.after); p.as {
	case asModule:
		write(name+".jsx", before+s.code+after)
	case asComponent:
		write(name+".vue", s.code+before)
		write(name+".jsx", fmt.Sprintf("import Part from %q;\n%s", "./"+name+".vue", after))
	case asProgram:
		write(name+".mjs", before+s.code+after)
	}
}

// compile checks all types, and builds all modules, at the same time.
func (r *pageRun) compile() {
	r.t.Helper()
	compiler := exec.CommandContext(r.t.Context(), "node", "../clients/js/node_modules/typescript/bin/tsc", "--pretty", "false", "-p", r.folder)
	builder := exec.CommandContext(r.t.Context(), "node", "snippets/build.mjs", r.folder)
	var compiled, built strings.Builder
	compiler.Stdout, compiler.Stderr, builder.Stdout, builder.Stderr = &compiled, &compiled, &built, &built
	for _, c := range []*exec.Cmd{compiler, builder} {
		if err := c.Start(); err != nil {
			r.t.Fatal(err)
		}
	}
	if err := compiler.Wait(); err != nil {
		r.t.Errorf("TypeScript finds mistakes (%v); a file is named after its document and the line on which its block begins:\n%s", err, &compiled)
	}
	if err := builder.Wait(); err != nil {
		r.t.Fatalf("build: %v\n%s", err, &built)
	}
}

// program is a block that Node runs.
type program struct {
	t     *testing.T
	lines *bufio.Scanner
}

// node runs a block by Node, until the test ends.
func (r *pageRun) node(s snippet, args ...string) *program {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	node := exec.CommandContext(ctx, "node", append([]string{filepath.Join(r.folder, "src", fileName(s.place)+".mjs")}, args...)...)
	node.Stderr = r.t.Output()
	out, err := node.StdoutPipe()
	if err == nil {
		err = node.Start()
	}
	if err != nil {
		r.t.Fatalf("node: %v (`make test` installs it)", err)
	}
	r.t.Cleanup(func() {
		cancel()
		_ = node.Wait()
	})
	return &program{r.t, bufio.NewScanner(out)}
}

// next is the next line that the program prints.
func (p *program) next() string {
	p.t.Helper()
	if !p.lines.Scan() {
		p.t.Fatal("the program has ended")
	}
	return p.lines.Text()
}

func (p *program) expect(want string) {
	p.t.Helper()
	if got := p.next(); got != want {
		p.t.Fatalf("the program prints %q, want %q", got, want)
	}
}

// inNode: the page's end in Node connects, and gets a push.
func inNode(r *pageRun, s snippet) {
	program := r.node(s)
	id := program.next()
	r.backend.push(`@id == `+strconv.Quote(id), `"hello"`, 1)
	program.expect("hello")
}

// hearsOther runs the server of Socket.IO with two of its clients, of which one hears what the other says.
func hearsOther(r *pageRun, s snippet) {
	all, err := filepath.Glob(filepath.Join(r.folder, "src", "docs-tutorial-from-socketio-md-*.mjs"))
	if err != nil || len(all) != 2 {
		r.t.Fatalf("the server and the client are %q (%v)", all, err)
	}
	for _, file := range all {
		if !strings.HasSuffix(file, fileName(s.place)+".mjs") {
			r.node(s, file).expect("bob says: hello")
		}
	}
}
