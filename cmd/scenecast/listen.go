package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"github.com/spf13/cobra"
)

// How listen comes back, and how long it waits for a connection, as the page script does.
const (
	firstWait   = time.Second
	longestWait = 30 * time.Second
	dialTimeout = 10 * time.Second
)

func newListen() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "listen --label KEY=VALUE…",
		Short: "Print what a page with these labels gets",
		Long: `Connects as a page does and prints each message on a line of its own, the welcome too; connects again when the
connection is lost. It ends by Ctrl+C, or when the server refuses it.`,
		Example: `  scenecast listen --label page=home
  scenecast listen --url https://push.example.com --label page=order --label order=7`,
		Args: cobra.NoArgs,
	}
	address := addURLFlag(cmd)
	token := cmd.Flags().String("client-token", "", "`token` of a page (default SCENECAST_CLIENT_TOKEN)")
	labels := cmd.Flags().StringArray("label", nil, "a `key=value` of the page; can be given several times")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		u, err := serverURL(*address)
		if err != nil {
			return err
		}
		u.Scheme = strings.Replace(u.Scheme, "http", "ws", 1)
		query := url.Values{"token": {cmp.Or(*token, os.Getenv("SCENECAST_CLIENT_TOKEN"))}}
		for _, l := range *labels {
			key, value, ok := strings.Cut(l, "=")
			if !ok || key == "token" {
				return fmt.Errorf("--label %s: a label is key=value, as in page=home", l)
			}
			query.Add(key, value)
		}
		u = u.JoinPath("/")
		u.RawQuery = query.Encode()
		return listenForever(cmd.Context(), u.String(), cmd.OutOrStdout(), cmd.ErrOrStderr())
	}
	return cmd
}

// listenForever listens until ctx ends or the server refuses; between two connections it waits longer each time.
func listenForever(ctx context.Context, address string, out, notes io.Writer) error {
	wait := firstWait
	for {
		welcomed, err := listenOnce(ctx, address, out)
		var refused ws.StatusError
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.As(err, &refused):
			return fmt.Errorf("the server refuses the page: HTTP status %d", int(refused))
		case welcomed:
			wait = firstWait
		}
		fmt.Fprintf(notes, "connection lost: %v\n", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(rand.N(wait)):
		}
		wait = min(2*wait, longestWait)
	}
}

// listenOnce prints messages until the connection ends; welcomed says whether any came.
func listenOnce(ctx context.Context, address string, out io.Writer) (welcomed bool, err error) {
	dialer := ws.Dialer{Timeout: dialTimeout}
	conn, buffered, _, err := dialer.Dial(ctx, address)
	if err != nil {
		return false, withoutURL(err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	page := struct {
		io.Reader
		io.Writer
	}{readAhead(conn, buffered), conn}
	for {
		message, err := wsutil.ReadServerText(page)
		var closed wsutil.ClosedError
		switch {
		case errors.As(err, &closed):
			return welcomed, fmt.Errorf("the server closed with code %d: %s", closed.Code, closed.Reason)
		case err != nil:
			return welcomed, err
		}
		welcomed = true
		fmt.Fprintf(out, "%s\n", message)
	}
}

// readAhead reads first what came along with the handshake.
func readAhead(conn net.Conn, buffered *bufio.Reader) io.Reader {
	if buffered == nil {
		return conn
	}
	return buffered
}

// withoutURL drops the address from a dial error: the token is in it.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
