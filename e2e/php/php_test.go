package php

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestPHPUnit runs the package's own tests, each of which is told of where it fails.
func TestPHPUnit(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("make", "-s", "-C", root, "build").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	tests := exec.CommandContext(t.Context(), "phpunit")
	tests.Dir = filepath.Join(root, "clients", "php")
	tests.Env = append(os.Environ(), "TESTED_BINARY="+filepath.Join(root, "bin", "scenecast"), "TMPDIR="+t.TempDir())
	out, err := tests.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}
