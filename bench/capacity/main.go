// Command capacity measures the constants of docs/capacity.md, and prints them with the table that is computed from them: memory and CPU of a
// server per page, per connect, per delivery, per push and per ping. It takes Linux, root for kernel memory, and redis-server for its row;
// what cannot be measured is left out. CPU is the server's own; on a machine that others use it is up to twice what it is on a quiet one.
//
//	make capacity
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"scenecast/capacity"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	binary := flag.String("binary", "bin/scenecast", "the `program` that is measured")
	rounds := flag.Int("rounds", 3, "how often each constant is measured; the median counts")
	only := flag.String("only", "", "measure only `what` is named so")
	flag.Parse()
	if err := run(ctx, *binary, *only, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "capacity:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, binary, only string, rounds int) error {
	values := make(map[string][]float64)
	for range rounds {
		for _, m := range measurements {
			if only != "" && only != m.name {
				continue
			}
			found, err := m.measure(ctx, binary)
			if errors.Is(err, errNotHere) {
				fmt.Fprintln(os.Stderr, m.name+":", err)
				continue
			}
			if err != nil {
				return fmt.Errorf("%s: %w", m.name, err)
			}
			for name, v := range found {
				values[name] = append(values[name], v)
				fmt.Fprintf(os.Stderr, "%s: %s\n", name, capacity.Format(v))
			}
		}
	}
	f := make(capacity.Figures)
	for name, v := range values {
		slices.Sort(v)
		f[name], _ = strconv.ParseFloat(strings.ReplaceAll(capacity.Format(v[len(v)/2]), ",", ""), 64) // as the document has it
	}
	fmt.Printf("%s\n%s", f.List(), f.Table())
	return nil
}
