package main_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestReadme runs the README's commands in their order, in one directory.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	lines := regexp.MustCompile(`(?m)^bin/scenecast ([a-z ]+?) *(?:#.*)?$`).FindAllStringSubmatch(string(text), -1)
	if len(lines) != 2 {
		t.Fatalf("the README has the commands %q", lines)
	}
	dir := t.TempDir()
	if out, errs, code := run(t, dir, nil, strings.Fields(lines[0][1])...); code != 0 {
		t.Errorf("%s: exit %d, %s%s", lines[0][0], code, out, errs)
	}
	last := command(t, []string{"SCENECAST_LISTEN=127.0.0.1:0"}, strings.Fields(lines[1][1])...)
	last.Dir = dir
	server := follow(t, last)
	line(t, server.stderr, `msg=listening addr=(\S+)`)
	server.terminate()
}
