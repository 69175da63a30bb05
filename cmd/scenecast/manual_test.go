package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// manual is where TestManual leaves the pages. That they are made by a test keeps what makes them out of the program.
var manual = flag.String("manual", "", "the directory in which the pages of the manual are written")

// TestManual: each command has a page, with its flags and examples. The date is that of SOURCE_DATE_EPOCH, so that the pages of one commit are
// the same wherever they are made.
func TestManual(t *testing.T) {
	dir := *manual
	if dir == "" {
		dir = t.TempDir()
		t.Setenv("SOURCE_DATE_EPOCH", "1790000000")
	}
	root := newRoot()
	root.DisableAutoGenTag = true
	header := &doc.GenManHeader{Section: "1", Source: "Scenecast", Manual: "Scenecast"}
	if err := doc.GenManTree(root, header, dir); err != nil {
		t.Fatal(err)
	}
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		name := strings.ReplaceAll(c.CommandPath(), " ", "-")
		page, err := os.ReadFile(filepath.Join(dir, name+".1"))
		if err != nil || !bytes.HasPrefix(page, []byte(".nh\n.TH ")) || !bytes.Contains(page, []byte("SYNOPSIS")) {
			t.Errorf("%s has the page\n%.200s, %v", c.CommandPath(), page, err)
		}
		for _, each := range c.Commands() {
			if each.IsAvailableCommand() {
				visit(each)
			}
		}
	}
	visit(root)
}
