package doctor_test

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"
	"unicode"

	"scenecast/config"
	"scenecast/doctor"
	"scenecast/language"
	"scenecast/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// goodFiles are those of a machine of which nothing is wrong.
var goodFiles = map[string]string{
	"proc/self/limits":                                        "Limit                     Soft Limit           Hard Limit           Units     \nMax open files            1048576              1048576              files     \n",
	"proc/sys/fs/file-nr":                                     "2000\t0\t9223372036854775807\n",
	"proc/sys/fs/nr_open":                                     "1048576\n",
	"proc/sys/net/core/somaxconn":                             "4096\n",
	"proc/sys/net/core/netdev_max_backlog":                    "1000\n",
	"proc/sys/net/core/wmem_max":                              "212992\n",
	"proc/sys/net/ipv4/tcp_max_syn_backlog":                   "1024\n",
	"proc/sys/net/ipv4/tcp_syncookies":                        "1\n",
	"proc/sys/net/ipv4/tcp_mem":                               "93000\t124000\t186000\n",
	"proc/sys/net/ipv4/tcp_rmem":                              "4096\t131072\t6291456\n",
	"proc/sys/net/ipv4/tcp_wmem":                              "4096\t16384\t4194304\n",
	"proc/sys/net/ipv4/ip_local_port_range":                   "32768\t60999\n",
	"proc/net/sockstat":                                       "sockets: used 180\nTCP: inuse 30 orphan 0 tw 4 alloc 40 mem 12\nUDP: inuse 4 mem 1\n",
	"proc/sys/net/netfilter/nf_conntrack_max":                 "262144\n",
	"proc/sys/net/netfilter/nf_conntrack_count":               "120\n",
	"proc/meminfo":                                            "MemTotal:        8388608 kB\nMemFree:         100 kB\n",
	"proc/self/cgroup":                                        "0::/system.slice/scenecast.service\n",
	"sys/fs/cgroup/system.slice/memory.max":                   "max\n",
	"sys/fs/cgroup/system.slice/scenecast.service/memory.max": "max\n",
}

// examine runs all checks with these files in the place of the good ones ("": there is none), and settings.
func examine(t *testing.T, files, settings map[string]string, change func(o *doctor.Options)) map[string][]doctor.Finding {
	t.Helper()
	all := maps.Clone(goodFiles)
	maps.Copy(all, files)
	root := make(fstest.MapFS)
	for path, text := range all {
		if text != "" {
			root[path] = &fstest.MapFile{Data: []byte(text)}
		}
	}
	flags := map[string]string{"listen": "127.0.0.1:0"}
	maps.Copy(flags, settings)
	l, err := config.Read(config.Sources{Flags: flags})
	o := doctor.Options{Config: l, ConfigError: errors.Join(err, l.CheckFiles()), Timeout: 20 * time.Second, System: doctor.ThisSystem()}
	o.System.Linux, o.System.Root = true, root
	o.System.Clock = func() (doctor.Clock, error) {
		return doctor.Clock{Synchronized: true, MaxError: 3 * time.Millisecond}, nil
	}
	if change != nil {
		change(&o)
	}
	found := make(map[string][]doctor.Finding)
	for _, f := range doctor.Run(t.Context(), o) {
		found[f.Check] = append(found[f.Check], f)
		if f.Found.IsZero() || (f.Status == doctor.Warning || f.Status == doctor.Failure) == f.Do.IsZero() {
			t.Errorf("%s, %s: %q says what to do: %q", f.Check, f.Status, f.Found, f.Do)
		}
		for _, text := range []language.Text{f.Found, f.Do} {
			if chinese := text.In(language.Chinese); !text.IsZero() && !strings.ContainsFunc(chinese, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
				t.Errorf("%s says in Chinese: %s", f.Check, chinese)
			}
		}
	}
	return found
}

// expect looks whether a check has one finding, of this status, that says this.
func expect(t *testing.T, found map[string][]doctor.Finding, check string, want doctor.Status, says string) {
	t.Helper()
	list := found[check]
	if len(list) != 1 || list[0].Status != want || !strings.Contains(list[0].Found.String(), says) {
		t.Errorf("%s has found %+v; want %s, %q", check, list, want, says)
	}
}

