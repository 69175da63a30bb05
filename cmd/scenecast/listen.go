package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/gobwas/ws"
	"github.com/spf13/cobra"

	"scenecast"
	"scenecast/admission"
)

// How listen comes back, as the page script does: after a random time of at most the wait, which grows.
const (
	firstWait   = time.Second
	longestWait = 30 * time.Second
	crowdWait   = 10 * time.Second // at least, where all pages come back at once
)

func newListen() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "listen --label KEY=VALUE…",
		Short: "Print what a page with these labels gets",
		Long: `Connects as a page does and prints each message on a line of its own. When the connection is lost it connects again, and
gets what it has missed, once and in order; what cannot be had any more is told on standard error. It ends by Ctrl+C, or
when the server refuses it.`,
		Example: `  scenecast listen --label page=home
  scenecast listen --url https://push.example.com --label page=order --label order=7`,
		Args: cobra.NoArgs,
	}
	address := addURLFlag(cmd)
	token := cmd.Flags().String("client-token", "", "`token` of a page (default SCENECAST_CLIENT_TOKEN)")
	labels := cmd.Flags().StringArray("label", nil, "a `key=value` of the page; can be given several times")
	ack := cmd.Flags().Bool("ack", false, "acknowledge the messages that ask for it, once printed")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		u, err := serverURL(*address)
		if err != nil {
			return err
		}
		u.Scheme = strings.Replace(u.Scheme, "http", "ws", 1)
		query := url.Values{admission.TokenParam: {cmp.Or(*token, os.Getenv("SCENECAST_CLIENT_TOKEN"))}}
		for _, l := range *labels {
			key, value, ok := strings.Cut(l, "=")
			if !ok || slices.Contains([]string{admission.TokenParam, admission.SinceParam, admission.PageIDParam}, key) {
				return fmt.Errorf("--label %s: a label is key=value, as in page=home", l)
			}
			query.Add(key, value)
		}
		p := newPage(u.JoinPath("/v1/connect"), query)
		p.out, p.notes, p.acks = cmd.OutOrStdout(), cmd.ErrOrStderr(), *ack
		return p.live(cmd.Context())
	}
	return cmd
}

// live listens until ctx ends or the server refuses; between two connections it waits longer each time.
func (p *page) live(ctx context.Context) error {
	wait := firstWait
	for {
		welcomed, err := p.connect(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if isRefusal(err) {
			return fmt.Errorf("the server refuses the page: %w", err)
		}
		if welcomed {
			wait = firstWait
		}
		fmt.Fprintf(p.notes, "connection lost: %v\n", err)
		atMost := wait
		if by := (closed{}); errors.As(err, &by) && (by.code == scenecast.CloseShuttingDown || by.code == scenecast.CloseTooMany) {
			atMost = max(wait, crowdWait)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(rand.N(atMost)):
		}
		wait = min(2*wait, longestWait)
	}
}

// closed is a close frame from the server.
type closed struct {
	code   scenecast.CloseCode
	reason string
}

// Error implements error.
func (c closed) Error() string {
	return fmt.Sprintf("the server closed with code %d: %s", c.code, c.reason)
}

// isRefusal reports whether coming back would be in vain.
func isRefusal(err error) bool {
	if status := ws.StatusError(0); errors.As(err, &status) {
		return true
	}
	var by closed
	errors.As(err, &by)
	switch by.code {
	case scenecast.CloseNormal, scenecast.CloseBadMessage, scenecast.CloseUnauthorized, scenecast.CloseForbidden:
		return true
	}
	return false
}

// withoutURL drops the address from a dial error: the token is in it.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
