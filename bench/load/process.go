package load

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of CPU times in /proc/PID/stat: USER_HZ is 100 on everything that Go and Linux run on together.
const tick = time.Second / 100

// cpuTime is the CPU that a process has used since it began.
type cpuTime struct{ user, system time.Duration }

func (c cpuTime) since(before cpuTime) cpuTime {
	return cpuTime{c.user - before.user, c.system - before.system}
}

// process is one whose costs are watched. The zero value has none to tell.
type process struct{ pid int }

// watch is the process with this pid; 0 watches nobody. Only Linux tells of other processes.
func watch(pid int) (process, error) {
	if pid == 0 || runtime.GOOS != "linux" {
		return process{}, nil
	}
	p := process{pid}
	if _, err := p.cpu(); err != nil {
		return process{}, fmt.Errorf("the server's costs: %w", err)
	}
	return p, nil
}

// isWatched reports whether there is anything to tell.
func (p process) isWatched() bool { return p.pid != 0 }

func (p process) cpu() (cpuTime, error) {
	if !p.isWatched() {
		return cpuTime{}, nil
	}
	text, err := p.read("stat")
	if err != nil {
		return cpuTime{}, err
	}
	return parseStat(text)
}

// memory is the resident memory in bytes.
func (p process) memory() (int, error) {
	if !p.isWatched() {
		return 0, nil
	}
	text, err := p.read("status")
	if err != nil {
		return 0, err
	}
	return parseStatus(text)
}

func (p process) read(file string) (string, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", p.pid, file))
	if errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("there is no process %d", p.pid)
	}
	return string(text), err
}

// parseStat reads utime and stime, the fields 14 and 15 of proc_pid_stat(5). The second field, a name in parentheses, may
// have spaces and parentheses in it, so counting begins behind the last one.
func parseStat(text string) (cpuTime, error) {
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(fields) < 13 || !strings.Contains(text, ")") {
		return cpuTime{}, fmt.Errorf("stat has no CPU times: %.100q", text)
	}
	user, err1 := strconv.ParseUint(fields[11], 10, 40)
	system, err2 := strconv.ParseUint(fields[12], 10, 40)
	if err := errors.Join(err1, err2); err != nil {
		return cpuTime{}, fmt.Errorf("stat has no CPU times: %w", err)
	}
	return cpuTime{time.Duration(user) * tick, time.Duration(system) * tick}, nil
}

// parseStatus reads VmRSS of proc_pid_status(5), which is in kilobytes. A process that has ended has none.
func parseStatus(text string) (int, error) {
	for line := range strings.Lines(text) {
		value, found := strings.CutPrefix(line, "VmRSS:")
		if !found {
			continue
		}
		number, unit, _ := strings.Cut(strings.TrimSpace(value), " ")
		kilobytes, err := strconv.Atoi(number)
		if err != nil || kilobytes < 0 || unit != "kB" {
			return 0, fmt.Errorf("status has a strange VmRSS: %.100q", line)
		}
		return kilobytes << 10, nil
	}
	return 0, errors.New("status has no VmRSS")
}
