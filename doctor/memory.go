package doctor

import (
	"context"
	"fmt"
	"path"
	"strings"
)

// What a server takes, as docs/performance.md has it measured, rounded up.
const (
	baseMemory    = 64 << 20
	memoryPerPage = 2 << 10 // with labels, its place in the index, TLS apart
	memoryOfTLS   = 40 << 10
	kernelPerPage = 4 << 10 // which counts for the cgroup as well
)

// checkMemory compares the memory that the process may have with what the expected pages and the bounds of the settings come to.
func checkMemory(_ context.Context, s *subject, r *report) {
	limit, what, ok := s.memoryLimit()
	if !ok {
		r.add(Skipped, "", "neither a limit of the cgroup nor /proc/meminfo can be read")
		return
	}
	c := s.Config.Config
	perPage := uint64(memoryPerPage + kernelPerPage)
	if c.TLS.Enabled() {
		perPage += memoryOfTLS
	}
	pages := baseMemory + uint64(s.pages)*perPage
	bounds := uint64(c.Outbox.MaxTotal)*5/4 + uint64(c.History.MaxBytes) //nolint:gosec // they have been checked
	do := fmt.Sprintf("Give it %s or more (MemoryMax= of systemd, --memory of docker, limits.memory of Kubernetes), or lower outbox.max_total and history.max_bytes.",
		size((pages+bounds)*5/4))
	found := fmt.Sprintf("%s is %s; %s pages take about %s, and what waits for them at most %s (outbox.max_total, a quarter of it besides, history.max_bytes)",
		what, size(limit), count(s.pages), size(pages), size(bounds))
	switch {
	case limit < pages:
		r.add(Failure, do, "%s", found)
	case limit < pages+bounds:
		r.add(Warning, do, "%s", found)
	default:
		r.add(OK, "", "%s", found)
	}
}

// memoryLimit is the lowest limit of the cgroups that the process is in, or the machine's memory.
func (s *subject) memoryLimit() (limit uint64, what string, ok bool) {
	if line, found := s.line("proc/meminfo", "MemTotal:"); found {
		if words := strings.Fields(line); len(words) > 0 {
			if n, err := parseNumber(words[0]); err == nil {
				limit, what, ok = n<<10, "the machine's memory", true
			}
		}
	}
	lower := func(file string) {
		if n, err := s.number(file); err == nil && (!ok || n < limit) {
			limit, what, ok = n, "the memory limit of the cgroup (/"+file+")", true
		}
	}
	const root = "sys/fs/cgroup"
	if group, found := s.line("proc/self/cgroup", "0::"); found { // version 2
		for dir := path.Join(root, group); strings.HasPrefix(dir, root); dir = path.Dir(dir) {
			lower(path.Join(dir, "memory.max"))
		}
	}
	lower(root + "/memory/memory.limit_in_bytes") // version 1, as a container sees it
	return limit, what, ok
}
