package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"syscall"

	"github.com/spf13/cobra"

	"scenecast"
	"scenecast/auth"
	"scenecast/client"
	"scenecast/config"
	"scenecast/language"
)

// remote is the server that a command talks to. What its flags leave out comes from the environment of the commands, then from
// the configuration that serve reads: the command that is run beside the server needs no flags.
type remote struct {
	cmd    *cobra.Command
	scope  auth.Scope     // that the API key needs
	file   string         // that --config names
	loaded *config.Loaded // nil: it was not needed yet
	socket string         // a path where the server is, known behind address; empty: it is on the network
}

// dial opens a connection to the server, where that is on a socket in the file system.
func (r *remote) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if r.socket != "" {
		network, addr = "unix", r.socket
	}
	return new(net.Dialer).DialContext(ctx, network, addr)
}

// backend is the server's API, at this address, with this key.
func (r *remote) backend(u *url.URL, key credential) client.Backend {
	b := client.Backend{URL: u.String(), Key: key.text, Language: string(reader)}
	if r.socket != "" {
		b.HTTP = &http.Client{Transport: &http.Transport{DialContext: r.dial}}
	}
	return b
}

// prints has the command make a call without a body, and print the answer, with --json as it is.
func (r *remote) prints(method, path string, print func(out io.Writer, answer []byte) error) {
	asJSON := r.cmd.Flags().Bool("json", false, "print the answer as it is")
	r.cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		u, address, err := r.address()
		if err != nil {
			return err
		}
		key, err := r.apiKey()
		if err != nil {
			return err
		}
		backend := r.backend(u, key)
		var answer json.RawMessage
		if err := backend.Call(cmd.Context(), method, path, nil, &answer); err != nil {
			return explain(err, address, key)
		}
		if *asJSON {
			_, err = cmd.OutOrStdout().Write(answer)
			return err
		}
		return print(cmd.OutOrStdout(), answer)
	}
}

// The variables of the commands, which are no settings of a server.
const (
	urlVariable   = "SCENECAST_URL"
	tokenVariable = "SCENECAST_CLIENT_TOKEN"
	keyVariable   = "SCENECAST_API_KEY"
)

// credential is what a command dials or shows there, and where it has that from.
type credential struct {
	what language.Text // address, token or key
	flag string        // which gives another
	text string
	from string // as in --api-key, SCENECAST_API_KEY or scenecast.yaml:12 (api_keys)
}

// newRemote adds the flags that say where the server is. The command also has a flag for a page's token, if token, and for
// an API key, if there is a scope.
func newRemote(cmd *cobra.Command, token bool, scope auth.Scope) *remote {
	r := &remote{cmd: cmd, scope: scope}
	f := cmd.Flags()
	f.String("url", "", "`address` of the server (default SCENECAST_URL, or where the configuration has it listen)")
	if token {
		f.String("client-token", "", "`token` of a page (default SCENECAST_CLIENT_TOKEN, or the configuration's)")
	}
	if scope != "" {
		f.String("api-key", "", language.Textf("`key` with the scope %s (default SCENECAST_API_KEY, or the configuration's)", scope).In(reader))
	}
	addConfigFlag(cmd, &r.file)
	return r
}

// given takes what the flag or the variable says, if one does.
func (c *credential) given(cmd *cobra.Command, variable string) bool {
	if f := cmd.Flags().Lookup(c.flag); f.Changed {
		c.text, c.from = f.Value.String(), "--"+c.flag
		return true
	}
	c.text, c.from = os.Getenv(variable), variable
	return c.text != ""
}

// configuration reads the configuration that serve would read here.
func (r *remote) configuration() (*config.Loaded, error) {
	if r.loaded != nil {
		return r.loaded, nil
	}
	l, err := config.Read(config.Sources{File: configFile(r.file), Environ: os.Environ()})
	if err != nil {
		return nil, err
	}
	r.loaded = l
	return l, nil
}

