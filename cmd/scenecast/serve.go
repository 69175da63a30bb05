package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"scenecast/auth"
	"scenecast/config"
	"scenecast/demo"
	"scenecast/language"
	"scenecast/server"
)

func newServe() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the server",
		Long: `Runs the server until SIGTERM or SIGINT; then says goodbye to all pages, within the setting drain, and ends.

Settings come from the file, over it from SCENECAST_… variables, over them from flags. Where no page token or no API
key is set, a random one is made and printed once: the server never runs open by accident.

SIGHUP has it read its configuration anew, as scenecast reload does. With the setting handover, SIGUSR2 has it start the program anew, which
takes the port and all pages over; so does another serve with the same setting.

Started by systemd as a unit of Type=notify, it tells it when it is ready, reloads and stops; with WatchdogSec, that its loops get on.`,
		Example: `  scenecast serve
  scenecast serve --config /etc/scenecast.yaml --log-format json
  scenecast serve --listen :8080 --client-token 123456 --api-key "$KEY"`,
		Args: cobra.NoArgs,
	}
	s := newSettings(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		var made madeSecrets
		load := func() (*config.Loaded, error) {
			l, file, err := s.load()
			err = errors.Join(err, l.CheckFiles())
			made.fill(&l.Config)
			if err == nil && file != "" {
				s.file, s.again = file, s.again || !l.Empty // also the default file has to be there from now on
			}
			return l, err
		}
		l, err := load()
		if err != nil {
			return err
		}
		if l.Handover != "" && (made.token != "" || made.key != "") {
			return language.Errorf("handover: set client_tokens and api_keys: those that are made for a run end with the process, and pages would be closed")
		}
		log, level, closeLog := openLog(l.Log, cmd.ErrOrStderr())
		defer closeLog()
		var running atomic.Pointer[server.Server]
		defer onHangups(func() {
			if srv := running.Load(); srv != nil {
				defer notifyReload(log)()
				_, _ = srv.ReloadConfiguration(cmd.Context()) // which logs what came of it
			} else {
				log.Warn("SIGHUP: the server is starting, with the configuration that it has read")
			}
		})()
		for _, w := range l.Warnings {
			log.Warn("configuration: "+w.Detail.String(), "setting", w.Key, "from", w.Source)
		}
		options := server.Options{
			Config:   l.Config,
			Version:  version,
			Logger:   log,
			LogLevel: level,
			Load:     load,

			Successor:  successor,
			Supervisor: handoverNotifier{log},
		}
		srv, err := server.New(cmd.Context(), options)
		if errors.Is(err, server.ErrPredecessorDied) {
			log.Error("starting without the pages of the process before, which come back by themselves", "why", err)
			srv, err = server.New(cmd.Context(), options)
		}
		if err != nil && cmd.Context().Err() != nil { // an end that was asked for is no failure
			log.Info("stopped while starting", "err", err)
			return nil
		}
		if err != nil {
			return explainPort(err, l)
		}
		running.Store(srv)
		defer onHandovers(cmd.Context(), srv)()
		made.print(cmd.OutOrStdout())
		return run(cmd.Context(), srv, log, "config", configFile(s.file))
	}
	return cmd
}

// madeSecrets are those that the configuration leaves out, made once for this run: a reload finds the same. They are told on the
// standard output, not in the log, to whoever starts the server.
type madeSecrets struct {
	token, key string
}

// fill puts made secrets where a configuration has none. Where there are further apps, the default one may be meant to have no pages.
func (m *madeSecrets) fill(c *config.Config) {
	if len(c.OtherApps) > 0 {
		return
	}
	if len(c.ClientTokens) == 0 {
		m.token = cmp.Or(m.token, auth.NewSecret())
		c.ClientTokens = []config.ClientToken{{Token: config.Secret(m.token)}}
	}
	if len(c.APIKeys) == 0 {
		m.key = cmp.Or(m.key, auth.NewSecret())
		c.APIKeys = []config.APIKey{{Name: "generated", Key: config.Secret(m.key), Allow: auth.Scopes}}
	}
}

func (m *madeSecrets) print(out io.Writer) {
	if m.token != "" {
		say(out, "No page token is set (client_tokens). For this run: %s", m.token)
	}
	if m.key != "" {
		say(out, "No API key is set (api_keys). For this run: %s", m.key)
	}
}

