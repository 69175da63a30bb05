package server

import (
	"context"
	"sync/atomic"
	"time"

	"scenecast"
	"scenecast/admission"
	"scenecast/auth"
	"scenecast/auth/jwt"
	"scenecast/config"
	"scenecast/hub"
	"scenecast/label"
	"scenecast/language"
	"scenecast/listener"
	"scenecast/presence"
	"scenecast/push"
	"scenecast/revocation"
)

// apps is a snapshot of what a configuration says of all apps: namespaces that share the port and nothing else. A page's token
// and a backend's key say which app they are of. It is not changed after newApps: another configuration is another snapshot.
type apps struct {
	pages    auth.PageAuthenticator
	tokens   auth.PageTokens // those of the configuration
	signed   *jwt.Verifier   // of signed tokens; nil: there are none
	keys     auth.Keys
	triggers push.Triggers
	labels   label.Limits
	quota    admission.Limits
	byName   map[string]config.App
	pusher   pusherApps
	presence map[string][]presence.Key // that each app declares
	removed  map[string]bool           // apps that an earlier snapshot had, and this one has not
	origins  *listener.Origins
	proxies  admission.Proxies
	proxy    *listener.ProxyProtocol // nil: no header of that kind is taken
	cookie   string                  // that may bring a page's token; empty: none
	hosts    []string                // by which browsers know the dashboard
	hsts     string                  // the header Strict-Transport-Security; empty: none
	rates    hub.PageRates
	byOrigin admission.AddressLimits

	needsCertificate bool // calls of backends do
}

// newApps makes the snapshot of a configuration, with what the program adds to it. Once it is stored, key sets that it does not use can be
// closed: sets.Keep(a.signed).
func newApps(c config.Config, o Options, sets *jwt.KeySets) (_ *apps, err error) {
	a := &apps{
		labels:  c.Labels.Limits(),
		quota:   admission.Limits{Connections: c.Limits.Connections, PerAddress: c.Limits.PerAddress, Origins: c.Limits.FailedTokens > 0, PerApp: make(map[string]int)},
		byName:  make(map[string]config.App),
		removed: make(map[string]bool),
		pusher:  newPusherApps(c),

		presence: make(map[string][]presence.Key),
		origins:  originsOf(c),
		proxies:  admission.Proxies(c.Limits.TrustedProxies),
		cookie:   c.HTTP.TokenCookie,
		hsts:     hstsOf(c.TLS),
		hosts:    hostsOf(c),

		rates:    hub.PageRates{Messages: c.Limits.PageMessages, Sets: c.Limits.PageSets, Calls: c.Limits.PageCalls},
		byOrigin: admission.AddressLimits{Connects: c.Limits.ConnectRate, FailedTokens: c.Limits.FailedTokens},

		needsCertificate: c.TLS.ClientCA != "",
		proxy:            proxyProtocolOf(c.Limits),
	}
	for _, app := range c.Apps() {
		a.byName[app.Name] = app
		a.quota.PerApp[app.Name] = app.MaxConnections
		a.presence[app.Name] = append(app.Presence.Presence(), a.pusher.presence(app)...)
		for _, t := range app.ClientTokens {
			a.tokens.Add(string(t.Token), auth.Page{App: app.Name, Labels: t.Labels})
		}
		for _, k := range app.APIKeys {
			a.keys.AddDigest(k.Auth(app.Name), k.Digest())
		}
		for _, d := range app.Triggers {
			t, err := push.Declare(d.Declaration)
			if err != nil {
				return nil, language.Errorf("app %s, trigger %s: %w", app.Name, d.Name, err)
			}
			if err := a.triggers.Add(app.Name, d.Name, t); err != nil {
				return nil, err
			}
		}
	}
	for name, t := range o.Triggers {
		if err := a.triggers.Add(scenecast.DefaultApp, name, t); err != nil {
			return nil, err
		}
	}
	if a.signed, err = newVerifier(c, sets); err != nil {
		return nil, err
	}
	pages := authenticators{&a.tokens}
	if a.signed != nil {
		pages = append(pages, a.signed)
	}
	if o.PageAuthenticator != nil {
		pages = append(pages, ofProgram{o.PageAuthenticator})
	}
	a.pages = pages
	return a, nil
}

