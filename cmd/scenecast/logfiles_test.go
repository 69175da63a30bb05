package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestLogFiles: what a stopped node has left is checked and printed; damage is exit status 1.
func TestLogFiles(t *testing.T) {
	dir := t.TempDir()
	server := launch(t, []string{"SCENECAST_API_KEYS=[{name: test, key: backend-key}]"},
		"serve", "--listen", "127.0.0.1:0", "--client-token", "page-token", "--data-dir", dir)
	url := "SCENECAST_URL=http://" + line(t, server.stderr, `msg=listening addr=(\S+)`)
	for range 2 { // the second is a retry
		if out, errs, code := run(t, "", []string{url, "SCENECAST_API_KEY=backend-key"}, "push", "--to", "*", "--ttl", "5m", "--idempotency-key", "k", `{"a":1}`); code != 0 {
			t.Fatalf("push: exit %d, %s%s", code, out, errs)
		}
	}
	server.terminate()

	out, errs, code := run(t, "", nil, "log", "verify", "--data-dir", dir)
	if code != 0 || !strings.HasPrefix(out, "1 records, ") || !strings.Contains(out, "\n1 pushes, from ") || strings.Contains(out, "damage") {
		t.Errorf("verify: exit %d, %s%s", code, out, errs)
	}
	out, errs, code = run(t, "", nil, "log", "export", "--data-dir", dir)
	if code != 0 || strings.Count(out, "\n") != 1 || !strings.Contains(out, `"app":"default",`) || !strings.Contains(out, `"to":"*","message":{"a":1},"ttl":"5m0s","receipt":"queued"}`) {
		t.Errorf("export: exit %d, %s%s", code, out, errs)
	}

	files, _ := filepath.Glob(filepath.Join(dir, "nats", "jetstream", "*", "streams", "*", "msgs", "*.blk"))
	content, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(files[0], content[:len(content)-1], 0o600); err != nil {
		t.Fatal(err)
	}
	for _, what := range []string{"verify", "export"} {
		if out, errs, code := run(t, "", nil, "log", what, "--data-dir", dir); code != 1 || !strings.Contains(errs, "the log is damaged in 1 places") {
			t.Errorf("%s of a log that is cut off: exit %d, %s%s", what, code, out, errs)
		}
	}
	for _, c := range []struct{ args, want string }{
		{"log verify", "which log?"},
		{"log verify --data-dir " + t.TempDir(), "there is no log named scenecast in "},
		{"log export --data-dir " + dir + " --cluster-name other", "there is no log named other in "},
	} {
		if out, errs, code := run(t, "", nil, strings.Fields(c.args)...); code != 1 || !strings.Contains(errs, c.want) {
			t.Errorf("%s: exit %d, %s%s, want %s", c.args, code, out, errs, c.want)
		}
	}
}
