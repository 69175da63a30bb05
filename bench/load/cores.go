package load

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"

	"scenecast/language"
)

// Cores says where server and client run. The zero value leaves it to the system.
type Cores struct{ server, client string }

// pinned is the variable by which this program, when it runs itself once more, knows its cores.
const pinned = "SCENECAST_BENCH_CORES"

// Pin puts this process on one core, by running it once more under taskset, since Go chooses its number of threads when it
// begins; and it says on which core servers run. A machine with a single core has nothing to choose.
func Pin() (Cores, error) {
	if both, again := os.LookupEnv(pinned); again {
		server, client, _ := strings.Cut(both, ",")
		return Cores{server, client}, nil
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return Cores{}, language.Errorf("which cores there are is known on Linux alone: run the comparison there: %w", err)
	}
	allowed, err := coresIn(string(status))
	two := twoOf(allowed)
	if err != nil || two == (Cores{}) {
		return Cores{}, err
	}
	taskset, err := exec.LookPath("taskset")
	if err != nil {
		return Cores{}, language.Errorf("taskset of util-linux: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return Cores{}, err
	}
	args := append([]string{"taskset", "-c", two.client, self}, os.Args[1:]...)
	return Cores{}, syscall.Exec(taskset, args, append(os.Environ(), pinned+"="+two.server+","+two.client))
}

// twoOf chooses a core for servers and one for the client; none where there is only one.
func twoOf(allowed []int) Cores {
	if len(allowed) < 2 {
		return Cores{}
	}
	return Cores{server: strconv.Itoa(allowed[0]), client: strconv.Itoa(allowed[1])}
}

// coresIn reads Cpus_allowed_list of proc_pid_status(5), like "0-2,5".
func coresIn(status string) ([]int, error) {
	_, list, found := strings.Cut(status, "Cpus_allowed_list:")
	list, _, _ = strings.Cut(list, "\n")
	var all []int
	for part := range strings.SplitSeq(strings.TrimSpace(list), ",") {
		from, to, isRange := strings.Cut(part, "-")
		if !isRange {
			to = from
		}
		first, err1 := strconv.Atoi(from)
		last, err2 := strconv.Atoi(to)
		if !found || err1 != nil || err2 != nil || last < first {
			return nil, language.Errorf("the status of this process has a strange Cpus_allowed_list: %q", list)
		}
		for core := first; core <= last; core++ {
			all = append(all, core)
		}
	}
	return all, nil
}

// OnServersCore is the command, on the servers' core.
func (c Cores) OnServersCore(command ...string) []string {
	if c.server == "" {
		return command
	}
	return append([]string{"taskset", "-c", c.server}, command...)
}

// String tells it to readers.
func (c Cores) String() string {
	if c.server == "" {
		return "server and client share the only core"
	}
	return fmt.Sprintf("server on core %s, client on core %s", c.server, c.client)
}