func run(ctx context.Context, srv *server.Server, log *slog.Logger, attrs ...any) error {
	log.Info("listening", append([]any{"addr", srv.Addr().String(), "version", version, "cores", runtime.GOMAXPROCS(0)}, attrs...)...)
	stopNotifying := notifyRunning(ctx, srv.CheckLoops, log)
	defer stopNotifying()
	if err := srv.Run(ctx); err != nil {
		return err
	}
	log.Info("stopped")
	return nil
}

// demoToken is the tutorial's.
const demoToken = "123456"

func newDemo() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run the tutorial's three pages and a playground, ready to click on",
		Long: `Runs a server with the tutorial's pages: button 1 on the back page makes the home page pop up a message, button 2
the list page. A playground shows labels, audiences, resuming and receipts. It takes the tutorial's token 123456, for pages and for triggers, so it listens on loopback unless
--listen says otherwise. It reads no configuration file.`,
		Example: "  scenecast demo\n  scenecast demo --listen :9502        # for the pages on your phone",
		Args:    cobra.NoArgs,
	}
	aliasAddr(cmd)
	addr := cmd.Flags().String("listen", "127.0.0.1:9502", "`host:port` to listen on")
	level := cmd.Flags().String("log-level", "warn", "`level`: debug, info, warn or error")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		key := auth.NewSecret()
		l, err := config.Read(config.Sources{
			Flags: map[string]string{
				"listen":                 *addr,
				"log.level":              *level,
				"client_tokens":          demoToken,
				"page_token_may_trigger": "true",
				"drain":                  "2s",
				"triggers":               demo.Triggers,
				"api_keys":               fmt.Sprintf("[{name: demo, key: %s, allow: [push, trigger, read, manage, admin]}]", key),
				"dashboard.enabled":      "true",
			},
			FlagNames: map[string]string{"listen": "--listen", "log.level": "--log-level"},
		})
		if err != nil {
			return err
		}
		// The playground's backend has a key of its own, which nobody is told.
		playground := auth.NewSecret()
		l.Config.APIKeys = append(l.Config.APIKeys, config.APIKey{Name: "playground", Key: config.Secret(playground), Allow: []auth.Scope{auth.Push, auth.Read}})
		log, _, closeLog := openLog(l.Log, cmd.ErrOrStderr())
		defer closeLog()
		defer onHangups(func() { log.Warn("SIGHUP: the demo reads no configuration, so nothing has changed") })()
		code := &server.DashboardCode{Code: auth.NewSecret(), Secret: key, Expires: time.Now().Add(demoCodeLifetime)}
		srv, err := server.New(cmd.Context(), server.Options{
			Config:        l.Config,
			Version:       version,
			Logger:        log,
			Pages:         map[string]http.Handler{"/demo/": demo.Handler(demo.Options{Token: demoToken, Key: playground, Dashboard: true})},
			DashboardCode: code,
		})
		if err != nil {
			return explainPort(err, l)
		}
		printDemo(cmd.OutOrStdout(), srv.DashboardURL(), code)
		return run(cmd.Context(), srv, log)
	}
	return cmd
}

// demoCodeLifetime is how long the link to the dashboard logs in: until it was followed, or for as long as somebody may look for it.
const demoCodeLifetime = time.Hour

func printDemo(out io.Writer, dashboard string, login *server.DashboardCode) {
	base := strings.TrimSuffix(dashboard, "/dashboard/")
	say(out, `Scenecast demo. Open these pages in a browser:

  %[1]s/demo/home    首页   the home page
  %[1]s/demo/list    列表页 the list page
  %[1]s/demo/back    后端   the back page: button 1 makes the home page pop up a message, button 2 the list page
  %[1]s/demo/playground  labels, audiences, resuming, receipts

And the dashboard: the link logs you in, once and within an hour; the API key does so until the demo ends:

  %[1]s/dashboard/#login=%[3]s
  API key: %[4]s

Or, as the tutorial's controller does:

  curl '%[1]s/?func=pushHomeLogic&token=%[2]s&page=back'

Ctrl+C ends it.`, base, demoToken, login.Code, login.Secret)
}
