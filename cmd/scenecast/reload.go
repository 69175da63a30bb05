package main

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"scenecast/auth"
	"scenecast/client"
	"scenecast/language"
)

func newReload() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "reload",
		Short: "Have a running server read its configuration anew",
		Long: `Has a server read its configuration anew: the file, the environment and the flags that it was started with. Nothing changes where
there is a mistake, and each is told with its line. Settings that need a restart are named and stay as they are; docs/settings.md says which
do. Pages whose token or app is gone are closed; no other page notices. Of several nodes, each is told by itself.`,
		Example: `  scenecast reload
  scenecast reload --url http://10.0.0.2:9502 --json`,
		Args: cobra.NoArgs,
	}
	server := newRemote(cmd, false, auth.Admin)
	server.prints(http.MethodPost, "/v1/reload", printReloaded)
	return cmd
}

func printReloaded(out io.Writer, answer []byte) error {
	var r client.Reloaded
	if err := json.Unmarshal(answer, &r); err != nil {
		return language.Errorf("the server's answer is not what this version knows: %w", err)
	}
	for _, w := range r.Warnings {
		say(out, "warning: %s", w)
	}
	if len(r.Applied)+len(r.Restart) == 0 {
		say(out, "Nothing has changed.")
	}
	if len(r.Applied) > 0 {
		say(out, "In force now: %s", strings.Join(r.Applied, ", "))
	}
	if len(r.Restart) > 0 {
		say(out, "Need a restart: %s", strings.Join(r.Restart, ", "))
	}
	if r.Closed > 0 {
		say(out, "Pages closed, because their token or app is gone: %d", r.Closed)
	}
	return nil
}
