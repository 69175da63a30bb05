package e2e_test

import (
	"os/exec"
	"strings"
	"testing"
)

func checkShell(t *testing.T, all []snippet) {
	for _, s := range all {
		c := exec.CommandContext(t.Context(), "bash", "-n")
		c.Stdin = strings.NewReader(s.code)
		if said, err := c.CombinedOutput(); err != nil {
			t.Errorf("%s: %s", s.place, said)
		}
	}
}
