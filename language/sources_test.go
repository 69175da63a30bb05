package language

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

const module = "scenecast/"

// sources are the texts that the packages of the module tell.
type sources struct {
	texts    map[string]string // by text: the first package that has it
	order    []string          // the texts, by package and place
	faults   []string
	statuses []int           // that problems are answered with
	phrases  map[string]bool // the texts in which % is no verb

	fset     *token.FileSet
	packages []*sourcePackage // by path
	tellers  map[string]int   // functions and methods that tell a text, as `problem.New`: the parameter that it is
}

type sourcePackage struct {
	path   string // within the module
	files  []*ast.File
	consts map[string]ast.Expr
}

// tellers are where texts begin. Functions that pass a parameter on to one of them are found.
var tellers = map[string]int{
	"language.Textf": 0, "language.Errorf": 0, "language.Phrase": 0, "language.Words": 0, "language.NewError": 0, "language.Join": 0,
	"problem.New": 1, "auth.Invalid": 0,
}

// wholly are packages whose errors all reach people, so that none is made otherwise.
var wholly = []string{"bench/churn", "bench/load", "cmd/scenecast", "config", "demo", "doctor", "engine/nats", "engine/redis", "redisclient", "redisurl"}

// forMakers are directories of programs that measure Scenecast, for its makers; they tell everything in English.
var forMakers = []string{"bench/capacity", "bench/cluster", "bench/compare", "bench/echo", "bench/hostile", "bench/joins", "bench/registry", "bench/replay", "bench/viewer"}

// placeAlone is a format that says of an error where it has happened, by a name, and nothing else.
var placeAlone = regexp.MustCompile(`^(JetStream|[a-z_.]+): %w$`)

// flags are methods of a flag set, whose last argument says what the flag is.
var flags = regexp.MustCompile(`^(String|StringArray|StringSlice|Bool|Int|IntSlice|Float64|Duration|)(Var|VarP|P)?$`)

func readSources(t *testing.T, root string) *sources {
	t.Helper()
	s := &sources{texts: make(map[string]string), phrases: make(map[string]bool), fset: token.NewFileSet(), tellers: make(map[string]int)}
	for name, parameter := range tellers {
		s.tellers[name] = parameter
	}
	byPath := make(map[string]*sourcePackage)
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != root:
			if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil || strings.HasPrefix(entry.Name(), ".") ||
				entry.Name() == "testdata" || entry.Name() == "node_modules" || slices.Contains(forMakers, filepath.Base(filepath.Dir(path))+"/"+entry.Name()) {
				return fs.SkipDir
			}
		case strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go"):
			file, err := parser.ParseFile(s.fset, path, nil, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			in, _ := filepath.Rel(root, filepath.Dir(path))
			in = filepath.ToSlash(in)
			if byPath[in] == nil {
				byPath[in] = &sourcePackage{path: in, consts: make(map[string]ast.Expr)}
				s.packages = append(s.packages, byPath[in])
			}
			byPath[in].files = append(byPath[in].files, file)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(s.packages, func(a, b *sourcePackage) int { return cmp.Compare(a.path, b.path) })
	for _, p := range s.packages {
		p.readConsts()
	}
	for found := -1; found != len(s.tellers); { // until there are no more
		found = len(s.tellers)
		for _, p := range s.packages {
			s.walk(p, func(*ast.CallExpr, int) {})
		}
	}
	for _, p := range s.packages {
		s.walk(p, func(call *ast.CallExpr, parameter int) { s.tell(p, call, parameter) })
		s.readOthers(p)
	}
	return s
}

// readConsts notes the constants that are texts, also those of functions.
func (p *sourcePackage) readConsts() {
	for _, file := range p.files {
		ast.Inspect(file, func(n ast.Node) bool {
			if d, ok := n.(*ast.GenDecl); ok && d.Tok == token.CONST {
				for _, spec := range d.Specs {
					v := spec.(*ast.ValueSpec)
					for i, name := range v.Names {
						if i < len(v.Values) {
							p.consts[name.Name] = v.Values[i]
						}
					}
				}
			}
			return true
		})
	}
}

// constant evaluates texts that stand in the source.
func (p *sourcePackage) constant(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, e.Kind == token.STRING && err == nil
	case *ast.Ident:
		if value, ok := p.consts[e.Name]; ok {
			return p.constant(value)
		}
	case *ast.ParenExpr:
		return p.constant(e.X)
	case *ast.BinaryExpr:
		x, okX := p.constant(e.X)
		y, okY := p.constant(e.Y)
		return x + y, e.Op == token.ADD && okX && okY
	}
	return "", false
}

