package doctor

import (
	"context"
	"errors"
	"math"
	"strings"

	"scenecast/language"
)

// ownFiles are descriptors, about, that are no page's: loops, HTTP calls, files, the engine.
const ownFiles = 64

// fewFiles is what is too little for a server of any size.
const fewFiles = 10_000

// checkFileLimit looks how many descriptors a process of this user may have. The server raises its own limit as far as the hard one, as
// this process has done.
func checkFileLimit(_ context.Context, s *subject, r *report) {
	line, ok := s.line("proc/self/limits", "Max open files")
	words := strings.Fields(line)
	if !ok || len(words) < 2 {
		r.add(Skipped, nothing, "/proc/self/limits does not tell the limit of open files")
		return
	}
	hard, err := parseNumber(words[1])
	if errors.Is(err, errUnlimited) {
		hard, err = math.MaxInt64, nil
	}
	if err != nil {
		r.unreadable(err)
		return
	}
	pages := hard - min(hard/2, ownFiles)
	do := language.Textf("Raise it as root before the start: ulimit -n %d; in a unit of systemd LimitNOFILE=%[1]d; with docker --ulimit nofile=%[1]d.",
		max(100_000, 2*s.pages))
	found := language.Textf("a process may have %s descriptors here, which is room for %s pages; %s are expected", words[1], count(pages), count(s.pages))
	switch {
	case pages < uint64(s.pages):
		r.add(Failure, do, "%s", found)
	case hard < fewFiles:
		r.add(Warning, do, "%s", found)
	default:
		r.add(OK, nothing, "%s", found)
	}
}

// checkSystemFiles looks how many descriptors the whole machine may have.
func checkSystemFiles(_ context.Context, s *subject, r *report) {
	used, err := s.numbers("proc/sys/fs/file-nr", 3) // used, 0, fs.file-max
	if err != nil {
		r.unreadable(err)
		return
	}
	open, most := used[0], used[2]
	perProcess, err := s.number("proc/sys/fs/nr_open")
	if err != nil {
		r.unreadable(err)
		return
	}
	want := uint64(s.pages + ownFiles)
	switch {
	case perProcess < want:
		r.add(Failure, sysctl("fs.nr_open", 2*want),
			"fs.nr_open lets one process have at most %s descriptors, whatever its limit is; %s pages are expected", count(perProcess), count(s.pages))
	case most < open+want:
		r.add(Failure, sysctl("fs.file-max", 2*(open+want)),
			"fs.file-max lets the machine have %s descriptors, of which %s are in use; %s pages are expected", count(most), count(open), count(s.pages))
	default:
		r.add(OK, nothing, "fs.nr_open is %s, and of fs.file-max %s descriptors are in use", count(perProcess), count(open))
	}
}
