package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
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
Any node can be asked; each tells what it knows. Below the table stand nodes that fell silent within the last day, without telling that they
stop, and that have not come back under their name.`,
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
	var table language.Table
	table.Row(language.Words("NODE|STATE|SINCE|PAGES|POSITION|LAG|VERSION|ID", reader)...)
	for _, n := range list.Nodes {
		name := cmp.Or(n.Name, "-")
		if n.Self {
			name = language.Textf("%s (this one)", name).In(reader)
		}
		lag := "-"
		if n.Lag > 0 || n.LagMS > 0 {
			lag = language.Textf("%d records, %v", n.Lag, time.Duration(n.LagMS)*time.Millisecond).In(reader)
		}
		table.Row(name, nodeState(n), n.Since.Local().Format(time.DateTime), fmt.Sprint(n.Connections), n.Position, lag, cmp.Or(n.Version, "-"), fmt.Sprint(n.ID))
	}
	if err := table.Write(out); err != nil {
		return err
	}
	for i, n := range list.Gone {
		if i == 0 {
			fmt.Fprintln(out)
		}
		say(out, "%s is gone: nothing was heard of it since %s (ID %d, version %s).", cmp.Or(n.Name, fmt.Sprint(n.ID)), n.LastHeard.Local().Format(time.DateTime), n.ID, cmp.Or(n.Version, "-"))
	}
	for _, n := range list.Nodes {
		if n.Problem != "" {
			fmt.Fprintln(out)
			say(out, "%s is not ready: %s", cmp.Or(n.Name, fmt.Sprint(n.ID)), n.Problem)
		}
	}
	if l := list.Log; l != nil {
		leader := language.Textf("%s", l.Leader)
		if l.Leader == "" {
			leader = language.Textf("nobody who is known")
		}
		fmt.Fprintln(out)
		say(out, "The log is led by %s; %d of %d copies are in sync.", leader, l.InSync, l.Replicas)
	} else {
		fmt.Fprintln(out)
		say(out, "The log is this node's own, in memory.")
	}
	return nil
}

// nodeState is the state of a node in words; one of a newer version is as the server calls it.
func nodeState(n client.Node) string {
	state := language.Textf("%s", n.State)
	switch n.State {
	case "up":
		state = language.Textf("up")
	case "late":
		state = language.Textf("late")
	}
	switch {
	case n.Draining == "":
		return state.In(reader)
	case n.DrainingSince.IsZero():
		return language.Textf("%s, draining (%s)", state, n.Draining).In(reader)
	default:
		return language.Textf("%s, draining (%s) since %s", state, n.Draining, n.DrainingSince.Local().Format(time.DateTime)).In(reader)
	}
}
