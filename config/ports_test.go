package config

import (
	"strings"
	"testing"
)

// TestSamePort: what cannot be opened twice is found before anything is opened, and what can is not.
func TestSamePort(t *testing.T) {
	for _, c := range []struct {
		listen, debug, dashboard string
		want                     string // part of the error; empty: there is none
	}{
		{"127.0.0.1:9502", "", "127.0.0.1:9503", ""},
		{"127.0.0.1:9502", "", "127.0.0.1:9502", "dashboard.listen: 127.0.0.1:9502 is the port of listen (127.0.0.1:9502), too; each needs one of its own"},
		{":9502", "", "127.0.0.1:9502", "dashboard.listen: 127.0.0.1:9502 is the port of listen (:9502), too"},
		{"127.0.0.1:9502", "", "0.0.0.0:9502", "dashboard.listen: 0.0.0.0:9502 is the port of listen"},
		{"127.0.0.1:9502", "", "[::]:9502", "dashboard.listen: [::]:9502 is the port of listen"},
		{"127.0.0.1:9502", "", "127.0.0.2:9502", ""},
		{"127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0", ""},
		{"unix:/run/port", "", "127.0.0.1:9502", ""},
		{"unix:/run/port", "", "unix:/run/port", `dashboard.listen: "unix:/run/port" is a socket's path, which listen alone takes`},
		{"127.0.0.1:9502", "", "unix:/run/other", `dashboard.listen: "unix:/run/other" is a socket's path`},
		{"127.0.0.1:9502", "127.0.0.1:6060", "127.0.0.1:6060", "dashboard.listen: 127.0.0.1:6060 is the port of debug.listen (127.0.0.1:6060), too"},
		{"127.0.0.1:9502", "localhost:6060", "LOCALHOST:6060", "dashboard.listen: LOCALHOST:6060 is the port of debug.listen"},
		{":9502", "127.0.0.1:9502", "127.0.0.1:9503", "debug.listen: 127.0.0.1:9502 is the port of listen (:9502), too"},
		{":9502", "", "127.0.0.1", "dashboard.listen: "},
	} {
		flags := map[string]string{"listen": c.listen, "debug.listen": c.debug, "dashboard.listen": c.dashboard, "dashboard.enabled": "true"}
		_, err := Read(Sources{Flags: flags})
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
