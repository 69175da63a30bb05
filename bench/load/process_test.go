package load

import (
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	const rest = " S 1 2 3 4 5 6 7 8 9 10 125 37 0 0 20 0 9 0 100 1 2"
	for _, c := range []struct {
		name, text string
		want       CPUTime
		err        string
	}{
		{"plain", "42 (scenecast)" + rest, CPUTime{1250 * time.Millisecond, 370 * time.Millisecond}, ""},
		{"a name with spaces and parentheses", "42 (a) b (c 1 2)" + rest, CPUTime{1250 * time.Millisecond, 370 * time.Millisecond}, ""},
		{"empty", "", CPUTime{}, "stat has no CPU times"},
		{"no name", "42 x" + rest, CPUTime{}, "stat has no CPU times"},
		{"short", "42 (scenecast) S 1 2", CPUTime{}, "stat has no CPU times"},
		{"no number", "42 (scenecast)" + strings.Replace(rest, "125", "x", 1), CPUTime{}, "stat has no CPU times"},
		{"a negative number", "42 (scenecast)" + strings.Replace(rest, "37", "-1", 1), CPUTime{}, "stat has no CPU times"},
	} {
		got, err := parseStat(c.text)
		if got != c.want || !strings.Contains(text(err), c.err) || (err == nil) != (c.err == "") {
			t.Errorf("%s: got %v, %v, want %v, %s", c.name, got, err, c.want, c.err)
		}
	}
}

func TestParseStatus(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       int
		err        string
	}{
		{"plain", "Name:\tscenecast\nVmHWM:\t    99 kB\nVmRSS:\t    12 kB\nRssAnon:\t 1 kB\n", 12 << 10, ""},
		{"ended", "Name:\tscenecast\nState:\tZ (zombie)\n", 0, "status has no VmRSS"},
		{"another unit", "VmRSS:\t12 MB\n", 0, "status has a strange VmRSS"},
		{"no number", "VmRSS:\tx kB\n", 0, "status has a strange VmRSS"},
	} {
		got, err := parseStatus(c.text, "VmRSS")
		if got != c.want || !strings.Contains(text(err), c.err) || (err == nil) != (c.err == "") {
			t.Errorf("%s: got %v, %v, want %v, %s", c.name, got, err, c.want, c.err)
		}
	}
}

func TestWatch(t *testing.T) {
	if p, err := Watch(0); err != nil || p.watched() {
		t.Errorf("nobody: got %v, %v", p, err)
	}
	if runtime.GOOS != "linux" {
		return
	}
	p, err := Watch(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if bytes, err := p.Memory(); err != nil || bytes < 1<<20 {
		t.Errorf("this test has %d bytes, %v", bytes, err)
	}
	if _, err := p.CPU(); err != nil {
		t.Error(err)
	}
	if bytes, err := p.Peak(); err != nil || bytes < 1<<20 {
		t.Errorf("this test had %d bytes at most, %v", bytes, err)
	}
	if _, err := Watch(1 << 30); text(err) != "the server's costs: there is no process 1073741824" {
		t.Errorf("no process: got %v", err)
	}
}

func TestFileLimit(t *testing.T) {
	for _, c := range []struct {
		pages int
		limit uint64
		want  string
	}{
		{10_000, 20_000, ""},
		{744, 1000, ""},
		{745, 1000, "745 pages need 1001 open files, and this process may open 1000: raise the limit (ulimit -Hn), or take --pages 744"},
		{745, 100, "745 pages need 1001 open files, and this process may open 100: raise the limit (ulimit -Hn)"},
	} {
		if got := text(checkFileLimit(c.pages, c.limit)); got != c.want {
			t.Errorf("%d pages, limit %d: got %q, want %q", c.pages, c.limit, got, c.want)
		}
	}
}