// originsOf are the sites whose pages may connect: those of http, and of the apps that have their own.
func originsOf(c config.Config) *listener.Origins {
	byApp := make(map[string][]string)
	for _, app := range c.OtherApps {
		if app.AllowedOrigins != nil {
			byApp[app.Name] = app.AllowedOrigins
		}
	}
	return listener.NewOrigins(c.HTTP.AllowedOrigins, byApp)
}

// proxyProtocolOf says whose PROXY headers are believed; nil: nobody's.
func proxyProtocolOf(c config.Limits) *listener.ProxyProtocol {
	if c.ProxyProtocol == config.ProxyOff {
		return nil
	}
	return &listener.ProxyProtocol{Trusts: admission.Proxies(c.TrustedProxies).Contain, Required: c.ProxyProtocol == config.ProxyRequired}
}

// after notes which apps are gone since an earlier snapshot.
func (a *apps) after(earlier *apps) {
	for name := range earlier.byName {
		a.removed[name] = true
	}
	for name := range earlier.removed {
		a.removed[name] = true
	}
	for name := range a.byName {
		delete(a.removed, name)
	}
}

// currentApps are the apps of the configuration that is in force. Whoever needs to know of an app asks Load at that moment and
// keeps nothing of it, so that a snapshot that is stored counts for all from then on. Its other methods are for the parts of the
// server that take a function. Methods may be called concurrently.
type currentApps struct {
	atomic.Pointer[apps]
	revocations *revocation.List // nil: there are none
}

var errRevoked = auth.Invalid("was revoked")

// AuthenticatePage implements auth.PageAuthenticator.
func (c *currentApps) AuthenticatePage(ctx context.Context, token string) (auth.Page, error) {
	page, err := c.Load().pages.AuthenticatePage(ctx, token)
	if err == nil && c.revocations != nil && c.revocations.Revoked(page.App, page.Labels, page.Token) {
		return auth.Page{}, errRevoked
	}
	return page, err
}

// tokenLifetime is how long after its making a token of an app's pages can be good, at most.
func (c *currentApps) tokenLifetime(app string) time.Duration {
	j := c.Load().byName[app].JWT
	return time.Duration(j.MaxLifetime + 2*j.Leeway)
}

func (c *currentApps) findKey(secret string) (auth.Key, bool) { return c.Load().keys.Find(secret) }

func (c *currentApps) findTrigger(app, name string) (push.Trigger, bool) {
	return c.Load().triggers.Find(app, name)
}

// hasCredential reports whether a page that was let in by this credential would be let in by it now. One of the program's own always is.
func (a *apps) hasCredential(c scenecast.Credential) bool {
	return c == scenecast.Credential{} || a.tokens.HasCredential(c) || a.signed != nil && a.signed.HasCredential(c) ||
		a.pusher.credentials[c]
}

// admits reports whether pages of an app that were let in by this credential may still be here.
func (c *currentApps) admits(app string, credential scenecast.Credential) bool {
	a := c.Load()
	return !a.removed[app] && a.hasCredential(credential)
}

func (c *currentApps) origins() *listener.Origins             { return c.Load().origins }
func (c *currentApps) proxies() admission.Proxies             { return c.Load().proxies }
func (c *currentApps) proxyProtocol() *listener.ProxyProtocol { return c.Load().proxy }
func (c *currentApps) tokenCookie() string                    { return c.Load().cookie }
func (c *currentApps) pageRates() hub.PageRates               { return c.Load().rates }

func (c *currentApps) addressLimits() admission.AddressLimits { return c.Load().byOrigin }

// rules are what labels the pages of an app may have.
func (c *currentApps) rules(app string) label.Rules {
	a := c.Load()
	return label.Rules{Limits: a.labels, Client: a.byName[app].Labels.Client}
}

// presence are the keys that an app declares.
func (c *currentApps) presence(app string) []presence.Key { return c.Load().presence[app] }

func (c *currentApps) pageTokenMayTrigger(app string) bool {
	return c.Load().byName[app].PageTokenMayTrigger
}
