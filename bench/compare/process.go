package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// familyOf is a server's process and those that it has started, as they are now.
func familyOf(pid int) ([]int, error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	children := make(map[int][]int)
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // has ended meanwhile
		}
		child, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		parent, err := parentIn(string(text))
		if err != nil {
			return nil, err
		}
		children[parent] = append(children[parent], child)
	}
	f := []int{pid}
	for i := 0; i < len(f); i++ {
		f = append(f, children[f[i]]...)
	}
	return f, nil
}

// parentIn reads the fourth field of proc_pid_stat(5). The second, a name in parentheses, may have spaces in it.
func parentIn(stat string) (int, error) {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 2 || !strings.Contains(stat, ")") {
		return 0, fmt.Errorf("stat names no parent: %.100q", stat)
	}
	return strconv.Atoi(fields[1])
}

// cpuUsed is the user and system time that a server has used, in all its processes.
func cpuUsed(server int) (time.Duration, error) {
	f, err := familyOf(server)
	if err != nil {
		return 0, err
	}
	var sum time.Duration
	for _, pid := range f {
		t, err := cpuOf(pid)
		if err != nil {
			return 0, fmt.Errorf("process %d: %w", pid, err)
		}
		sum += t
	}
	return sum, nil
}

// memoryOf is a server's resident memory in bytes. What its processes share counts once: each has its part of it (Pss).
func memoryOf(server int) (int, error) {
	f, err := familyOf(server)
	if err != nil {
		return 0, err
	}
	sum := 0
	for _, pid := range f {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			return 0, err
		}
		bytes, err := pssIn(string(text))
		if err != nil {
			return 0, fmt.Errorf("process %d: %w", pid, err)
		}
		sum += bytes
	}
	return sum, nil
}

// pssIn reads the line Pss of proc_pid_smaps(5), which is in kilobytes.
func pssIn(rollup string) (int, error) {
	for line := range strings.Lines(rollup) {
		value, found := strings.CutPrefix(line, "Pss:")
		if !found {
			continue
		}
		kilobytes, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")))
		if err != nil || kilobytes < 0 {
			return 0, fmt.Errorf("smaps_rollup has a strange line %q", line)
		}
		return kilobytes << 10, nil
	}
	return 0, errors.New("smaps_rollup has no Pss")
}
