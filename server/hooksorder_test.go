package server_test

import (
	"fmt"
	"math/rand/v2"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// TestHooksOrderDocument: with the statement of docs/hooks.md a backend knows who is there, in whatever order events come, and how often.
func TestHooksOrderDocument(t *testing.T) {
	statement := documented(t, "hooks.md", "sql", "excluded.version")
	create := regexp.MustCompile(`-- (CREATE TABLE .*\));`).FindStringSubmatch(statement)
	if create == nil {
		t.Fatal("docs/hooks.md does not say how the table is made")
	}
	events := []struct {
		user, of string
		version  int
	}{
		{"", "occupied", 11}, {"ann", "joined", 11}, {"bob", "joined", 12}, {"ann", "left", 21}, {"bob", "left", 22}, {"", "vacated", 22},
		{"", "occupied", 31}, {"ann", "joined", 31}, {"bob", "joined", 32}, {"bob", "left", 41},
	}
	const want = "|1|31\nann|1|31\nbob|0|41\n"
	for range 10 {
		script := create[1] + ";\n"
		for range 3 {
			for _, i := range rand.Perm(len(events)) {
				e := events[i]
				script += strings.NewReplacer(":key", "'order'", ":value", "'7'", ":user", "'"+e.user+"'", ":type", "'"+e.of+"'", ":version", fmt.Sprint(e.version)).Replace(statement)
			}
		}
		cmd := exec.CommandContext(t.Context(), "sqlite3", "-bail", ":memory:")
		cmd.Stdin = strings.NewReader(script + "SELECT user, is_there, version FROM presence ORDER BY user;\n")
		out, err := cmd.CombinedOutput()
		if err != nil || string(out) != want {
			t.Fatalf("%v (scripts/install-test-tools installs sqlite3)\n%s, want\n%s", err, out, want)
		}
	}
}
