package doctor

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"scenecast/config"
	"scenecast/hook/webhook"
	"scenecast/language"
)

// target is a URL that the configuration has the server call.
type target struct {
	setting     string // with the app
	url         config.HookURL
	denyPrivate bool
}

// hookTargets are all hooks, each URL once.
func hookTargets(c *config.Config) (targets []target) {
	seen := make(map[string]bool)
	for _, app := range c.Apps() {
		add := func(setting string, u config.HookURL) {
			if u != "" && !seen[string(u)] {
				seen[string(u)] = true
				targets = append(targets, target{app.Name + ": " + setting, u, app.Hooks.DenyPrivate})
			}
		}
		add("hooks.connect", app.Hooks.Connect.URL)
		add("hooks.call", app.Hooks.Call.URL)
		for _, h := range app.Hooks.Events {
			add("hooks.events "+h.Name, h.URL)
		}
		for _, h := range app.Pusher.Webhooks {
			add("pusher.webhooks "+h.Name, h.URL)
		}
	}
	return targets
}

// plainClient makes requests as the server does, to nobody else than the URL says, and keeps no connections.
func plainClient(timeout time.Duration) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext: (&net.Dialer{Timeout: timeout}).DialContext, TLSHandshakeTimeout: timeout, ForceAttemptHTTP2: true, DisableKeepAlives: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// checkHooks asks backends whether they are there, by OPTIONS, which changes nothing (RFC 9110, 9.2.1) and has no secret.
func checkHooks(ctx context.Context, s *subject, r *report) {
	targets := hookTargets(&s.Config.Config)
	if len(targets) == 0 {
		r.add(Skipped, nothing, "no hooks are set")
		return
	}
	var running sync.WaitGroup
	for _, t := range targets {
		running.Go(func() { s.checkHook(ctx, r, t) })
	}
	running.Wait()
	r.sortFrom(0)
}

func (s *subject) checkHook(ctx context.Context, r *report, t target) {
	request, err := http.NewRequestWithContext(ctx, http.MethodOptions, string(t.url), nil)
	if err != nil {
		r.add(Failure, language.Textf("Correct the URL."), "%s: %s is no URL", t.setting, t.url)
		return
	}
	if t.denyPrivate && leadsInside(ctx, request.URL.Hostname()) {
		r.add(Failure, language.Textf("Leave hooks.deny_private out, or call the backend by a public address."), "%s: %s leads to a private address, which hooks.deny_private refuses", t.setting, t.url)
		return
	}
	sent := time.Now()
	response, err := plainClient(s.Timeout).Do(request)
	if err != nil {
		r.add(Failure, adviceFor(err), "%s: %s cannot be called: %s", t.setting, t.url, inWords(withoutURL(err)))
		return
	}
	_ = response.Body.Close()
	switch code := response.StatusCode; {
	case code >= 300 && code < 400:
		r.add(Failure, language.Textf("Set the URL that it leads to: redirects are not followed."), "%s: %s answers with a redirect (%d)", t.setting, t.url, code)
	case code >= 502 && code <= 504:
		r.add(Failure, language.Textf("Look at the backend behind that proxy."), "%s: %s is answered %d: a proxy is there, and no backend", t.setting, t.url, code)
	case code == http.StatusNotFound:
		r.add(Warning, language.Textf("See that the path is right; some frameworks answer so to OPTIONS where they take POST."), "%s: %s answers 404 to OPTIONS", t.setting, t.url)
	default:
		r.add(OK, nothing, "%s: %s answers (%d to OPTIONS)", t.setting, t.url, code)
	}
	date, _ := http.ParseTime(response.Header.Get("Date"))
	r.skew("clock", language.Textf("%s", t.url), date, sent, time.Now())
}

// leadsInside reports whether a name leads to an address that hooks.deny_private refuses.
func leadsInside(ctx context.Context, host string) bool {
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return false // the request says more
	}
	return slices.ContainsFunc(addrs, webhook.IsPrivate)
}

// maxKeySet is as much of a key set as is read; the server reads no more either.
const maxKeySet = 1 << 20

// checkKeySets reads the key sets of JSON Web Tokens, as the server does.
func checkKeySets(ctx context.Context, s *subject, r *report) {
	seen := make(map[config.KeySetURL]bool)
	for _, app := range s.Config.Apps() {
		if u := app.JWT.JWKSURL; u != "" && !seen[u] {
			seen[u] = true
			s.checkKeySet(ctx, r, app.Name+": jwt.jwks_url", u)
		}
	}
	if len(seen) == 0 {
		r.add(Skipped, nothing, "no key set is read (jwt.jwks_url)")
	}
}

func (s *subject) checkKeySet(ctx context.Context, r *report, setting string, u config.KeySetURL) {
	sent := time.Now()
	body, date, err := get(ctx, plainClient(s.Timeout), string(u))
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	switch {
	case err != nil:
		r.add(Failure, language.Textf("%s Until it can be read, pages with its tokens are refused.", adviceFor(err)), "%s: %s cannot be read: %s", setting, u, inWords(err))
		return
	case json.Unmarshal(body, &set) != nil || set.Keys == nil:
		r.add(Failure, language.Textf("Set the URL of the key set itself, as jwks_uri in the issuer's /.well-known/openid-configuration has it."), "%s: what is at %s is no JSON Web Key Set", setting, u)
	case len(set.Keys) == 0:
		r.add(Warning, language.Textf("Look at what issues tokens: it has no key to sign them by."), "%s: the key set at %s is empty", setting, u)
	default:
		r.add(OK, nothing, "%s: the key set at %s has %d keys", setting, u, len(set.Keys))
	}
	r.skew("clock", language.Textf("%s", u), date, sent, time.Now())
}

// get reads what is at a URL. An error has no URL.
func get(ctx context.Context, client *http.Client, u string) (body []byte, date time.Time, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
	if err != nil {
		return nil, date, language.Errorf("it is no URL")
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, date, withoutURL(err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, date, language.Errorf("answered %s", response.Status)
	}
	date, _ = http.ParseTime(response.Header.Get("Date"))
	body, err = io.ReadAll(io.LimitReader(response.Body, maxKeySet))
	return body, date, err
}

// withoutURL is an error of a request without its URL, which may have a secret.
func withoutURL(err error) error {
	var of *url.Error
	if errors.As(err, &of) {
		return of.Err
	}
	return err
}

// adviceFor says what to do about a request that has failed.
func adviceFor(err error) language.Text {
	var dns *net.DNSError
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &dns):
		return language.Textf("Correct the name, or the resolver of this machine (/etc/resolv.conf).")
	case errors.As(err, &authority):
		return language.Textf("Have the backend send its whole chain, or add its authority to this machine's (update-ca-certificates).")
	case errors.As(err, &host):
		return otherDomain
	case errors.As(err, &invalid):
		return language.Textf("Renew the backend's certificate, and look at this machine's clock.")
	default:
		return language.Textf("See that the backend runs, that the URL is right, and that firewalls let this machine connect to it.")
	}
}
