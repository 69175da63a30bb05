package doctor

import (
	"context"
	"path"
	"strings"

	"scenecast/capacity"
	"scenecast/language"
)

// checkMemory compares the memory that the process may have with what docs/capacity.md computes for the expected pages, and with what the
// settings let come on top of it. What the kernel takes for connections counts for a cgroup as well.
func checkMemory(_ context.Context, s *subject, r *report) {
	limit, what, ok := s.memoryLimit()
	if !ok {
		r.add(Skipped, nothing, "neither a limit of the cgroup nor /proc/meminfo can be read")
		return
	}
	c, constants := s.Config.Config, capacity.Measured
	need := func(log float64) uint64 {
		return uint64(constants.ServerMemory(s.pages, c.TLS.Enabled(), log) + constants.KernelMemory(s.pages))
	}
	pages := need(0)
	all := need(float64(c.History.MaxBytes)) + uint64(c.Outbox.MaxTotal)*5/4 //nolint:gosec // they have been checked
	do := language.Textf("Give it %s or more (MemoryMax= of systemd, --memory of docker, limits.memory of Kubernetes), or lower outbox.max_total and history.max_bytes.",
		size(all))
	found := language.Textf("%s is %s; %s pages take about %s, and the log and what waits for slow pages at most %s more (twice history.max_bytes, outbox.max_total and a quarter of it)",
		what, size(limit), count(s.pages), size(pages), size(all-pages))
	switch {
	case limit < pages:
		r.add(Failure, do, "%s", found)
	case limit < all:
		r.add(Warning, do, "%s", found)
	default:
		r.add(OK, nothing, "%s", found)
	}
}

// memoryLimit is the lowest limit of the cgroups that the process is in, or the machine's memory.
func (s *subject) memoryLimit() (limit uint64, what language.Text, ok bool) {
	if line, found := s.line("proc/meminfo", "MemTotal:"); found {
		if words := strings.Fields(line); len(words) > 0 {
			if n, err := parseNumber(words[0]); err == nil {
				limit, what, ok = n<<10, language.Textf("the machine's memory"), true
			}
		}
	}
	lower := func(file string) {
		if n, err := s.number(file); err == nil && (!ok || n < limit) {
			limit, what, ok = n, language.Textf("the memory limit of the cgroup (/%s)", file), true
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
