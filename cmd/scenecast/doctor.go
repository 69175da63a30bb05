package main

import (
	"errors"
	"net/url"

	"github.com/spf13/cobra"

	"scenecast/auth"
	"scenecast/doctor"
	"scenecast/language"
)

// The statuses with which doctor ends.
const (
	doctorWarned exitStatus = 1 // with --strict
	doctorFailed exitStatus = 2
)

func newDoctor() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check the machine, the configuration and what is around the server, and say what to do",
		Long: `Checks what a server of this configuration needs: limits of files and of the kernel, memory, the disk of data_dir, the clock, certificates,
the engine's NATS or Redis, the other nodes, the backends that hooks call, key sets, and a server that runs. Each finding is ok, a warning or
a failure, and says what to do. What is skipped does not apply, or says what it would need.

With --url, the address at which pages reach the server, also what is in front of it: certificate, path, HTTP/2, WebSockets, whether event
streams are buffered, whether clients' addresses come through, and (for as long as websocket.ping_interval) whether idle connections last.
For that it connects two pages for a moment, and sends a push to one of them alone. It needs a page's token and an API key with the scopes push
and read, of the configuration or of the flags.

Nothing is changed, no root is needed, and no secret is printed. Run it as the user that the server runs as, on its machine; --url
from anywhere. Exit status: 0; 1 where there are warnings and --strict is given; 2 where there are failures.`,
		Example: `  scenecast doctor
  sudo -u scenecast scenecast doctor --config /etc/scenecast/scenecast.yaml --url https://push.example.com
  scenecast doctor --json --strict --pages 50000`,
		Args: cobra.NoArgs,
	}
	r := newRemote(cmd, true, auth.Read)
	f := cmd.Flags()
	asJSON := f.Bool("json", false, "print the findings as JSON")
	strict := f.Bool("strict", false, "end with status 1 where there are warnings")
	pages := f.Int("pages", 0, "`number` of pages that are expected (default what limits.connections or max_connections allow, or 10000)")
	idle := f.Bool("idle", true, "with --url, wait for a ping on connections that are idle")
	roots := f.String("ca", "", "`file` in PEM with the authority of the certificates, at --url and in tls, where this machine does not know it")
	timeout := f.Duration("timeout", doctor.DefaultTimeout, "`time` that a check may take; waiting for a ping comes on top")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if *timeout <= 0 {
			return language.Errorf("--timeout: must be more than 0")
		}
		if *pages < 0 {
			return language.Errorf("--pages: must not be less than 0")
		}
		o := doctor.Options{Pages: *pages, Idle: *idle, Roots: *roots, Timeout: *timeout, System: doctor.ThisSystem()}
		err := r.examine(&o)
		if err != nil {
			return err
		}
		if !*asJSON {
			o.Language = reader
		}
		findings := doctor.Run(cmd.Context(), o)
		if *asJSON {
			err = doctor.WriteJSON(cmd.OutOrStdout(), findings)
		} else {
			err = doctor.WriteText(cmd.OutOrStdout(), findings, reader)
		}
		if err != nil {
			return err
		}
		switch s := doctor.Summarize(findings); {
		case s.Failures > 0:
			return doctorFailed
		case s.Warnings > 0 && *strict:
			return doctorWarned
		}
		return nil
	}
	return cmd
}

// examine fills in the configuration, the address at which pages come, and what is shown there. A configuration with mistakes is examined
// as far as it can be read. The address has no default: what the configuration has is examined anyway.
func (r *remote) examine(o *doctor.Options) error {
	s := settings{file: r.file}
	l, file, err := s.load()
	o.Config, o.ConfigFile = l, file
	o.ConfigError = errors.Join(err, l.CheckFiles())
	r.loaded = l
	address := credential{what: language.Textf("address"), flag: "url"}
	if address.given(r.cmd, urlVariable) {
		if o.URL, err = url.Parse(address.text); err != nil || o.URL.Host == "" || o.URL.Scheme != "http" && o.URL.Scheme != "https" {
			return language.Errorf("%s: it is no address of a server; it looks like https://push.example.com", address.from)
		}
	}
	// Without them, checks say what they need.
	if token, err := r.pageToken(); err == nil {
		o.Token = token.text
	}
	if key, err := r.apiKey(); err == nil {
		o.Key = key.text
	}
	return nil
}
