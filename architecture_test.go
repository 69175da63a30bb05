package scenecast_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "scenecast"

// row is a line of the table: package, what it is, imports.
var row = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| [^|]+ \\|([^|]*)\\|$")

// TestLayers compares the table of ARCHITECTURE.md with the real imports.
func TestLayers(t *testing.T) {
	text, err := os.ReadFile("ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	allowed := make(map[string][]string)
	for _, m := range row.FindAllStringSubmatch(string(text), -1) {
		imports := strings.Fields(strings.ReplaceAll(m[2], "`", " "))
		for _, i := range imports {
			if _, above := allowed[i]; !above {
				t.Errorf("the table has %s import %s, which does not stand above it", m[1], i)
			}
		}
		allowed[m[1]] = imports
	}
	real := realImports(t)
	for pkg, imports := range real {
		want, listed := allowed[pkg]
		if !listed {
			t.Errorf("the table lacks the package %s", pkg)
			continue
		}
		for _, i := range imports {
			if !slices.Contains(want, i) {
				t.Errorf("%s imports %s, and the table does not let it", pkg, i)
			}
		}
		for _, i := range want {
			if !slices.Contains(imports, i) {
				t.Errorf("the table lets %s import %s, which it does not", pkg, i)
			}
		}
	}
	for pkg := range allowed {
		if _, exists := real[pkg]; !exists {
			t.Errorf("the table has the package %s, which does not exist", pkg)
		}
	}
}

// modules are the directories of the modules that the table is about.
var modules = []string{".", "e2e"}

// TestModules: packages that only tests need are in modules of their own, and what they require is not required of whoever
// builds the product.
func TestModules(t *testing.T) {
	text, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "chromedp") {
		t.Error("go.mod requires what drives a browser")
	}
	err = filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if entry != nil && entry.Name() == "node_modules" {
			return fs.SkipDir
		}
		if err == nil && entry.Name() == "go.mod" && !slices.Contains(modules, filepath.Dir(path)) && path != "deploy/go.mod" && !strings.HasPrefix(path, "bench/compare/servers/") {
			t.Errorf("%s: the table, make test and make lint do not know this module", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestVocabularyIsLight: what everybody imports imports nothing from outside but the standard library, and what is to become a part of
// it (encoding/json/jsontext).
func TestVocabularyIsLight(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, pkg := range strings.Fields(string(out)) {
		if pkg != module && !strings.HasPrefix(pkg, module+"/") && !strings.HasPrefix(pkg, "github.com/go-json-experiment/json/") {
			t.Errorf("the root package depends on %s", pkg)
		}
	}
}

// TestClientIsLight: who links the client links nothing of the server.
func TestClientIsLight(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", "./client").Output()
	if err != nil {
		t.Fatal(err)
	}
	own := []string{module, module + "/audience", module + "/client", module + "/jsonread", module + "/label",
		module + "/language", module + "/problem", module + "/scenes", module + "/series"}
	for _, pkg := range strings.Fields(string(out)) {
		if !slices.Contains(own, pkg) && !strings.HasPrefix(pkg, "github.com/go-json-experiment/json/") && !strings.HasPrefix(pkg, "github.com/gobwas/") {
			t.Errorf("package client depends on %s", pkg)
		}
	}
}

// TestLayersInChinese: the table of ARCHITECTURE.zh-CN.md has the packages and imports of the other one, in its order.
func TestLayersInChinese(t *testing.T) {
	english, chinese := layerRows(t, "ARCHITECTURE.md"), layerRows(t, "ARCHITECTURE.zh-CN.md")
	for _, r := range english {
		if !slices.Contains(chinese, r) {
			t.Errorf("ARCHITECTURE.zh-CN.md lacks the row %s", r)
		}
	}
	for _, r := range chinese {
		if !slices.Contains(english, r) {
			t.Errorf("ARCHITECTURE.md lacks the row %s, which the Chinese table has", r)
		}
	}
	if !t.Failed() && !slices.Equal(english, chinese) {
		t.Error("the rows of the tables are in different orders")
	}
}

// layerRows are the packages of a document's table, each with its imports.
func layerRows(t *testing.T, file string) (rows []string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range row.FindAllStringSubmatch(string(text), -1) {
		rows = append(rows, m[1]+":"+strings.TrimRight(m[2], " "))
	}
	if len(rows) == 0 {
		t.Fatalf("%s has no table", file)
	}
	return rows
}

// realImports are the imports within the repository, by package, as the table names them.
func realImports(t *testing.T) map[string][]string {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "./...", "./e2e/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string][]string)
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var pkg struct {
			ImportPath string
			Imports    []string
		}
		if err := d.Decode(&pkg); errors.Is(err, io.EOF) {
			return found
		} else if err != nil {
			t.Fatal(err)
		}
		var imports []string
		for _, i := range pkg.Imports {
			if i == module || strings.HasPrefix(i, module+"/") {
				imports = append(imports, inTable(i))
			}
		}
		found[inTable(pkg.ImportPath)] = imports
	}
}

// inTable is a package's name in the table: its directory.
func inTable(path string) string {
	if path == module {
		return "."
	}
	return strings.TrimPrefix(path, module+"/")
}

// TestDecisions: each record of docs/adr has a number of its own, which its headings in English and Chinese say as well, and none is left out.
func TestDecisions(t *testing.T) {
	files, err := filepath.Glob("docs/adr/*.md")
	files = slices.DeleteFunc(files, func(file string) bool { return strings.HasSuffix(file, ".zh-CN.md") })
	if err != nil || len(files) == 0 {
		t.Fatal(err, files)
	}
	for i, file := range files {
		if want := fmt.Sprintf("%04d-", i+1); !strings.HasPrefix(filepath.Base(file), want) {
			t.Errorf("%s stands where the number %s is due", file, want)
		}
		for _, file := range []string{file, strings.TrimSuffix(file, ".md") + ".zh-CN.md"} {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Error(err)
			} else if want := fmt.Sprintf("# %d. ", i+1); !strings.HasPrefix(string(text), want) {
				t.Errorf("%s begins with %.20q, want %q", file, text, want)
			}
		}
	}
}
