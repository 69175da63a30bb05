package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"scenecast/server"
)

func newHandover() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "handover",
		Short: "Have a new process take over from a running server, with all its pages",
		Long: `Has the server on this machine start its program anew, as it is on the disk by now, with the arguments and the environment that it was
started with. The new process takes the port and every page over; no page and no backend notices. It is told how that went: where it fails,
the running process goes on as before. The server needs the setting handover, and this command the same one.`,
		Example: `  scenecast handover
  scenecast handover --handover /run/scenecast.sock`,
		Args: cobra.NoArgs,
	}
	s := newHandoverSettings(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		l, _, err := s.load()
		if err != nil {
			return err
		}
		if l.Handover == "" {
			return errors.New("the setting handover is empty: it is the path of the socket by which a server hands over")
		}
		out := cmd.OutOrStdout()
		if err := server.RequestHandover(cmd.Context(), l.Handover, func(progress string) { fmt.Fprintln(out, progress) }); err != nil {
			return err
		}
		fmt.Fprintln(out, "A new process has taken over.")
		return nil
	}
	return cmd
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
		return nil, errors.New("it is not known where this program is")
	}
	c := exec.Command(program, os.Args[1:]...) //nolint:gosec // it is this program
	// systemd's watchdog is the new process's as well: WATCHDOG_PID would have it think that it is another's.
	c.Env = slices.DeleteFunc(os.Environ(), func(variable string) bool { return strings.HasPrefix(variable, "WATCHDOG_PID=") })
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	return c, nil
}
