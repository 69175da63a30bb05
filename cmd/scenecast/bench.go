package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"scenecast/auth"
	"scenecast/bench/churn"
	"scenecast/bench/load"
	"scenecast/language"
)

func newBench() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure what a server delivers, how fast, and what it costs",
		Long: `Connects many pages with labels, pushes numbered messages to audiences, and checks that every page gets exactly what it
must get. Prints deliveries per second, latencies from the HTTP call to the frame received, and the server's CPU and
memory. Exit status 1 when a delivery is missing, doubled or misdelivered.

Without --url it starts a server of its own on loopback, and ends it. With --url it loads that server; its CPU and memory
are known where it runs on this machine, on Linux, and --server-pid names its process.

Each page has the labels run (the same for all pages of this bench), page (home, list, order, back), group (of --few
pages), user (of this page alone) and locale (zh, en). Audiences are "everybody", "few" (one group after the other), "one"
(one user after the other), or expressions over these labels. The three with names reach pages of this bench alone; an
expression like page == "home" also reaches others' pages of that server, which then get its messages.

Several servers (--url more than once, or with commas), --churn, --resume or --duration have the nodes of a cluster be loaded in another
way instead: pushes to all pages by the clock (--rate), for --duration, at one node after the other, while pages leave, --churn of them
a second, and others come, at the next node; with --resume the same page comes back there, with its position. Each page is compared with
the log. Prints what came late, p50, p99 and the maximum, for each node; exit status 1 when anything was lost, doubled or out of
order, or a page was told of a gap. Nodes may be restarted meanwhile. Such pages speak the native wire.

Each scenario is measured --rounds times, and the medians are printed; the maximum is that of all rounds. Pushes come in
sequence (the next one begins when the one before has arrived everywhere), and --pipeline at a time. With --rate they
come by the clock instead. Latencies hold the time that bench itself needs to read thousands of sockets.`,
		Example: `  scenecast bench                                          # 1,000 pages on a server of its own
  scenecast bench --pages 10000 --rounds 9 --json
  scenecast bench --pages 10000 --to one --rate 1000       # p99 of a push to one page, at 1,000 a second
  scenecast bench --to 'page == "home" && locale == "zh"'
  scenecast bench --url http://localhost:9502 --server-pid "$(pidof scenecast)"
  scenecast bench --url http://10.0.0.1:9502,http://10.0.0.2:9502,http://10.0.0.3:9502 --churn 500/s --resume --duration 1m`,
		Args: cobra.NoArgs,
	}
	o := load.Options{}
	f := cmd.Flags()
	server := newRemote(cmd, true, auth.Push)
	addresses := &addressList{}
	f.Lookup("url").Value = addresses
	f.Lookup("url").Usage = "`address` of the server, or several (default SCENECAST_URL, or a server of its own)"
	pids := f.IntSlice("server-pid", nil, "the server's `process`, for the CPU and memory columns; of several, each, in the order of their addresses")
	f.IntVar(&o.Pages, "pages", 1000, "how `many` pages connect")
	f.StringArrayVar(&o.To, "to", nil, "`audience`: everybody, few, one, or an expression; can be given several times (default all three)")
	f.IntVar(&o.Few, "few", 0, "`pages` in a group (default 100, at most a tenth of the pages)")
	f.IntVar(&o.Pipeline, "pipeline", 8, "`calls` at a time in the pipelined scenarios; 1 leaves them out")
	f.IntVar(&o.Rate, "rate", 0, "`pushes` per second, by the clock, in place of the other scenarios")
	f.IntVar(&o.Rounds, "rounds", 5, "`times` that each scenario is measured")
	f.IntVar(&o.Pushes, "pushes", 0, "`messages` in a round (default what makes 100,000 deliveries, from 10 to 1,000; --rate: two seconds)")
	f.IntVar(&o.Size, "size", 128, "`bytes` of a message")
	f.DurationVar(&o.Patience, "timeout", 10*time.Second, "how `long` nothing may come until a delivery counts as missing")
	protocol := f.String("protocol", "tutorial", "`wire` of the pages: tutorial, the smallest, or native")
	leave := churnRate(0)
	f.Var(&leave, "churn", "pages that leave each second while others come, as in `500/s`")
	resume := f.Bool("resume", false, "pages that leave come back with their position")
	duration := f.Duration("duration", 0, "how `long` pushes go on where pages leave or there are several servers (default 10s)")
	asJSON := f.Bool("json", false, "print one JSON document")
	quiet := f.Bool("quiet", false, "no progress, which a terminal gets")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		switch *protocol {
		case "tutorial":
		case "native":
			o.Native = true
		default:
			return language.Errorf("--protocol %s: there are tutorial and native", *protocol)
		}
		if !*quiet && isTerminal(cmd.ErrOrStderr()) {
			o.Progress = func(text language.Text) { fmt.Fprintf(cmd.ErrOrStderr(), "\r\x1b[K%s", text.In(reader)) }
		}
		if cluster := addresses.orVariable(); len(cluster) > 1 || leave > 0 || *resume || f.Changed("duration") {
			return runChurn(cmd, server, cluster, churn.Options{
				Pages: o.Pages, Rate: o.Rate, Leave: int(leave), Resume: *resume, Duration: *duration, Size: o.Size, PIDs: *pids,
				Patience: o.Patience, Progress: o.Progress,
			}, *asJSON)
		}
		if len(*pids) > 1 {
			return language.Errorf("--server-pid: several processes, and one server")
		}
		for _, pid := range *pids {
			o.PID = pid
		}
		end, err := aimBench(cmd, &o, server)
		if err != nil {
			return err
		}
		defer end()
		report, err := load.Run(cmd.Context(), o)
		if o.Progress != nil {
			o.Progress(language.Text{}) // leaves an empty line to what follows
		}
		if errors.Is(err, context.Canceled) {
			err = language.Errorf("stopped by a signal")
		}
		if report == nil {
			return err
		}
		return errors.Join(err, printReport(cmd, report, *asJSON))
	}
	return cmd
}

// aimBench says which server it is: the one at the address, or one of its own, which end ends.
func aimBench(cmd *cobra.Command, o *load.Options, server *remote) (end func(), err error) {
	if c := (credential{flag: "url"}); c.given(cmd, urlVariable) {
		var token, key credential
		if o.URL, _, err = server.address(); err == nil {
			token, err = server.pageToken()
		}
		if err == nil {
			key, err = server.apiKey()
		}
		o.Token, o.Key = token.text, key.text
		return func() {}, err
	}
	for _, flag := range []string{"client-token", "api-key", "config", "server-pid"} {
		if cmd.Flags().Changed(flag) {
			return nil, language.Errorf("--%s belongs to the server at --url, and there is none", flag)
		}
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s, err := load.StartServer(cmd.Context(), []string{self})
	if err != nil {
		return nil, err
	}
	o.URL, o.Token, o.Key, o.PID = s.URL, s.Token, s.Key, s.PID
	return s.Close, nil
}

func printReport(cmd *cobra.Command, r interface{ Print(io.Writer, language.Tag) }, asJSON bool) error {
	if !asJSON {
		r.Print(cmd.OutOrStdout(), reader)
		return nil
	}
	e := json.NewEncoder(cmd.OutOrStdout())
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(r)
}

// isTerminal reports whether somebody watches.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
