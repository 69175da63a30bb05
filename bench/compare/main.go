package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"scenecast/bench/load"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, log io.Writer) error {
	f := flag.NewFlagSet("compare", flag.ContinueOnError)
	f.SetOutput(log)
	c := comparison{effort: fullEffort, log: log, watched: isTerminal(log)}
	f.IntVar(&c.rounds, "rounds", 5, "how often everything is measured")
	f.IntVar(&c.sizes.pages, "pages", 10_000, "pages of most rows")
	f.IntVar(&c.sizes.many, "many", 19_000, "pages of the rows memory and growth")
	only := f.String("servers", "", "`servers` to compare, by comma, of "+names(peers(), func(p *peer) string { return p.name })+" (default all)")
	onlyRows := f.String("rows", "", "`rows` to measure, by comma, of "+names(rows, func(r row) string { return r.id })+" (default all)")
	var files outputs
	f.StringVar(&files.json, "json", "", "`file` for the report as JSON")
	f.StringVar(&files.svg, "svg", "", "`file` for the chart")
	f.StringVar(&files.markdown, "markdown", "", "`file` for the table in Markdown")
	var others []*peer
	f.Func("binary", "another Scenecast to compare, as `name=path`; can be given several times", func(text string) error {
		name, path, found := strings.Cut(text, "=")
		path, err := filepath.Abs(path)
		if !found || err != nil {
			return errors.New("it looks like before=/tmp/scenecast")
		}
		others = append(others, scenecastOf(name, "Scenecast ("+name+")", path))
		return nil
	})
	if err := f.Parse(args); err != nil {
		return err
	}
	switch {
	case f.NArg() > 0:
		return fmt.Errorf("there are no arguments: %q", f.Arg(0))
	case c.rounds < 1:
		return fmt.Errorf("--rounds %d: it takes one at least", c.rounds)
	case c.sizes.pages < few:
		return fmt.Errorf("--pages %d: it takes %d at least, which is a group", c.sizes.pages, few)
	case c.sizes.many < 10*few:
		return fmt.Errorf("--many %d: it takes %s at least, since a tenth of them is a group", c.sizes.many, thousands(10*few))
	}
	var err error
	all := append(peers(), others...)
	if c.peers, err = choose("servers", *only, all, func(p *peer) string { return p.name }); err != nil {
		return err
	}
	if c.rows, err = choose("rows", *onlyRows, rows, func(r row) string { return r.id }); err != nil {
		return err
	}
	if c.place, err = newPlace(); err != nil {
		return err
	}
	c.place.files = max(c.sizes.pages, c.sizes.many) + 500
	report, err := c.run(ctx)
	if err != nil {
		return err
	}
	report.Print(os.Stdout)
	return files.write(report)
}

// outputs are the files for the report; those without a name are not written.
type outputs struct{ json, svg, markdown string }

func (o *outputs) write(r *Report) error {
	var text, chart, table bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := errors.Join(e.Encode(r), r.Chart(&chart)); err != nil {
		return err
	}
	r.Markdown(&table)
	for _, file := range []struct {
		name string
		text []byte
	}{{o.json, text.Bytes()}, {o.svg, chart.Bytes()}, {o.markdown, table.Bytes()}} {
		if file.name == "" {
			continue
		}
		if err := os.WriteFile(file.name, file.text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// isTerminal reports whether somebody watches.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// newPlace pins the program to its core, and finds where to build.
func newPlace() (*place, error) {
	cores, err := load.Pin()
	if err != nil {
		return nil, err
	}
	root, err := findRoot()
	if err != nil {
		return nil, err
	}
	p := &place{root: root, built: filepath.Join(root, "bin", "compare"), cores: cores}
	return p, os.MkdirAll(p.built, 0o755)
}

// choose picks those with these names, in their order; all where none is named.
func choose[T any](flag, list string, all []T, name func(T) string) ([]T, error) {
	if list == "" {
		return all, nil
	}
	var chosen []T
	wanted := strings.Split(list, ",")
	for _, one := range all {
		if i := slices.Index(wanted, name(one)); i >= 0 {
			chosen = append(chosen, one)
			wanted = slices.Delete(wanted, i, i+1)
		}
	}
	if len(wanted) > 0 {
		return nil, fmt.Errorf("--%s %s: there are %s", flag, wanted[0], names(all, name))
	}
	return chosen, nil
}

func names[T any](all []T, name func(T) string) string {
	var parts []string
	for _, one := range all {
		parts = append(parts, name(one))
	}
	return strings.Join(parts, ", ")
}