// TestSystem: each check of the machine, with one thing that is wrong, and what it then says.
func TestSystem(t *testing.T) {
	good := examine(t, nil, nil, nil)
	const conntrack, ports = "proc/sys/net/netfilter/nf_conntrack_max", "proc/sys/net/ipv4/ip_local_port_range"
	for _, c := range []struct {
		check string
		path  string // whose text is
		text  string
		pages int
		want  doctor.Status
		says  string
	}{
		{"files.limit", "proc/self/limits", "Max open files            1024                 20000                files\n", 0, doctor.OK, "room for 19,936 pages; 10,000 are expected"},
		{"files.limit", "proc/self/limits", "Max open files            1024                 4096                 files\n", 100, doctor.Warning, "room for 4,032 pages"},
		{"files.limit", "proc/self/limits", "Max open files            1024                 20000                files\n", 30_000, doctor.Failure, "30,000 are expected"},
		{"files.limit", "proc/self/limits", "Max open files            unlimited            unlimited            files\n", 30_000, doctor.OK, "unlimited"},
		{"files.limit", "proc/self/limits", "Max open files            many                 many                 files\n", 0, doctor.Skipped, `"many" is no number`},
		{"files.limit", "proc/self/limits", "", 0, doctor.Skipped, "does not tell"},
		{"files.system", "proc/sys/fs/nr_open", "5000\n", 0, doctor.Failure, "fs.nr_open lets one process have at most 5,000"},
		{"files.system", "proc/sys/fs/file-nr", "9000 0 12000\n", 0, doctor.Failure, "12,000 descriptors, of which 9,000"},
		{"files.system", "proc/sys/fs/file-nr", "9000\n", 0, doctor.Skipped, "has 1 numbers, not 3"},
		{"kernel.backlog", "proc/sys/net/core/somaxconn", "128\n", 0, doctor.Warning, "net.core.somaxconn is 128"},
		{"kernel.backlog", "proc/sys/net/ipv4/tcp_max_syn_backlog", "128\n", 0, doctor.Warning, "tcp_max_syn_backlog is 128"},
		{"kernel.backlog", "proc/sys/net/core/somaxconn", "", 0, doctor.Skipped, "/proc/sys/net/core/somaxconn cannot be read"},
		{"kernel.syncookies", "proc/sys/net/ipv4/tcp_syncookies", "0\n", 0, doctor.Warning, "dropped"},
		{"kernel.netdev_backlog", "proc/sys/net/core/netdev_max_backlog", "300\n", 0, doctor.Warning, "is 300 packets"},
		{"kernel.tcp_mem", "proc/sys/net/ipv4/tcp_mem", "1000 2000 3000\n", 0, doctor.Warning, "7.8 MiB, which is less than 4 KiB for each of 10,000 pages"},
		{"kernel.tcp_mem", "proc/net/sockstat", "TCP: inuse 30 orphan 0 tw 4 alloc 40 mem 124001\n", 0, doctor.Warning, "sockets hold 484.4 MiB"},
		{"kernel.buffers", "proc/sys/net/core/wmem_max", "16384\n", 0, doctor.Warning, "net.core.wmem_max is 16 KiB, so outbox.send_buffer (32 KiB)"},
		{"kernel.buffers", "proc/sys/net/ipv4/tcp_rmem", "4096 4096 8192\n", 0, doctor.Warning, "tcp_rmem lets a socket hold at most 8 KiB"},
		{"kernel.ports", ports, "60000 60999\n", 0, doctor.Warning, "has 1,000 ports"},
		{"kernel.ports", ports, "32768 60999\n", 40_000, doctor.Warning, "28,232 ports, and 40,000 pages"},
		{"kernel.conntrack", conntrack, "8000\n", 0, doctor.Failure, "nf_conntrack_max is 8,000, and 10,000 pages"},
		{"kernel.conntrack", "proc/sys/net/netfilter/nf_conntrack_count", "250000\n", 0, doctor.Warning, "250,000 of 262,144"},
		{"kernel.conntrack", conntrack, "", 0, doctor.Skipped, "follows no connections"},
		{"memory", "sys/fs/cgroup/system.slice/memory.max", "62914560\n", 0, doctor.Failure, "the memory limit of the cgroup (/sys/fs/cgroup/system.slice/memory.max) is 60 MiB"},
		{"memory", "sys/fs/cgroup/system.slice/scenecast.service/memory.max", "268435456\n", 0, doctor.Warning, "is 256 MiB"},
		{"memory", "sys/fs/cgroup/memory/memory.limit_in_bytes", "62914560\n", 0, doctor.Failure, "limit_in_bytes) is 60 MiB"},
		// By docs/capacity.md: 24.3 MiB + 2 × 10,000 × 544 B + 10,000 × 3,712 B; and 2 × 64 MiB of log, and 256 MiB of outboxes with a quarter.
		{"memory", "sys/fs/cgroup/system.slice/memory.max", "104857600\n", 0, doctor.Warning, "10,000 pages take about 70.1 MiB, and the log and what waits for slow pages at most 448 MiB more"},
		{"memory", "proc/meminfo", "MemTotal: 409600 kB\n", 0, doctor.Warning, "the machine's memory is 400 MiB"},
	} {
		found := examine(t, map[string]string{c.path: c.text}, nil, func(o *doctor.Options) { o.Pages = c.pages })
		expect(t, found, c.check, c.want, c.says)
		for check, list := range found {
			if before := good[check]; c.pages == 0 && check != c.check && fmt.Sprint(before) != fmt.Sprint(list) {
				t.Errorf("%s is %q: %s has found %+v", c.path, c.text, check, list)
			}
		}
	}
	for check, list := range good {
		if s := list[0].Status; len(list) != 1 || s != doctor.OK && s != doctor.Skipped {
			t.Errorf("%s: of a machine of which nothing is wrong, %+v", check, list)
		}
	}
	for _, check := range doctor.Names() {
		if len(good[check]) != 1 {
			t.Errorf("%s has found nothing", check)
		}
	}
}

