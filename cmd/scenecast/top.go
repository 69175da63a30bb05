package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"scenecast/language"
)

func newTop() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "top",
		Short: "Show how the loops of a server do",
		Long: `Shows how a server and its loops do, again and again: pages, deliveries a second, how late each loop looks up, outboxes. It asks the debug
port (debug.listen), which needs no key.`,
		Example: `  scenecast top
  scenecast top --url http://127.0.0.1:6060 --every 5s
  scenecast top --once`,
		Args: cobra.NoArgs,
	}
	server := &remote{cmd: cmd}
	at := cmd.Flags().String("url", "", "`address` of the debug port (default that of the configuration)")
	every := cmd.Flags().Duration("every", 2*time.Second, "`time` over which rates are taken, from 100ms to 1m")
	once := cmd.Flags().Bool("once", false, "show it once")
	addConfigFlag(cmd, &server.file)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		address := credential{what: language.Textf("address"), flag: "url", from: "--url"}
		if *at == "" {
			loaded, err := server.configuration()
			if err != nil {
				return err
			}
			if loaded.Config.Debug.Listen == "" {
				return language.Errorf("the configuration opens no debug port: set debug.listen, or name one by --url")
			}
			*at, address.from = "http://"+loaded.Config.Debug.Listen, loaded.Place("debug.listen")+" (debug.listen)"
		}
		u, err := url.Parse(*at)
		if err != nil || u.Host == "" {
			return language.Errorf("--url: %q is no address such as http://127.0.0.1:6060", *at)
		}
		address.text = *at
		u = u.JoinPath("/debug/top")
		u.RawQuery = url.Values{"every": {every.String()}}.Encode()
		return explain(showTop(cmd.Context(), cmd.OutOrStdout(), u.String(), *once), address, credential{})
	}
	return cmd
}

// clearScreen has a terminal go on at the top of an empty screen (ECMA-48: CUP, ED).
const clearScreen = "\x1b[H\x1b[2J"

// maxTopPage is the longest page that is taken, in bytes.
const maxTopPage = 1 << 20

// showTop shows pages of /debug/top until the server ends, or one.
func showTop(ctx context.Context, out io.Writer, from string, once bool) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Accept-Language", string(reader))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode == http.StatusNotFound {
		return language.Errorf("%s is no debug port, which debug.listen opens: it answers %s", from, response.Status)
	}
	if response.StatusCode != http.StatusOK {
		why, err := io.ReadAll(io.LimitReader(response.Body, maxHealthAnswer))
		if err != nil {
			return err
		}
		return language.Errorf("%s: %s", response.Status, strings.TrimSpace(string(why)))
	}
	pages := bufio.NewReaderSize(response.Body, maxTopPage)
	for {
		line, err := pages.ReadSlice('\f')
		if errors.Is(err, bufio.ErrBufferFull) {
			return language.Errorf("what answers is no debug port: a page of more than %d bytes", maxTopPage)
		}
		page := string(line)
		if err != nil {
			if ctx.Err() != nil { // by an interrupt
				return nil
			}
			return language.Errorf("the server has ended: %w", err)
		}
		page = page[:len(page)-1]
		if !once {
			page = clearScreen + page
		}
		if _, err := io.WriteString(out, page); err != nil || once {
			return err
		}
	}
}
