package main

import (
	"bytes"
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

var update = flag.Bool("update", false, "write docs/cli.md instead of comparing it")

// TestCommandReference: docs/cli.md is what the commands' own help says.
func TestCommandReference(t *testing.T) {
	const path = "../../docs/cli.md"
	want := commandReference(t)
	if *update {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is not what the commands say (%v); `go test ./cmd/scenecast -run TestCommandReference -update` writes it", path, err)
	}
}

func commandReference(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	b.WriteString("# The command line\n\n" +
		"Written by a test (`go test ./cmd/scenecast -run TestCommandReference -update`) from the commands' own help, which\n" +
		"`scenecast help COMMAND` shows as well. The packages install the same as pages of the manual.\n\n")
	seeAlso := regexp.MustCompile(`(?s)\n### SEE ALSO\n.*`)
	heading := regexp.MustCompile(`(?m)^### (.*)$`)          // each command has the same ones
	indented := regexp.MustCompile(`(?m)(?:^  .*(?:\n|$))+`) // text of the help that is no paragraph
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		c.DisableAutoGenTag = true
		c.Long = indented.ReplaceAllStringFunc(c.Long, func(lines string) string {
			return "```\n" + strings.TrimSuffix(dedent(lines), "\n") + "\n```\n"
		})
		c.Example = dedent(c.Example)
		var section bytes.Buffer
		if err := doc.GenMarkdown(c, &section); err != nil {
			t.Fatal(err)
		}
		text := seeAlso.ReplaceAllString(section.String(), "\n")
		b.WriteString(heading.ReplaceAllString(strings.Replace(text, "\n### Synopsis\n", "", 1), "**$1**"))
		for _, each := range c.Commands() {
			if each.IsAvailableCommand() {
				visit(each)
			}
		}
	}
	visit(newRoot())
	return append(bytes.TrimSpace(b.Bytes()), '\n')
}

// dedent removes the two spaces by which the help sets examples apart.
func dedent(text string) string {
	return strings.ReplaceAll(strings.TrimPrefix(text, "  "), "\n  ", "\n")
}
