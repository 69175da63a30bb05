package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// options are what the command line says.
type options struct {
	binary string        // of the server
	scale  float64       // of the numbers of pages and pushes in a scenario
	time   time.Duration // of an attack; 0: the scenario's own
	quiet  time.Duration // of the round trips without an attack
	settle time.Duration // between the end of an attack and reading the server's memory

	began func(server *target) // is told when an attack begins; nil: nobody is
}

func main() {
	becomeAttacker()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "hostile:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out, log io.Writer) error {
	f := flag.NewFlagSet("hostile", flag.ContinueOnError)
	f.SetOutput(log)
	o := options{quiet: 2 * time.Second, settle: time.Second}
	which := f.String("scenario", "all", "`scenarios`, by comma, or all")
	list := f.Bool("list", false, "print the scenarios and end")
	f.StringVar(&o.binary, "binary", "", "the `program` to attack (default: the one that this source builds)")
	f.Float64Var(&o.scale, "scale", 1, "`factor` for the numbers of pages and pushes")
	f.DurationVar(&o.time, "time", 0, "`time` of each attack (default: the scenario's)")
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() > 0 {
		return fmt.Errorf("there are no arguments: %q", f.Arg(0))
	}
	chosen, err := choose(*which)
	if err != nil {
		return err
	}
	if *list {
		for _, s := range chosen {
			fmt.Fprintf(out, "%-20s %s\n", s.name, s.about)
		}
		return nil
	}
	if o.scale <= 0 || o.time < 0 {
		return errors.New("--scale and --time are positive")
	}
	if o.binary == "" {
		dir, err := os.MkdirTemp("", "hostile")
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(dir) }()
		o.binary = filepath.Join(dir, "scenecast")
		build := exec.CommandContext(ctx, "go", "build", "-o", o.binary, "scenecast/cmd/scenecast")
		build.Stderr = log
		if err := build.Run(); err != nil {
			return err
		}
	}
	if o.binary, err = filepath.Abs(o.binary); err != nil { // the server runs in a directory of its own
		return err
	}
	var rows []row
	for _, s := range chosen {
		fmt.Fprintf(log, "%s: %s\n", s.name, s.about)
		rows = append(rows, measure(ctx, s, o))
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return printRows(out, rows)
}

// choose finds scenarios by their names; a name that ends in * is all that begin so.
func choose(names string) ([]*scenario, error) {
	if names == "all" {
		return scenarios, nil
	}
	var chosen []*scenario
	for name := range strings.SplitSeq(names, ",") {
		prefix, wild := strings.CutSuffix(name, "*")
		found := false
		for _, s := range scenarios {
			if s.name == name || wild && strings.HasPrefix(s.name, prefix) {
				chosen, found = append(chosen, s), true
			}
		}
		if !found {
			return nil, fmt.Errorf("there is no scenario %q; --list prints them", name)
		}
	}
	return chosen, nil
}
