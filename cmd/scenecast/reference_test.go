package main

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"scenecast/language"
)

var update = flag.Bool("update", false, "write docs/cli.md and docs/cli.zh-CN.md instead of comparing them")

// TestCommandReference: docs/cli.md is what the commands' own help says, in both languages.
func TestCommandReference(t *testing.T) {
	for path, words := range map[string]referenceWords{"../../docs/cli.md": referenceInEnglish, "../../docs/cli.zh-CN.md": referenceInChinese} {
		want := words.reference()
		if *update {
			if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != want {
			t.Errorf("%s is not what the commands say (%v); `go test ./cmd/scenecast -run TestCommandReference -update` writes it", path, err)
		}
	}
}

// referenceWords are what the document says around the help.
type referenceWords struct {
	tag                               language.Tag
	begin, examples, flags, byDefault string // of a default value, a format
}

var referenceInEnglish = referenceWords{
	tag: language.English,
	begin: "# The command line\n\n[中文](cli.zh-CN.md)\n\n" +
		"Written by a test (`go test ./cmd/scenecast -run TestCommandReference -update`) from the commands' own help, which\n" +
		"`scenecast help COMMAND` shows as well, in Chinese where the locale is Chinese. The packages install the same as pages of the manual.\n" +
		"Each command also has `--help`.\n\n",
	examples: "Examples", flags: "| flag | value | what it is |", byDefault: " (default `%s`)",
}

var referenceInChinese = referenceWords{
	tag: language.Chinese,
	begin: "# 命令行\n\n[English](cli.md)\n\n" +
		"由测试（`go test ./cmd/scenecast -run TestCommandReference -update`）根据各命令自己的帮助生成，\n" +
		"`scenecast help COMMAND` 显示的也是这些，在中文环境下是中文。安装包把它们安装为手册页（英文）。\n" +
		"每个命令还有 `--help`。\n\n",
	examples: "示例", flags: "| 参数 | 值 | 说明 |", byDefault: "（默认 `%s`）",
}

// indented is text of the help that is no paragraph.
var indented = regexp.MustCompile(`(?m)(?:^  .*(?:\n|$))+`)

func (w referenceWords) reference() string {
	var b strings.Builder
	b.WriteString(w.begin)
	defer func(before language.Tag) { reader = before }(reader)
	reader = w.tag
	root := newRoot()
	translateHelp(root, w.tag)
	w.describe(&b, root)
	return strings.TrimSpace(b.String()) + "\n"
}

func (w referenceWords) describe(b *strings.Builder, c *cobra.Command) {
	fmt.Fprintf(b, "## %s\n\n%s\n\n", c.CommandPath(), c.Short)
	if c.Long != "" {
		b.WriteString(indented.ReplaceAllStringFunc(c.Long, func(lines string) string {
			return "```\n" + strings.TrimSuffix(dedent(lines), "\n") + "\n```\n"
		}) + "\n\n")
	}
	c.InitDefaultHelpFlag()
	if c.Runnable() {
		fmt.Fprintf(b, "```\n%s\n```\n\n", c.UseLine())
	}
	if c.HasExample() {
		fmt.Fprintf(b, "**%s**\n\n```\n%s\n```\n\n", w.examples, dedent(c.Example))
	}
	var rows strings.Builder
	c.NonInheritedFlags().VisitAll(func(f *pflag.Flag) {
		if f.Name == "help" || f.Name == "version" || f.Hidden {
			return
		}
		value, usage := pflag.UnquoteUsage(f)
		if !slices.Contains([]string{"", "0", "0s", "false", "[]", "0/s"}, f.DefValue) {
			usage += fmt.Sprintf(w.byDefault, f.DefValue)
		}
		fmt.Fprintf(&rows, "| `--%s` | %s | %s |\n", f.Name, value, usage)
	})
	if rows.Len() > 0 {
		fmt.Fprintf(b, "%s\n|---|---|---|\n%s\n", w.flags, &rows)
	}
	for _, each := range c.Commands() {
		if each.IsAvailableCommand() {
			w.describe(b, each)
		}
	}
}

// dedent removes the two spaces by which the help sets examples apart.
func dedent(text string) string {
	return strings.ReplaceAll(strings.TrimPrefix(text, "  "), "\n  ", "\n")
}
