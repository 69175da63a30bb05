package scenecast_test

import (
	"bytes"
	"go/format"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/valyala/quicktemplate/parser"
)

// reflectMethod is a line of the linker's dependencies: a function that calls one which asks for methods by names that are not
// constants.
var reflectMethod = regexp.MustCompile(`(?m)^(.*) -> (.*) <ReflectMethod>$`)

// TestLinkerDropsUnusedMethods: the program has no function that calls methods by name, as text/template and html/template do.
// One is enough for the linker to keep every exported method of every type, a seventh of the program.
// (cobra imports text/template, and reaches it where a program sets a template of its own.)
func TestLinkerDropsUnusedMethods(t *testing.T) {
	out, err := exec.Command("go", "build", "-o", filepath.Join(t.TempDir(), "scenecast"), "-ldflags=-s -w -dumpdep", "./cmd/scenecast").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%.1000s", err, out)
	}
	if !bytes.Contains(out, []byte("main.main -> ")) {
		t.Fatalf("the linker does not tell what depends on what, but\n%.1000s", out)
	}
	for _, m := range reflectMethod.FindAllStringSubmatch(string(out), -1) {
		t.Errorf("%s calls %s, which calls methods by name", m[1], m[2])
	}
}

// TestTemplatesAreCompiled: each template's Go code is what `go generate` makes of it.
func TestTemplatesAreCompiled(t *testing.T) {
	templates := 0
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if entry != nil && entry.Name() == "node_modules" {
			return fs.SkipDir
		}
		if err != nil || filepath.Ext(path) != ".qtpl" {
			return err
		}
		templates++
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var code bytes.Buffer
		if err := parser.ParseNoLineComments(&code, bytes.NewReader(source), filepath.Base(path), filepath.Base(filepath.Dir(path))); err != nil {
			return err
		}
		want, err := format.Source(code.Bytes())
		if err != nil {
			return err
		}
		if got, err := os.ReadFile(path + ".go"); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s.go is not what %s says (%v): go generate ./%s", path, path, err, strings.TrimSuffix(path, filepath.Base(path)))
		}
		return nil
	})
	if err != nil || templates == 0 {
		t.Fatalf("%d templates, %v", templates, err)
	}
}
