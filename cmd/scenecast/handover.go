package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/spf13/cobra"

	"scenecast/language"
	"scenecast/server"
)

func newHandover() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "handover",
		Short: "Have a new process take over from a running server, with all its pages",
		Long: `Has the server on this machine start its program anew, as it is on the disk by now, with the arguments and the environment that it was
started with. The new process takes the port and every page over; no page and no backend notices. It is told how that went: where it fails,
the running process goes on as before. The server needs the setting handover, and this command the same one.

With --else-reload, which is for a supervisor of processes (ExecReload= of systemd), a server that hands over to nobody reads its configuration
anew instead: where the setting is empty, and where nobody listens at its path. A configuration with mistakes fails before anything is done.`,
		Example: `  scenecast handover
  scenecast handover --handover /run/scenecast.sock`,
		Args: cobra.NoArgs,
	}
	s := newHandoverSettings(cmd)
	elseReload := cmd.Flags().Int("else-reload", 0, "the `process` that reads its configuration anew where it hands over to nobody")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if cmd.Flags().Changed("else-reload") && *elseReload <= 0 { // kill(2) would signal groups of processes
			return language.Errorf("--else-reload: %d is no process", *elseReload)
		}
		l, _, err := s.load()
		if err = errors.Join(err, l.CheckFiles()); err != nil {
			return err
		}
		out := cmd.OutOrStdout()
		switch {
		case l.Handover != "":
			err = server.RequestHandover(cmd.Context(), l.Handover, func(progress language.Message) { fmt.Fprintln(out, progress.In(reader)) })
		case *elseReload == 0:
			return language.Errorf("the setting handover is empty: it is the path of the socket by which a server hands over")
		}
		switch {
		case l.Handover != "" && err == nil:
			say(out, "A new process has taken over.")
			return nil
		case *elseReload != 0 && (l.Handover == "" || errors.Is(err, server.ErrNoHandover)):
			say(out, "No server hands over, so process %d reads its configuration anew; its log tells what comes of it.", *elseReload)
			return requestReload(*elseReload)
		}
		return err
	}
	return cmd
}

// requestReload has a server that is a unit of systemd read its configuration anew. systemd is told that a reload is under way before the
// server has the signal, so that it waits for the server to say that it is over.
func requestReload(pid int) error {
	process, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	if err := process.Signal(syscall.Signal(0)); err != nil {
		return language.Errorf("process %d: %w", pid, err)
	}
	if _, err := daemon.SdNotify(false, reloadingState()); err != nil {
		return language.Errorf("systemd was not told of the reload: %w", err)
	}
	if err := process.Signal(syscall.SIGHUP); err != nil {
		return language.Errorf("process %d: %w", pid, err)
	}
	return nil
}

// program is the file of this program, as it was started: what is there by now is what a handover starts.
var program = findProgram()

func findProgram() string {
	path, err := exec.LookPath(os.Args[0])
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		path, _ = os.Executable()
	}
	return path
}

// successor is the command that starts the program anew.
func successor() (*exec.Cmd, error) {
	if program == "" {
		return nil, language.Errorf("it is not known where this program is")
	}
	c := exec.Command(program, os.Args[1:]...) //nolint:gosec // it is this program
	// systemd's watchdog is the new process's as well: WATCHDOG_PID would have it think that it is another's.
	c.Env = slices.DeleteFunc(os.Environ(), func(variable string) bool { return strings.HasPrefix(variable, "WATCHDOG_PID=") })
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	return c, nil
}
