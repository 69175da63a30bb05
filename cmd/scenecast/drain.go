package main

import (
	"context"
	"encoding/json"
	"io"
	"time"

	"github.com/spf13/cobra"

	"scenecast/auth"
	"scenecast/client"
	"scenecast/language"
)

func newDrain() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "drain",
		Short: "Empty a running server of its pages",
		Long: `Has a server turn its readiness off (GET /readyz answers 503), go on for --delay so that load balancers send nobody any more, and
then tell its pages to reconnect, in batches over --within. Pages that come are refused. Waits until no page is left. The process goes on, and
answers HTTP calls: stop it then, or have it take pages again by --undo. Ending this command does not end the drain. Of several nodes, each is
told by itself.`,
		Example: `  scenecast drain
  scenecast drain --delay 10s --within 1m --url http://10.0.0.2:9502
  scenecast drain --undo`,
		Args: cobra.NoArgs,
	}
	server := newRemote(cmd, false, auth.Admin)
	f := cmd.Flags()
	delay := f.Duration("delay", 0, "`time` that all but readiness goes on (default the server's drain_delay)")
	within := f.Duration("within", 0, "`time` over which pages are told (default half of the server's drain)")
	noWait := f.Bool("no-wait", false, "return at once")
	undo := f.Bool("undo", false, "have the server take pages again")
	asJSON := f.Bool("json", false, "print the last answer as JSON, and nothing else")
	cmd.MarkFlagsMutuallyExclusive("undo", "no-wait")
	cmd.MarkFlagsMutuallyExclusive("undo", "delay")
	cmd.MarkFlagsMutuallyExclusive("undo", "within")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		u, address, err := server.address()
		if err != nil {
			return err
		}
		key, err := server.apiKey()
		if err != nil {
			return err
		}
		out := cmd.OutOrStdout()
		w := drainWatch{backend: server.backend(u, key), out: out}
		if *asJSON {
			w.out = io.Discard
		}
		var request client.DrainRequest
		if f.Changed("delay") {
			request.Delay = delay.String()
		}
		if f.Changed("within") {
			request.Within = within.String()
		}
		var last client.Drain
		switch {
		case *undo:
			last, err = w.backend.Undrain(cmd.Context())
			w.tell(last, err)
		default:
			last, err = w.backend.Drain(cmd.Context(), request)
			w.tell(last, err)
			if err == nil && !*noWait {
				last, err = w.wait(cmd.Context(), last)
			}
		}
		if err != nil {
			return explain(err, address, key)
		}
		if *asJSON {
			return json.NewEncoder(out).Encode(last)
		}
		return nil
	}
	return cmd
}

// drainWatch tells how a drain gets on.
type drainWatch struct {
	backend client.Backend
	out     io.Writer
}

// How often the server is asked, at most and at least.
const (
	drainAskLeast = 100 * time.Millisecond
	drainAskMost  = 2 * time.Second
)

// wait returns when no page is left.
func (w *drainWatch) wait(ctx context.Context, d client.Drain) (client.Drain, error) {
	for pause := drainAskLeast; d.State != "drained"; pause = min(2*pause, drainAskMost) {
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return d, language.Errorf("stopped by a signal; the server goes on draining")
		}
		next, err := w.backend.Draining(ctx)
		if err != nil {
			return d, err
		}
		if next.State != d.State || next.Connections != d.Connections {
			w.tell(next, nil)
		}
		if d = next; d.State == "serving" {
			return d, language.Errorf("the drain was ended; the server takes pages")
		}
	}
	return d, nil
}

func (w *drainWatch) tell(d client.Drain, err error) {
	if err != nil {
		return
	}
	at := func(t time.Time) string { return t.Local().Format(time.TimeOnly) }
	switch d.State {
	case "serving":
		say(w.out, "The server takes pages; %d are connected.", d.Connections)
	case "waiting":
		say(w.out, "Readiness is off; %d pages are told to reconnect from %s to %s.", d.Connections, at(d.From), at(d.Until))
	case "closing":
		say(w.out, "Pages are told to reconnect until %s; %d of %d are left.", at(d.Until), d.Connections, d.Before)
	case "drained":
		say(w.out, "No page is left.")
	}
}
