package nats_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"scenecast"
	"scenecast/engine/cluster"
	"scenecast/engine/nats"
	"scenecast/engine/tail"
)

// writeLog leaves a log in a directory, as a node does: 20 pushes over two runs, two of them with one idempotency key.
func writeLog(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for run := range 2 {
		b, err := nats.New(nats.Options{Embedded: nats.Embedded{Dir: dir}, Logger: logger()})
		if err != nil {
			t.Fatal(err)
		}
		e := cluster.New(b, cluster.Options{ID: scenecast.NewNodeID(), Logger: logger()})
		if err := e.Start(t.Context(), new(sink)); err != nil {
			t.Fatal(err)
		}
		for i := range 10 {
			p := push(fmt.Sprint(run, "-", i))
			p.Message.Data = []byte(`"` + strings.Repeat("x", 100) + `"`)
			pending, err := e.Submit(p)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := pending.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func scan(t *testing.T, dir string) (cluster.Scan, []string) {
	t.Helper()
	var ids []string
	s, err := nats.ScanDir(dir, "scenecast", cluster.NewReader(tail.KeyOptions{}), func(p *scenecast.Push) { ids = append(ids, p.ID) })
	if err != nil {
		t.Fatal(err)
	}
	return s, ids
}

// block is the one file that the log is in.
func block(t *testing.T, dir string) (file string, content []byte) {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(dir, "nats", "jetstream", "*", "streams", "*", "msgs", "*.blk"))
	if len(files) != 1 {
		t.Fatalf("the log is in %q", files)
	}
	content, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	return files[0], content
}

// TestScan: what a node has left is read without a server: whole, cut off, and with a bit flipped in any place.
func TestScan(t *testing.T) {
	dir := writeLog(t)
	whole, ids := scan(t, dir)
	if len(whole.Damage) > 0 || whole.Happened != 20 || whole.Pushes != 20 || whole.Epochs < 2 || whole.Void != 0 {
		t.Errorf("a log that is whole: %+v", whole)
	}
	for i, id := range ids {
		if want := fmt.Sprint(i/10, "-", i%10); id != want {
			t.Errorf("push %d is %s, want %s", i, id, want)
		}
	}
	file, content := block(t, dir)
	change := func(b []byte) cluster.Scan {
		t.Helper()
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		s, _ := scan(t, dir)
		return s
	}
	for _, cut := range []int{1, 20, 100, len(content) / 2} {
		s := change(content[:len(content)-cut])
		if len(s.Damage) != 1 || s.Happened >= 20 || !strings.Contains(s.Damage[0].Error(), "the file ends within a record") {
			t.Errorf("without its last %d bytes: %+v", cut, s)
		}
	}
	for at := 0; at < len(content); at += 7 {
		flipped := append([]byte{}, content...)
		flipped[at] ^= 1 << (at % 8)
		if s := change(flipped); len(s.Damage) == 0 {
			t.Errorf("bit %d of byte %d is another one, and nothing is found: %+v", at%8, at, s)
		}
	}
	change(content)
	if s, _ := scan(t, dir); len(s.Damage) > 0 {
		t.Errorf("as it was: %+v", s)
	}
}

// TestScanMissing: a directory without a log is none that is empty.
func TestScanMissing(t *testing.T) {
	_, err := nats.ScanDir(t.TempDir(), "scenecast", cluster.NewReader(tail.KeyOptions{}), func(*scenecast.Push) {})
	if !errors.Is(err, nats.ErrNoLog) {
		t.Errorf("%v, want ErrNoLog", err)
	}
}
