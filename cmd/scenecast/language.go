package main

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"scenecast/client"
	"scenecast/language"
)

// say prints a line in the language of the reader.
func say(out io.Writer, format string, args ...any) {
	language.Println(out, reader, format, args...)
}

// translateHelp puts what commands and their flags say of themselves into the language of the reader.
func translateHelp(cmd *cobra.Command, tag language.Tag) {
	if tag == language.English {
		return
	}
	cmd.InitDefaultHelpCmd()
	cmd.SetUsageFunc(func(c *cobra.Command) error {
		_, err := fmt.Fprint(c.OutOrStderr(), usageOf(c, tag))
		return err
	})
	translateTree(cmd, tag)
}

func translateTree(cmd *cobra.Command, tag language.Tag) {
	cmd.InitDefaultHelpFlag()
	cmd.InitDefaultVersionFlag()
	if cmd.Short, cmd.Long = language.Phrase(cmd.Short).In(tag), language.Phrase(cmd.Long).In(tag); cmd.Name() == "help" {
		cmd.Short, cmd.Long = language.Textf("help for any command").In(tag), "" // it is cobra's
	}
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		switch f.Name {
		case "help":
			f.Usage = language.Textf("help for this command").In(tag)
		case "version":
			f.Usage = language.Textf("print the version").In(tag)
		default:
			f.Usage = language.Phrase(f.Usage).In(tag)
		}
	})
	for _, below := range cmd.Commands() {
		translateTree(below, tag)
	}
}

// usageOf is what cobra prints of a command behind its description.
func usageOf(c *cobra.Command, tag language.Tag) string {
	var b strings.Builder
	b.WriteString(language.Textf("Usage:").In(tag))
	if c.Runnable() {
		b.WriteString("\n  " + c.UseLine())
	}
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "\n  %s [command]", c.CommandPath())
	}
	if c.HasExample() {
		fmt.Fprintf(&b, "\n\n%s\n%s", language.Textf("Examples:").In(tag), c.Example)
	}
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "\n\n%s", language.Textf("Commands:").In(tag))
		for _, below := range c.Commands() {
			if below.IsAvailableCommand() || below.Name() == "help" {
				fmt.Fprintf(&b, "\n  %-*s %s", below.NamePadding(), below.Name(), below.Short)
			}
		}
	}
	if c.HasAvailableLocalFlags() {
		fmt.Fprintf(&b, "\n\n%s\n%s", language.Textf("Flags:").In(tag), flagUsages(c, tag))
	}
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "\n\n%s", language.Textf("`%s [command] --help` says more of a command.", c.CommandPath()).In(tag))
	}
	return b.String() + "\n"
}

// byDefault is what pflag says of a flag's default.
var byDefault = regexp.MustCompile(`(?m) \(default ([^()\n]+)\)$`)

// flagUsages are the flags of a command.
func flagUsages(c *cobra.Command, tag language.Tag) string {
	usages := alignWide(strings.TrimRight(c.LocalFlags().FlagUsages(), " \n"))
	return byDefault.ReplaceAllStringFunc(usages, func(text string) string {
		return language.Textf(" (default %s)", byDefault.FindStringSubmatch(text)[1]).In(tag)
	})
}

// flagColumn is a flag and what it takes, in a line of pflag's.
var flagColumn = regexp.MustCompile(`(?m)^ +(?:-\w, +)?--[\w-]+(?: \S+)?`)

// alignWide widens the column of the flags: pflag counts bytes, of which a Chinese character has three, and takes two columns.
func alignWide(usages string) string {
	return flagColumn.ReplaceAllStringFunc(usages, func(flag string) string {
		wide := 0
		for _, r := range flag {
			if unicode.Is(unicode.Han, r) {
				wide++
			}
		}
		return flag + strings.Repeat(" ", wide)
	})
}

// errorIn is an error in the language of who reads it. What a server has refused ends with the kind of the problem (docs/api.md), which is
// the same in every language.
func errorIn(tag language.Tag, err error) string {
	if tag != language.English {
		err = usageError(err)
	}
	text := language.Error(err, tag)
	if refusal := (*client.Error)(nil); errors.As(err, &refusal) && refusal.Kind != "" {
		text += " [" + refusal.Kind + "]"
	}
	return text
}

// cobra's own errors, which have no types.
var (
	unknownCommand = regexp.MustCompile(`(?s)^unknown command (".*?") for (".*?")((?:\n.*)?)$`)
	tooManyArgs    = regexp.MustCompile(`^accepts at most (\d+) arg\(s\), received (\d+)$`)
)

// usageError is an error of cobra or pflag in words that the catalogue has; any other one as it is.
func usageError(err error) error {
	var unknown *pflag.NotExistError
	var valueless *pflag.ValueRequiredError
	var invalid *pflag.InvalidValueError
	var syntax *pflag.InvalidSyntaxError
	switch {
	case errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() != "":
		return language.Errorf("unknown shorthand flag: %q in -%s", unknown.GetSpecifiedName(), unknown.GetSpecifiedShortnames())
	case errors.As(err, &unknown):
		return language.Errorf("unknown flag: --%s", unknown.GetSpecifiedName())
	case errors.As(err, &valueless):
		return language.Errorf("flag needs an argument: --%s", valueless.GetSpecifiedName())
	case errors.As(err, &invalid):
		why := invalid.Unwrap()
		switch invalid.GetFlag().Value.Type() { // why is then an error of strconv or time
		case "int", "intSlice":
			why = language.Errorf("it takes whole numbers")
		case "duration":
			why = language.Errorf("it takes a time, as 90s or 1m30s")
		}
		return language.Errorf("invalid argument %q for the flag --%s: %w", invalid.GetValue(), invalid.GetFlag().Name, why)
	case errors.As(err, &syntax):
		return language.Errorf("bad flag syntax: %s", syntax.GetSpecifiedFlag())
	}
	if m := unknownCommand.FindStringSubmatch(err.Error()); m != nil {
		suggestions := strings.Fields(strings.TrimPrefix(strings.TrimSpace(m[3]), "Did you mean this?"))
		if len(suggestions) > 0 {
			return language.Errorf("unknown command %s for %s; did you mean %s?", m[1], m[2], strings.Join(suggestions, ", "))
		}
		return language.Errorf("unknown command %s for %s", m[1], m[2])
	}
	if m := tooManyArgs.FindStringSubmatch(err.Error()); m != nil {
		return language.Errorf("takes at most %s arguments, and there are %s", m[1], m[2])
	}
	return err
}
