package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"scenecast/client"
	"scenecast/language"
)

func newListen() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "listen --label KEY=VALUE…",
		Short: "Print what a page with these labels gets",
		Long: `Connects as a page does and prints each message on a line of its own. When the connection is lost it connects again, and
gets what it has missed, once and in order; what cannot be had any more is told on standard error. It ends by Ctrl+C, or
when the server refuses it.

Address and token are those of the server that the configuration here is for, unless flags or variables give others.`,
		Example: `  scenecast listen --label page=home
  scenecast listen --url https://push.example.com --client-token "$TOKEN" --label page=order --label order=7`,
		Args: cobra.NoArgs,
	}
	server := newRemote(cmd, true, "")
	labels := cmd.Flags().StringArray("label", nil, "a `key=value` of the page; can be given several times")
	ack := cmd.Flags().Bool("ack", false, "acknowledge the messages that ask for it, once printed")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		o := client.PageOptions{Acknowledge: *ack, Labels: make(map[string][]string)}
		for _, l := range *labels {
			key, value, ok := strings.Cut(l, "=")
			if !ok {
				return language.Errorf("--label %s: a label is key=value, as in page=home", l)
			}
			o.Labels[key] = append(o.Labels[key], value)
		}
		u, address, err := server.address()
		if err != nil {
			return err
		}
		token, err := server.pageToken()
		if err != nil {
			return err
		}
		o.URL, o.Token, o.Dial = u.String(), token.text, server.dial
		tell(&o, cmd.ErrOrStderr())
		lost := o.OnLost
		o.OnLost = func(err error, comeBack time.Duration) {
			lost(explain(err, address, token), comeBack)
		}
		page, err := client.NewPage(o)
		if err != nil {
			return err
		}
		err = page.Run(cmd.Context(), func(push client.Push) error { return printMessage(cmd.OutOrStdout(), push.Data) })
		var refusal *client.Error
		switch {
		case errors.Is(err, context.Canceled):
			return nil
		case errors.As(err, &refusal):
			return language.Errorf("the server refuses the page: %w", explain(err, address, token))
		}
		return err
	}
	return cmd
}

// tell has what becomes of the connection printed as notes.
func tell(o *client.PageOptions, notes io.Writer) {
	o.OnWelcome = func(w client.Welcome) { say(notes, "connected at %s", w.Position) }
	o.OnGap = func(g client.Gap) {
		if g.Dropped > 0 {
			say(notes, "gap: %d messages were dropped", g.Dropped)
			return
		}
		say(notes, "gap (%s): messages are missing up to %s", g.Reason, g.Position)
	}
	o.OnLost = func(err error, comeBack time.Duration) {
		say(notes, "connection lost: %v (trying again in %v)", err, comeBack.Round(100*time.Millisecond))
	}
}

// printMessage prints a message on one line, whatever its form.
func printMessage(out io.Writer, data json.RawMessage) error {
	var line bytes.Buffer
	if err := json.Compact(&line, data); err != nil {
		return err
	}
	line.WriteByte('\n')
	_, err := out.Write(line.Bytes())
	return err
}
