//go:build unix

package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"scenecast/config"
)

// TestMistakesTellNoSecret: a secret that stands where it does not belong is not in what is said of that.
func TestMistakesTellNoSecret(t *testing.T) {
	const secret = "5UQ7secret-of-somebody"
	for text, want := range map[string]string{
		"a: 1\napi_keys: *" + secret: "FILE:2: an alias (*…) names no anchor that stands before it; a text that begins with * or & needs quotes",
		"client_tokens: [{" + secret + "}]": "FILE:1: client_tokens: there is a key that is no setting, not shown because it may be a secret that lacks quotes; " +
			"there are token, labels and user",
		"api_keys: [{name: a, " + secret + ": }]": "FILE:1: api_keys: there is a key that is no setting, not shown because it may be a secret that lacks quotes; " +
			"there are name, key, allow, within, triggers and rate",
		"jwt:\n  keys:\n  - " + secret + ": x": "FILE:3: jwt.keys: there is a key that is no setting, not shown because it may be a secret that lacks quotes; " +
			"there are alg, kid, key and file",
		"client_tokens: {" + secret + ": 1}": "FILE:1: client_tokens: takes a list of tokens, each a text or {token, labels, user}, not a mapping",
	} {
		file := write(t, text)
		_, err := config.Load(config.Sources{File: file})
		if err == nil {
			t.Errorf("%s: no mistake", text)
			continue
		}
		got := strings.ReplaceAll(err.Error(), file, "FILE")
		if !strings.Contains(got, want) || strings.Contains(got, secret) {
			t.Errorf("%s:\n\t%s\nwant\n\t%s", text, got, want)
		}
	}
}

// TestReadAgain: what replaces a configuration in force is a whole file, or a mistake.
func TestReadAgain(t *testing.T) {
	dir := t.TempDir()
	put := func(name string, size int, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text+strings.Repeat("#", size)), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		filepath.Join(dir, "gone"):               "no such file",
		dir:                                      "is a directory",
		pipe:                                     "is no regular file",
		put("empty", 0, ""):                      "is empty",
		put("comment", 10, ""):                   "is empty",
		put("huge", 9<<20, "listen: ':1'\n"):     "has more than 8 MiB",
		put("big", 7<<20, "listen: '127.1:1'\n"): "",
		put("whole", 0, "listen: '127.0.0.1:1'\n"): "",
	} {
		l, err := config.Read(config.Sources{File: file, Again: true})
		switch {
		case want == "" && (err != nil || l.Empty):
			t.Errorf("%s: %v, empty: %v", file, err, l.Empty)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want %q", file, err, want)
		}
	}
	if l, err := config.Read(config.Sources{File: put("first", 0, "")}); err != nil || !l.Empty {
		t.Errorf("a first configuration may be empty: %v", err)
	}
	l, err := config.Read(config.Sources{File: put("jwt", 0, "jwt:\n  keys:\n  - {file: "+pipe+"}\n  - {file: "+dir+"/gone}\n")})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.CheckFiles(); err == nil || !strings.Contains(err.Error(), "jwt:3: jwt.keys.file: read "+pipe+": is no regular file") ||
		!strings.Contains(err.Error(), "jwt:4: jwt.keys.file: open "+dir+"/gone: no such file") {
		t.Errorf("files of keys: %v", err)
	}
}