// TestPages: how many pages are expected, by the flag, or else the limits.
func TestPages(t *testing.T) {
	for _, c := range []struct {
		pages    int
		settings map[string]string
		says     string
	}{
		{0, nil, "10,000 are expected"},
		{70, map[string]string{"limits.connections": "50"}, "70 are expected"},
		{0, map[string]string{"limits.connections": "50", "max_connections": "40"}, "50 are expected"},
		{0, map[string]string{"max_connections": "40"}, "40 are expected"},
		{0, map[string]string{"max_connections": "40", "apps": "{shop: {max_connections: 30}}"}, "70 are expected"},
		{0, map[string]string{"max_connections": "40", "apps": "{shop: {}}"}, "10,000 are expected"},
	} {
		expect(t, examine(t, nil, c.settings, func(o *doctor.Options) { o.Pages = c.pages }), "files.limit", doctor.OK, c.says)
	}
}

// TestNotLinux: what Linux alone has does not apply elsewhere.
func TestNotLinux(t *testing.T) {
	found := examine(t, nil, nil, func(o *doctor.Options) { o.System = doctor.System{} })
	for _, check := range []string{"files.limit", "files.system", "kernel.backlog", "kernel.tcp_mem", "kernel.ports", "kernel.conntrack", "memory", "clock.sync"} {
		expect(t, found, check, doctor.Skipped, "not applicable: this system is not Linux")
	}
	expect(t, found, "config", doctor.OK, "no mistakes")
}

func TestClock(t *testing.T) {
	clock := func(c doctor.Clock, err error) map[string][]doctor.Finding {
		return examine(t, nil, nil, func(o *doctor.Options) { o.System.Clock = func() (doctor.Clock, error) { return c, err } })
	}
	expect(t, clock(doctor.Clock{Synchronized: true, MaxError: time.Millisecond}, nil), "clock.sync", doctor.OK, "within 1ms")
	expect(t, clock(doctor.Clock{}, nil), "clock.sync", doctor.Warning, "nothing keeps the clock right")
	expect(t, clock(doctor.Clock{}, errors.New("not permitted")), "clock.sync", doctor.Skipped, "not permitted")
}

func TestConfiguration(t *testing.T) {
	found := examine(t, nil, map[string]string{"websocket.pong_wait": "0s", "log.level": "loud"}, nil)["config"]
	if len(found) != 2 || found[0].Status != doctor.Failure || !strings.Contains(fmt.Sprint(found), "log.level") || !strings.Contains(fmt.Sprint(found), "websocket.pong_wait: must be more than 0") {
		t.Errorf("of two mistakes, found %+v", found)
	}
	expect(t, examine(t, nil, map[string]string{"client_tokens": "short"}, nil), "config", doctor.Warning, "client_tokens")
}

func TestDisk(t *testing.T) {
	dir := t.TempDir()
	disk := func(dir string, settings map[string]string, space doctor.Space, syncs error, slow time.Duration) map[string][]doctor.Finding {
		all := map[string]string{"data_dir": dir}
		maps.Copy(all, settings)
		return examine(t, nil, all, func(o *doctor.Options) {
			o.System.Space = func(string) (doctor.Space, error) { return space, nil }
			o.System.Sync = func(_ string, sample func() bool) error {
				for sample() {
					time.Sleep(slow)
				}
				return syncs
			}
		})
	}
	const gib = 1 << 30
	free := doctor.Space{Free: 10 * gib, Total: 20 * gib, Writable: true}
	found := disk(dir, nil, free, nil, 0)
	expect(t, found, "disk.space", doctor.OK, "10 GiB free of 20 GiB; the log may take 256 MiB")
	expect(t, found, "disk.sync", doctor.OK, "fsync takes")
	expect(t, disk(dir, nil, doctor.Space{Free: 300 << 20, Total: gib, Writable: true}, nil, 0), "disk.space", doctor.Warning, "300 MiB free")
	expect(t, disk(dir, nil, doctor.Space{Free: 100 << 20, Total: gib, Writable: true}, nil, 0), "disk.space", doctor.Failure, "100 MiB free")
	expect(t, disk(dir, nil, doctor.Space{Free: gib, Total: gib}, nil, 0), "disk", doctor.Failure, "may not write")
	expect(t, disk(dir, nil, free, errors.New("input/output error"), 0), "disk.sync", doctor.Failure, "input/output error")
	expect(t, disk(dir, map[string]string{"nats.sync": "always"}, free, nil, 25*time.Millisecond), "disk.sync", doctor.Warning, "fsync takes")
	expect(t, disk(filepath.Join(dir, "missing"), nil, free, nil, 0), "disk", doctor.Failure, "no such file")

	found = examine(t, nil, map[string]string{"data_dir": dir}, nil) // the real disk
	if len(found["disk.space"]) != 1 || len(found["disk.sync"]) != 1 || !strings.Contains(found["disk.sync"][0].Found.String(), "fsync takes") {
		t.Errorf("of a real disk, found %+v, %+v", found["disk.space"], found["disk.sync"])
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
}