// walk visits the calls of functions that tell a text which is no parameter of the function around. A function with such a parameter
// becomes one that tells a text.
func (s *sources) walk(p *sourcePackage, visit func(call *ast.CallExpr, parameter int)) {
	for _, file := range p.files {
		imports := importsOf(file)
		for _, declaration := range file.Decls {
			function, isFunction := declaration.(*ast.FuncDecl)
			ast.Inspect(declaration, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				parameter, ok := s.tellers[called(p, imports, call)]
				if !ok || parameter >= len(call.Args) {
					return true
				}
				if name, ok := call.Args[parameter].(*ast.Ident); ok && isFunction {
					if i := parameterNamed(function, name.Name); i >= 0 {
						s.tellers[p.path+"."+function.Name.Name] = i
						return true
					}
				}
				visit(call, parameter)
				return true
			})
		}
	}
}

func importsOf(file *ast.File) map[string]string {
	imports := make(map[string]string)
	for _, i := range file.Imports {
		path, _ := strconv.Unquote(i.Path.Value)
		if in, ok := strings.CutPrefix(path, module); ok {
			imports[in[strings.LastIndexByte(in, '/')+1:]] = in
		}
	}
	return imports
}

// called names a function: one of another package by that, and what may be a method by the package that calls it.
func called(p *sourcePackage, imports map[string]string, call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return p.path + "." + f.Name
	case *ast.SelectorExpr:
		if x, ok := f.X.(*ast.Ident); ok {
			if in, ok := imports[x.Name]; ok {
				return in + "." + f.Sel.Name
			}
			if x.Name == "fmt" || x.Name == "errors" {
				return x.Name + "." + f.Sel.Name
			}
		}
		return p.path + "." + f.Sel.Name
	}
	return ""
}

// parameterNamed is the place of a parameter that is a string; -1: there is none of this name.
func parameterNamed(f *ast.FuncDecl, name string) int {
	i := 0
	for _, field := range f.Type.Params.List {
		for _, n := range field.Names {
			if t, ok := field.Type.(*ast.Ident); ok && t.Name == "string" && n.Name == name {
				return i
			}
			i++
		}
	}
	return -1
}

// tell notes the text of a call.
func (s *sources) tell(p *sourcePackage, call *ast.CallExpr, parameter int) {
	text, ok := p.constant(call.Args[parameter])
	if !ok {
		if p.path != "language" && !looksUp(call.Args[parameter]) {
			s.fault(call, "tells a text that is not constant, so that no catalogue can have it")
		}
		return
	}
	s.add(p.path, text)
	if f, ok := call.Fun.(*ast.SelectorExpr); ok && slices.Contains([]string{"Phrase", "NewError", "Words"}, f.Sel.Name) {
		s.phrases[text] = true
	} else if strings.Contains(strings.ReplaceAll(text, "%%", ""), "%") != strings.Contains(text, "%") {
		s.fault(call, "escapes a percent sign in a text without arguments, which is not formatted; use language.Phrase or NewError")
	}
	for _, arg := range call.Args[parameter+1:] {
		if text, ok := p.constant(arg); ok && strings.Contains(text, " ") && text[0] != '{' {
			s.fault(call, "has an argument in English: %q; make it a language.Text", text)
		}
		if inner, ok := arg.(*ast.CallExpr); ok && slices.Contains([]string{"fmt.Sprintf", "fmt.Errorf", "errors.New"}, called(p, nil, inner)) {
			s.fault(call, "has an argument in English; make it a language.Text")
		}
	}
}

