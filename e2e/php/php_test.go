package php

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestPHPUnit runs the package's own tests, each of which is told of where it fails.
func TestPHPUnit(t *testing.T) {
	program := filepath.Join(t.TempDir(), "scenecast")
	if out, err := exec.Command("go", "build", "-o", program, "scenecast/cmd/scenecast").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	tests := exec.CommandContext(t.Context(), "phpunit")
	tests.Dir = filepath.Join("..", "..", "clients", "php")
	tests.Env = append(os.Environ(), "SCENECAST_BINARY="+program, "TMPDIR="+t.TempDir())
	out, err := tests.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}