// address is where the server is.
func (r *remote) address() (*url.URL, credential, error) {
	c := credential{what: language.Textf("address"), flag: "url"}
	if c.given(r.cmd, urlVariable) {
		u, err := parseAddress(c.text, c.from)
		return u, c, err
	}
	l, err := r.configuration()
	if err != nil {
		return nil, c, err
	}
	c.from = l.Place("listen") + " (listen)"
	if r.socket = l.UnixSocket(); r.socket != "" {
		c.text = l.Listen
		return &url.URL{Scheme: "http", Host: "localhost"}, c, nil
	}
	host, port, _ := net.SplitHostPort(l.Listen) // it has been checked
	if port == "0" {
		return nil, c, language.Errorf("%s: %s is any free port; --url says which one", c.from, l.Listen)
	}
	if ip := net.ParseIP(host); host == "" || ip.IsUnspecified() {
		host = "localhost"
	}
	u := &url.URL{Scheme: "http", Host: net.JoinHostPort(host, port)}
	if l.TLS.Enabled() {
		u.Scheme = "https"
	}
	c.text = u.String()
	return u, c, nil
}

// parseAddress reads the address of a server, which is from a flag or a variable.
func parseAddress(text, from string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, language.Errorf("%s: %q is no address of a server; it looks like http://localhost:9502", from, text)
	}
	return u, nil
}

// pageToken is a token of the app named default.
func (r *remote) pageToken() (credential, error) {
	c := credential{what: language.Textf("token"), flag: "client-token"}
	if c.given(r.cmd, tokenVariable) {
		return c, nil
	}
	l, err := r.configuration()
	if err != nil {
		return c, err
	}
	if len(l.ClientTokens) == 0 {
		return c, r.missing(language.Textf("page token"), "client_tokens", c.flag, tokenVariable)
	}
	c.text, c.from = string(l.ClientTokens[0].Token), l.Place("client_tokens[0]")+" (client_tokens)"
	return c, nil
}

// apiKey is a key of the app named default that has the scope.
func (r *remote) apiKey() (credential, error) {
	c := credential{what: language.Textf("key"), flag: "api-key"}
	if c.given(r.cmd, keyVariable) {
		return c, nil
	}
	l, err := r.configuration()
	if err != nil {
		return c, err
	}
	allows := func(k config.APIKey) bool { return slices.Contains(k.Allow, r.scope) }
	i := slices.IndexFunc(l.APIKeys, func(k config.APIKey) bool { return allows(k) && !k.IsDigest() && k.Within.IsZero() })
	if i < 0 && slices.ContainsFunc(l.APIKeys, allows) {
		return c, language.Errorf("%s has keys that allow %s by their digests alone, or confined to an audience; --%s or %s says which key to use",
			configFile(r.file), r.scope, c.flag, keyVariable)
	}
	if i < 0 && len(l.APIKeys) > 0 {
		return c, language.Errorf("which API key that allows %s? --%s or %s says it, and %s (api_keys) has none, such as {name: %[1]s, key: KEY, allow: [%[1]s]}",
			r.scope, c.flag, keyVariable, l.Place("api_keys"))
	}
	if i < 0 {
		return c, r.missing(language.Textf("API key that allows %s", r.scope), "api_keys", c.flag, keyVariable)
	}
	c.text = string(l.APIKeys[i].Key)
	c.from = fmt.Sprintf("%s (api_keys, %s)", l.Place(fmt.Sprintf("api_keys[%d]", i)), l.APIKeys[i].Name)
	return c, nil
}

func (r *remote) missing(what language.Text, setting, flag, variable string) error {
	where := language.Textf("%s has none (%s)", configFile(r.file), setting)
	if configFile(r.file) == "" {
		where = language.Textf("there is no %s here", defaultFile)
	}
	return language.Errorf("which %s? --%s or %s says it, and %s. `scenecast serve` without one makes one for each run, and prints it", what, flag, variable, where)
}

// explain says of an error what to change: where the address is from, or what was shown there.
func explain(err error, address, shown credential) error {
	var refusal *client.Error
	var op *net.OpError
	var certificate *tls.CertificateVerificationError
	about := credential{}
	switch {
	case errors.As(err, &refusal) && (refusal.Status == http.StatusUnauthorized || refusal.Status == http.StatusForbidden || refusal.Code == scenecast.CloseUnauthorized):
		about = shown
	case errors.As(err, &refusal) && refusal.Detail == "", errors.As(err, &op), errors.As(err, &certificate):
		about = address
	default:
		return err
	}
	hint := language.Textf("; the %s is from %s", about.what, about.from)
	if about.from != "--"+about.flag {
		hint = language.Textf("; the %s is from %s, and --%s gives another", about.what, about.from, about.flag)
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		hint = language.Textf(": nothing listens at %s%s", address.text, hint)
	}
	return language.Errorf("%w%s", err, hint)
}
