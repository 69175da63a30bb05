package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"scenecast/auth"
	"scenecast/client"
	"scenecast/language"
)

func newNodes() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "nodes",
		Short: "List the nodes of a cluster, and how its log stands",
		Long: `Asks one node which nodes it knows: their names, whether they answer, how many pages they have and how far they are behind the log.
Any node can be asked; each tells what it knows.`,
		Example: `  scenecast nodes
  scenecast nodes --url http://10.0.0.2:9502 --json`,
		Args: cobra.NoArgs,
	}
	server := newRemote(cmd, false, auth.Read)
	server.prints(http.MethodGet, "/v1/nodes", printNodes)
	return cmd
}

func printNodes(out io.Writer, answer []byte) error {
	var list client.Nodes
	if err := json.Unmarshal(answer, &list); err != nil {
		return language.Errorf("the server's answer is not what this version knows: %w", err)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NODE\tSTATE\tSINCE\tPAGES\tPOSITION\tLAG\tVERSION\tID")
	for _, n := range list.Nodes {
		name := cmp.Or(n.Name, "-")
		if n.Self {
			name += " (this one)"
		}
		lag := "-"
		if n.Lag > 0 || n.LagMS > 0 {
			lag = fmt.Sprintf("%d records, %v", n.Lag, time.Duration(n.LagMS)*time.Millisecond)
		}
		state := n.State
		if n.Draining != "" {
			state += ", draining (" + n.Draining + ")"
			if !n.DrainingSince.IsZero() {
				state += " since " + n.DrainingSince.Local().Format(time.DateTime)
			}
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\t%s\t%d\n", name, state, n.Since.Local().Format(time.DateTime), n.Connections, n.Position, lag, cmp.Or(n.Version, "-"), n.ID)
	}
	for _, n := range list.Nodes {
		if n.Problem != "" {
			fmt.Fprintln(w)
			say(w, "%s is not ready: %s", cmp.Or(n.Name, fmt.Sprint(n.ID)), n.Problem)
		}
	}
	if l := list.Log; l != nil {
		leader := language.Textf("%s", l.Leader)
		if l.Leader == "" {
			leader = language.Textf("nobody who is known")
		}
		fmt.Fprintln(w)
		say(w, "The log is led by %s; %d of %d copies are in sync.", leader, l.InSync, l.Replicas)
	} else {
		fmt.Fprintln(w)
		say(w, "The log is this node's own, in memory.")
	}
	return w.Flush()
}
