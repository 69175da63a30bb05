package queue

import (
	"path/filepath"
	"testing"
)

// TestFiguresWhileWriting: how much waits is told while something is written, which takes as long as the disk takes.
func TestFiguresWhileWriting(t *testing.T) {
	file, err := Open(filepath.Join(t.TempDir(), "hooks.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	waits, err := file.Queue("h")
	if err != nil {
		t.Fatal(err)
	}
	if err := waits.Append([][]byte{[]byte("ab"), []byte("cde")}); err != nil {
		t.Fatal(err)
	}
	q := waits.(*fileQueue) //nolint:forcetypeassert // it is what File.Queue returns
	q.writes.Lock()
	defer q.writes.Unlock()
	if n, size := q.Len(), q.Size(); n != 2 || size != 5 {
		t.Errorf("%d items of %d bytes", n, size)
	}
}