// looksUp reports whether an expression is what a problem's title, its reason or the help of a command looks up: what it may be is noted
// elsewhere.
func looksUp(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.CallExpr:
		f, ok := e.Fun.(*ast.SelectorExpr)
		return ok && f.Sel.Name == "StatusText"
	case *ast.SelectorExpr:
		return slices.Contains([]string{"Detail", "Short", "Long", "Usage", "Why"}, e.Sel.Name)
	}
	return false
}

// add notes a text. One without words is the same in all languages.
func (s *sources) add(pkg, text string) {
	if _, known := s.texts[text]; known || !strings.ContainsFunc(verbs.ReplaceAllString(text, ""), unicode.IsLetter) && strings.ContainsFunc(text, func(r rune) bool { return r == '%' }) {
		return
	}
	s.texts[text] = pkg
	s.order = append(s.order, text)
}

func (s *sources) fault(n ast.Node, format string, args ...any) {
	s.faults = append(s.faults, fmt.Sprintf("%s: %s", s.fset.Position(n.Pos()), fmt.Sprintf(format, args...)))
}

// status begins the comment of a kind of problems.
var status = regexp.MustCompile(`^(\d{3}): `)

// readOthers notes what is told by other means: the help of commands, and the titles of problems.
func (s *sources) readOthers(p *sourcePackage) {
	for _, file := range p.files {
		imports := importsOf(file)
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ValueSpec:
				if m := status.FindStringSubmatch(n.Comment.Text()); p.path == "problem" && m != nil {
					number, _ := strconv.Atoi(m[1])
					s.statuses = append(s.statuses, number)
				}
			case *ast.KeyValueExpr:
				if key, ok := n.Key.(*ast.Ident); ok && slices.Contains(wholly, p.path) && (key.Name == "Short" || key.Name == "Long") {
					s.tellUsage(p, n, n.Value)
				}
			case *ast.AssignStmt:
				for i, left := range n.Lhs {
					if f, ok := left.(*ast.SelectorExpr); ok && f.Sel.Name == "Usage" && p.path == "cmd/scenecast" && len(n.Lhs) == len(n.Rhs) {
						s.tellUsage(p, n, n.Rhs[i])
					}
				}
			case *ast.CallExpr:
				name := called(p, imports, n)
				if slices.Contains(wholly, p.path) && (name == "fmt.Errorf" || name == "errors.New") {
					if text, ok := p.constant(n.Args[0]); !ok || !placeAlone.MatchString(text) && strings.ContainsFunc(verbs.ReplaceAllString(text, ""), unicode.IsLetter) {
						s.fault(n, "makes an error that stays English; use language.Errorf")
					}
				}
				method, isMethod := strings.CutPrefix(name, "cmd/scenecast.")
				if isMethod && slices.Contains(wholly, p.path) && len(n.Args) > 2 && (flags.MatchString(method) || method == "add") {
					s.tellUsage(p, n, n.Args[len(n.Args)-1])
				}
			}
			return true
		})
	}
}

func (s *sources) tellUsage(p *sourcePackage, n ast.Node, e ast.Expr) {
	text, ok := p.constant(e)
	if !ok {
		if call, isCall := e.(*ast.CallExpr); isCall {
			if f, ok := call.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "In" {
				return // a text by itself
			}
		}
		if name, isName := e.(*ast.Ident); isName && name.Name == "usage" {
			return // of whoever adds a flag by a method
		}
		s.fault(n, "has help that is not constant, so that no catalogue can have it")
		return
	}
	s.add(p.path, text)
	s.phrases[text] = true
}
