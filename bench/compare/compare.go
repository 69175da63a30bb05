package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// comparison is a run: what to measure, and what has been found.
type comparison struct {
	place   *place
	peers   []*peer
	rows    []row
	sizes   sizes
	effort  effort
	rounds  int
	log     io.Writer // is told how far it is
	watched bool      // log is a terminal

	servers map[string]*Server
	found   map[string]map[string][]float64 // row, server, rounds
}

// run measures everything, round by round, so that a machine that changes its speed does so for all servers.
func (c *comparison) run(ctx context.Context) (*Report, error) {
	c.servers, c.found = make(map[string]*Server), make(map[string]map[string][]float64)
	for _, p := range c.peers {
		c.say("preparing %s", p.name)
		s := &Server{Name: p.name, Title: p.title}
		c.servers[p.name] = s
		version, err := p.prepare(ctx, c.place)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		s.Version, s.Note = version, p.note
		if err != nil {
			s.Missing = err.Error()
			c.say("%s is missing: %v", p.name, err)
		}
	}
	broken := make(map[string]bool) // visits of servers that ended in a fault
	for round := range c.rounds {
		for _, kind := range c.visits() {
			for i := range c.peers {
				p := c.peers[(i+round)%len(c.peers)] // nobody always comes after the same one
				s := c.servers[p.name]
				if s.Missing != "" || broken[kind+p.name] {
					continue
				}
				begun := time.Now()
				found, err := c.visit(ctx, p, kind)
				if ctx.Err() != nil {
					return nil, ctx.Err()
				}
				where := fmt.Sprintf("round %d of %d, %s, %s", round+1, c.rounds, kind, p.name)
				if err != nil {
					broken[kind+p.name] = true
					s.Fault = strings.TrimPrefix(s.Fault+"; "+kind+": "+err.Error(), "; ")
					c.say("%s: %v", where, err)
					continue
				}
				c.note(p.name, found)
				c.say("%s: %s (%.1f s)", where, found, time.Since(begun).Seconds())
			}
		}
	}
	return c.report(broken), nil
}

// visits are those that the rows take, in the order of their sizes.
func (c *comparison) visits() []string {
	var all []string
	for _, kind := range []string{visitPages, visitMany, visitTenth, visitStalled} {
		if slices.ContainsFunc(c.rows, func(r row) bool { return slices.Contains(r.visits, kind) }) {
			all = append(all, kind)
		}
	}
	return all
}

// visit starts a server, measures it and ends it.
func (c *comparison) visit(ctx context.Context, p *peer, kind string) (figures, error) {
	s, err := p.start(ctx, c.place)
	if err != nil {
		return nil, fmt.Errorf("it does not start: %w", err)
	}
	defer s.Close()
	wanted := func(id string) bool { return slices.ContainsFunc(c.rows, func(r row) bool { return r.id == id }) }
	found, err := visit(ctx, s, kind, c.sizes, c.effort, wanted, func(doing string) { c.watch("%s, %s: %s", p.name, kind, doing) })
	if words := s.LastWords(); err != nil && words != "" {
		err = fmt.Errorf("%w; its last words: %s", err, words)
	}
	return found, err
}

// note enters the figures of a round.
func (c *comparison) note(server string, f figures) {
	for name, figure := range f {
		if c.found[name] == nil {
			c.found[name] = make(map[string][]float64)
		}
		c.found[name][server] = append(c.found[name][server], figure)
	}
}

// report forms the rows. The figures of a server whose visit ended in a fault are left out.
func (c *comparison) report(broken map[string]bool) *Report {
	report := &Report{Date: time.Now(), Machine: machine(), Cores: c.place.cores.String(), Rounds: c.rounds, Pages: c.sizes.pages, Many: c.sizes.many}
	for _, p := range c.peers {
		report.Servers = append(report.Servers, *c.servers[p.name])
	}
	for _, r := range c.rows {
		rounds := make(map[string][]float64)
		for _, p := range c.peers {
			if slices.ContainsFunc(r.visits, func(kind string) bool { return broken[kind+p.name] }) {
				continue
			}
			figures := c.found[r.id][p.name]
			if r.id == "growth" {
				figures = quotients(c.found[visitMany][p.name], c.found[visitTenth][p.name])
			}
			if len(figures) > 0 {
				rounds[p.name] = figures
			}
		}
		report.Rows = append(report.Rows, Row{ID: r.id, Title: r.title(c.sizes), Unit: r.unit, Base: r.base, Cells: cells(r.base, rounds)})
	}
	return report
}

// quotients divides round by round.
func quotients(over, under []float64) []float64 {
	all := make([]float64, min(len(over), len(under)))
	for i := range all {
		all[i] = over[i] / under[i]
	}
	return all
}

// say tells in a line what has been done.
func (c *comparison) say(format string, args ...any) {
	c.watch("%s", "")
	fmt.Fprintf(c.log, "%s %s\n", time.Now().Format(time.TimeOnly), fmt.Sprintf(format, args...))
}

// watch tells whoever watches what is being done; the line is overwritten.
func (c *comparison) watch(format string, args ...any) {
	if c.watched {
		fmt.Fprintf(c.log, "\r\x1b[K%s", fmt.Sprintf(format, args...))
	}
}

// String lists the figures of a visit.
func (f figures) String() string {
	var parts []string
	for name, figure := range f {
		parts = append(parts, fmt.Sprintf("%s %s", name, digits(figure)))
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}
