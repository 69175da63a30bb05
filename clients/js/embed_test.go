package js_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	js "scenecast/clients/js"
)

// most is how many bytes the script may have, gzipped; scripts/check.js has it too.
const most = 7168

func TestScriptIsSmall(t *testing.T) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = w.Write(js.Script)
	_ = w.Close()
	if b.Len() > most {
		t.Errorf("scenecast.js has %d bytes gzipped, and may have %d", b.Len(), most)
	}
}

// A page may read the script as GBK, or any other encoding that has ASCII.
func TestScriptIsASCII(t *testing.T) {
	for i, c := range js.Script {
		if c >= 0x80 {
			t.Fatalf("scenecast.js has a byte %#x at %d", c, i)
		}
	}
}

// The script carries the hash of its source, as scripts/source.js makes it.
func TestScriptIsBuiltFromItsSource(t *testing.T) {
	recorded := regexp.MustCompile(`^/\*.* clients/js/src ([0-9a-f]{16})[ ,]`).FindSubmatch(js.Script)
	if recorded == nil {
		t.Fatalf("scenecast.js does not begin with the hash of its source: %.100s", js.Script)
	}
	names, err := filepath.Glob("src/*") // sorted
	if err != nil {
		t.Fatal(err)
	}
	hash := sha256.New()
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		hash.Write([]byte(strings.TrimPrefix(filepath.ToSlash(name), "src/") + "\x00" + string(text) + "\x00"))
	}
	if want := hex.EncodeToString(hash.Sum(nil))[:16]; string(recorded[1]) != want {
		t.Errorf("scenecast.js was built from the source %s, and that is now %s: run `make js` and commit the result", recorded[1], want)
	}
}
