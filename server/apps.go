package server

import (
	"cmp"
	"context"
	"fmt"

	"scenecast"
	"scenecast/admission"
	"scenecast/auth"
	"scenecast/config"
	"scenecast/label"
	"scenecast/push"
)

// apps is what the configuration says of each app: namespaces that share the port and nothing else. A page's token and a
// backend's key say which app they are of.
type apps struct {
	pages  auth.PageAuthenticator
	keys   *auth.Keys
	limits label.Limits
	byName map[string]config.App
}

// newApps registers the apps' tokens, keys and triggers.
func (s *Server) newApps(c config.Config, limits label.Limits, o Options) (*apps, error) {
	known := new(auth.PageTokens)
	a := &apps{pages: known, keys: new(auth.Keys), limits: limits, byName: make(map[string]config.App)}
	for _, app := range c.Apps() {
		a.byName[app.Name] = app
		for _, t := range app.ClientTokens {
			known.Add(string(t.Token), auth.Page{App: app.Name, Labels: t.Labels})
		}
		for _, k := range app.APIKeys {
			a.keys.Add(auth.Key{App: app.Name, Name: k.Name, Scopes: k.Allow}, string(k.Key))
		}
		for _, d := range app.Triggers {
			t, err := push.Declare(d.Declaration)
			if err != nil {
				return nil, fmt.Errorf("app %s, trigger %s: %w", app.Name, d.Name, err)
			}
			if err := s.pushes.AddTrigger(app.Name, d.Name, t); err != nil {
				return nil, err
			}
		}
	}
	for name, t := range o.Triggers {
		if err := s.pushes.AddTrigger(scenecast.DefaultApp, name, t); err != nil {
			return nil, err
		}
	}
	if o.PageAuthenticator != nil {
		a.pages = either{known, o.PageAuthenticator}
	}
	return a, nil
}

// rules are what labels the pages of an app may have.
func (a *apps) rules(app string) label.Rules {
	return label.Rules{Limits: a.limits, Client: a.byName[app].Labels.Client}
}

// pageLimits are how many pages there may be, of each app and in all.
func (a *apps) pageLimits(c config.Limits) admission.Limits {
	l := admission.Limits{Connections: c.Connections, PerAddress: c.PerAddress, PerApp: make(map[string]int)}
	for name, app := range a.byName {
		l.PerApp[name] = app.MaxConnections
	}
	return l
}

func (a *apps) pageTokenMayTrigger(app string) bool { return a.byName[app].PageTokenMayTrigger }

// either asks the program's own authenticator about tokens that the configuration does not know.
type either struct{ first, second auth.PageAuthenticator }

// AuthenticatePage implements auth.PageAuthenticator. A page of the program's that names no app is one of the default app.
func (e either) AuthenticatePage(ctx context.Context, token string) (auth.Page, error) {
	if p, err := e.first.AuthenticatePage(ctx, token); err == nil {
		return p, nil
	}
	p, err := e.second.AuthenticatePage(ctx, token)
	p.App = cmp.Or(p.App, scenecast.DefaultApp)
	return p, err
}
