// Command scenecast is the push server and the tools around it; `scenecast --help` teaches.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
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
	translateHelp(root, reader)
	err := root.ExecuteContext(ctx)
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
