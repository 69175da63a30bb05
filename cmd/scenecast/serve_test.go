package main_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// taken opens a port of 127.0.0.1 until the test ends.
func taken(t *testing.T) (addr, port string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return l.Addr().String(), port
}

// TestPortTaken: the error says which setting asks for the port, where that came from, and what else to do. No secret is
// made for a server that does not run.
func TestPortTaken(t *testing.T) {
	addr, port := taken(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "scenecast.yaml"), []byte("\nlisten: "+addr+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	why := addr + ": port " + port + " is taken, perhaps by another scenecast; "
	const listen, debug = ". --listen or SCENECAST_LISTEN gives another address\n", ". SCENECAST_DEBUG_LISTEN gives another address\n"
	for _, c := range []struct {
		name, dir, env string
		args           []string
		begins, ends   string
	}{
		{"file", dir, "", []string{"serve"}, "scenecast.yaml:2: listen: " + why, listen},
		{"variable", "", "SCENECAST_LISTEN=" + addr, []string{"serve"}, "SCENECAST_LISTEN: listen: " + why, listen},
		{"flag", dir, "SCENECAST_LISTEN=x", []string{"serve", "--listen", addr}, "--listen: listen: " + why, listen},
		{"old flag", "", "", []string{"serve", "--addr", addr}, "--listen: listen: " + why, listen},
		{"demo", "", "", []string{"demo", "--listen", addr}, "--listen: listen: " + why, listen},
		{"debug port", "", "SCENECAST_DEBUG_LISTEN=" + addr, []string{"serve", "--listen", "127.0.0.1:0"}, "SCENECAST_DEBUG_LISTEN: debug.listen: " + why, debug},
	} {
		out, errs, code := run(t, c.dir, []string{c.env}, c.args...)
		last := errs[strings.LastIndex(strings.TrimSuffix(errs, "\n"), "\n")+1:]
		if code != 1 || out != "" || !strings.HasPrefix(last, "scenecast: "+c.begins) || !strings.HasSuffix(last, c.ends) {
			t.Errorf("%s: exit %d\n%s%s\nwant\n%s…%s", c.name, code, out, last, c.begins, c.ends)
		}
	}
	for _, addr := range []string{"192.0.2.1:9502"} { // of no machine: RFC 5737
		_, errs, code := run(t, "", nil, "serve", "--listen", addr)
		if want := "--listen: listen: " + addr + ": this machine has no such address; :9502 is every address that it has."; code != 1 || !strings.Contains(errs, want) {
			t.Errorf("%s: exit %d, %s, want %s", addr, code, errs, want)
		}
	}
}

// TestConfigCheck tells warnings, which are no mistakes, and what is wrong with files that the configuration names.
func TestConfigCheck(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "scenecast.yaml")
	for _, c := range []struct {
		content, env string
		out, errs    string
		code         int
	}{
		{"client_tokens: [\"123456\"]\n", "", "scenecast.yaml: no mistakes; page tokens: 1, API keys: 0, triggers: 0\n",
			"warning: scenecast.yaml:1: client_tokens: token 1 has 6 characters, and below 16 it can be guessed; `scenecast config init` makes long ones\n", 0},
		{"tls: {cert: no.crt, key: no.key}\n", "", "",
			"scenecast: scenecast.yaml:1: tls.cert: open no.crt: no such file or directory\nscenecast.yaml:1: tls.key: open no.key: no such file or directory\n", 1},
		{"log:\n\tlevel: info\n", "SCENECAST_CLIENT_TOKENS=[]", "",
			"scenecast: scenecast.yaml:2: this line is indented by a tab; YAML takes spaces only\n" +
				"SCENECAST_CLIENT_TOKENS: client_tokens: is empty, so no page could connect; left out, `scenecast serve` makes a token for each run\n", 1},
	} {
		if err := os.WriteFile(file, []byte(c.content), 0o600); err != nil {
			t.Fatal(err)
		}
		out, errs, code := run(t, dir, []string{c.env}, "config", "check")
		if out != c.out || errs != c.errs || code != c.code {
			t.Errorf("%q: exit %d\n%s%s\nwant exit %d\n%s%s", c.content, code, out, errs, c.code, c.out, c.errs)
		}
		if c.code == 0 {
			continue
		}
		if _, errs, code := run(t, dir, []string{c.env}, "serve"); code != 1 || errs != c.errs {
			t.Errorf("serve with %q: exit %d\n%s\nwant\n%s", c.content, code, errs, c.errs)
		}
	}
}
