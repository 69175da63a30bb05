package load

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"scenecast/language"
)

// tick is the unit of CPU times in /proc/PID/stat: USER_HZ is 100 on everything that Go and Linux run on together.
const tick = time.Second / 100

// CPUTime is the CPU that a process has used since it began.
type CPUTime struct{ User, System time.Duration }

// Total is both together.
func (c CPUTime) Total() time.Duration { return c.User + c.System }

// Since is what was used after before.
func (c CPUTime) Since(before CPUTime) CPUTime {
	return CPUTime{c.User - before.User, c.System - before.System}
}

// Process is one whose costs are watched. The zero value watches nobody, and all its costs are 0.
type Process struct{ pid int }

// Watch is the process with this pid; 0 watches nobody. Only Linux tells of other processes.
func Watch(pid int) (Process, error) {
	if pid == 0 || runtime.GOOS != "linux" {
		return Process{}, nil
	}
	p := Process{pid}
	if _, err := p.CPU(); err != nil {
		return Process{}, language.Errorf("the server's costs: %w", err)
	}
	return p, nil
}

// watched reports whether there is anything to tell.
func (p Process) watched() bool { return p.pid != 0 }

// CPU is what the process has used of it, in ticks of 10 ms.
func (p Process) CPU() (CPUTime, error) {
	if !p.watched() {
		return CPUTime{}, nil
	}
	text, err := p.read("stat")
	if err != nil {
		return CPUTime{}, err
	}
	return parseStat(text)
}

// Memory is the resident memory in bytes.
func (p Process) Memory() (int, error) {
	if !p.watched() {
		return 0, nil
	}
	text, err := p.read("status")
	if err != nil {
		return 0, err
	}
	return parseStatus(text, "VmRSS")
}

// Peak is the most resident memory, in bytes, that the process has had since it was asked last, or since it began.
func (p Process) Peak() (int, error) {
	if !p.watched() {
		return 0, nil
	}
	text, err := p.read("status")
	if err != nil {
		return 0, err
	}
	peak, err := parseStatus(text, "VmHWM")
	if err != nil {
		return 0, err
	}
	const peakAnew = "5" // proc_pid_clear_refs(5)
	return peak, os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", p.pid), []byte(peakAnew), 0)
}

func (p Process) read(file string) (string, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", p.pid, file))
	if errors.Is(err, os.ErrNotExist) {
		return "", language.Errorf("there is no process %d", p.pid)
	}
	return string(text), err
}

// parseStat reads utime and stime, the fields 14 and 15 of proc_pid_stat(5). The second field, a name in parentheses, may
// have spaces and parentheses in it, so counting begins behind the last one.
func parseStat(text string) (CPUTime, error) {
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(fields) < 13 || !strings.Contains(text, ")") {
		return CPUTime{}, language.Errorf("stat has no CPU times: %.100q", text)
	}
	user, err1 := strconv.ParseUint(fields[11], 10, 40)
	system, err2 := strconv.ParseUint(fields[12], 10, 40)
	if err := errors.Join(err1, err2); err != nil {
		return CPUTime{}, language.Errorf("stat has no CPU times: %w", err)
	}
	return CPUTime{time.Duration(user) * tick, time.Duration(system) * tick}, nil
}

// parseStatus reads a size of proc_pid_status(5), which is in kilobytes. A process that has ended has none.
func parseStatus(text, name string) (int, error) {
	for line := range strings.Lines(text) {
		value, found := strings.CutPrefix(line, name+":")
		if !found {
			continue
		}
		number, unit, _ := strings.Cut(strings.TrimSpace(value), " ")
		kilobytes, err := strconv.Atoi(number)
		if err != nil || kilobytes < 0 || unit != "kB" {
			return 0, language.Errorf("status has a strange %s: %.100q", name, line)
		}
		return kilobytes << 10, nil
	}
	return 0, language.Errorf("status has no %s", name)
}
