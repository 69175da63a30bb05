package load

import (
	"strings"
	"testing"
)

func TestCoresIn(t *testing.T) {
	for _, c := range []struct{ list, want, err string }{
		{"0-1", "server on core 0, client on core 1", ""},
		{"3", "server and client share the only core", ""},
		{"2,5-7", "server on core 2, client on core 5", ""},
		{"", "", "strange Cpus_allowed_list"},
		{"3-1", "", "strange Cpus_allowed_list"},
		{"a", "", "strange Cpus_allowed_list"},
	} {
		all, err := coresIn("Name:\tx\nCpus_allowed_list:\t" + c.list + "\nMems:\t1\n")
		got := ""
		if err == nil {
			got = twoOf(all).String()
		}
		if got != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%q: got %v, %v, want %v, %s", c.list, got, err, c.want, c.err)
		}
	}
	if _, err := coresIn("Name:\tx\n"); err == nil {
		t.Error("no list: no error")
	}
}
