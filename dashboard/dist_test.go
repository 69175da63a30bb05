package dashboard_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

// most is how many bytes all files of the page may have, each gzipped; app/scripts/check.js has it too.
const most = 45 << 10

func TestPageIsSmall(t *testing.T) {
	files, err := filepath.Glob("dist/*")
	if err != nil {
		t.Fatal(err)
	}
	size := 0
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = w.Write(content)
		_ = w.Close()
		size += b.Len()
	}
	if len(files) < 3 || size > most {
		t.Errorf("the %d files of dist have %d bytes gzipped, and may have %d", len(files), size, most)
	}
}

// The page carries the hash of its source, as app/scripts/bundle.js makes it.
func TestPageIsBuiltFromItsSource(t *testing.T) {
	built, err := os.ReadFile("dist/dashboard.js")
	if err != nil {
		t.Fatal(err)
	}
	recorded := regexp.MustCompile(`^/\*.* dashboard/app/src ([0-9a-f]{16});`).FindSubmatch(built)
	if recorded == nil {
		t.Fatalf("dashboard.js does not begin with the hash of its source: %.100s", built)
	}
	hash := sha256.New()
	src := os.DirFS("app/src")
	var paths []string
	err = fs.WalkDir(src, ".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(paths) // as the script does; WalkDir has folders before files that begin alike
	for _, path := range paths {
		text, err := fs.ReadFile(src, path)
		if err != nil {
			t.Fatal(err)
		}
		hash.Write([]byte(path + "\x00" + string(text) + "\x00"))
	}
	if want := hex.EncodeToString(hash.Sum(nil))[:16]; string(recorded[1]) != want {
		t.Errorf("dist was built from the source %s, and that is now %s: run `npm run build` in dashboard/app and commit the result", recorded[1], want)
	}
}
