// Command scenecast is the push server and the tools around it; `scenecast --help` teaches.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"scenecast/language"
)

func main() {
	// The first signal asks everything to end in order; after it, a second one ends the process at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	reader = language.OfLocale(os.Getenv)
	root := newRoot()
	refuseUnknownTopics(root)
	translateHelp(root, reader)
	err := checkSubcommand(root, os.Args[1:])
	if err == nil {
		err = root.ExecuteContext(ctx)
	}
	var status exitStatus
	if errors.As(err, &status) {
		os.Exit(int(status))
	}
	if err != nil {
		printError(err)
		os.Exit(1)
	}
}

// reader is the language of who reads what a command prints. It is set before the command runs; logs are English.
var reader = language.English

// checkSubcommand returns the error that cobra has for an unknown command of the root, for one of a command that only has commands, as
// `config chek`. Cobra shows the help there, and ends with status 0.
func checkSubcommand(root *cobra.Command, args []string) error {
	cmd, rest, err := root.Find(args)
	if err != nil || cmd == root || cmd.Runnable() || len(rest) == 0 || strings.HasPrefix(rest[0], "-") {
		return nil // cobra itself says what is wrong, if anything is
	}
	return unknownSubcommand(cmd, rest[0])
}

func unknownSubcommand(cmd *cobra.Command, name string) error {
	cmd.SuggestionsMinimumDistance = 2 // as cobra has it for the root
	if near := cmd.SuggestionsFor(name); len(near) > 0 {
		return language.Errorf("unknown command %s for %s; did you mean %s?", strconv.Quote(name), strconv.Quote(cmd.CommandPath()), strings.Join(near, ", "))
	}
	return language.Errorf("unknown command %s for %s", strconv.Quote(name), strconv.Quote(cmd.CommandPath()))
}

// refuseUnknownTopics has `help` return an error for what is no command, where cobra's shows the help of the root.
func refuseUnknownTopics(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	help, _, err := root.Find([]string{"help"})
	if err != nil {
		return
	}
	help.Run, help.RunE = nil, func(_ *cobra.Command, args []string) error {
		cmd, rest, err := root.Find(args)
		if err != nil {
			return err
		}
		if len(rest) > 0 {
			return unknownSubcommand(cmd, rest[0])
		}
		cmd.InitDefaultHelpFlag()
		cmd.InitDefaultVersionFlag()
		return cmd.Help()
	}
}

// exitStatus is the error of a command that has said what is wrong itself, and ends with this status.
type exitStatus int

// Error implements error.
func (s exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// printError does not wait for long for a reader of the standard error that has stalled.
func printError(err error) {
	printed := make(chan struct{})
	go func() {
		fmt.Fprintln(os.Stderr, "scenecast:", errorIn(reader, err))
		close(printed)
	}()
	select {
	case <-printed:
	case <-time.After(flushWithin):
	}
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "scenecast",
		Short: "A push server: one HTTP call, and exactly the right pages show the message",
		Long: `Scenecast is a self-hosted push server. Pages connect to it over WebSocket and are known by their labels;
a web backend makes one HTTP call that says which pages and what message, and those pages get it at once.

Try it:

  scenecast demo                                       # then open the addresses that it prints

Run it:

  scenecast config init                                # writes scenecast.yaml, with fresh secrets
  scenecast serve                                      # reads it, listens on :9502

Push something:

  scenecast listen --label page=home                   # in one terminal: what the home page would get
  scenecast push --to '{"page":"home"}' '{"code":200,"message":"hi"}'       # in another`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(newServe(), newDemo(), newPush(), newListen(), newNodes(), newTop(), newHealth(), newDoctor(), newReload(), newDrain(), newHandover(), newLog(), newBench(), newConfig(), newToken(), newVersion())
	root.Version = build() // cobra prints it as version does; a template of our own would link text/template
	root.CompletionOptions.HiddenDefaultCmd = true
	return root
}
