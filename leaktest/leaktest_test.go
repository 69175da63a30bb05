package leaktest

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) { Main(m) }

// left does not end before it is let go.
func left(letGo chan struct{}) { <-letGo }

// TestSleeper: a goroutine that ends later than goleak itself would wait is none that was left.
func TestSleeper(t *testing.T) {
	go time.Sleep(1500 * time.Millisecond)
	var told strings.Builder
	if code := verify(&told, time.Minute); code != 0 || told.Len() > 0 {
		t.Errorf("code %d: %s", code, &told)
	}
}

// TestLeft: a goroutine that does not end is told, and fails what has passed.
func TestLeft(t *testing.T) {
	letGo := make(chan struct{})
	defer close(letGo)
	go left(letGo)
	var told strings.Builder
	if code := verify(&told, 0); code != 1 || !strings.Contains(told.String(), "scenecast/leaktest.left") {
		t.Errorf("code %d: %s", code, &told)
	}
}

// TestOneWay: tests of all packages look for goroutines by this one, so that none excepts by itself what others would fall over.
func TestOneWay(t *testing.T) {
	looked := 0
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) { // tests of other packages, and git, make and remove files meanwhile
			return nil
		}
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == "node_modules" || strings.HasPrefix(entry.Name(), ".") && path != "..") {
			return fs.SkipDir
		}
		if entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if bytes.Contains(text, []byte("goleak."+"Verify")) {
			t.Errorf("%s calls goleak itself", path)
		}
		if bytes.Contains(text, []byte("leaktest.Main(m")) {
			looked++
		}
		return err
	})
	if err != nil || looked == 0 {
		t.Errorf("%v; %d packages look for goroutines", err, looked)
	}
}
