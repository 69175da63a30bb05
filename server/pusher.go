package server

import (
	"slices"
	"strings"

	"scenecast"
	"scenecast/admission"
	"scenecast/config"
	"scenecast/listener"
	"scenecast/presence"
	"scenecast/protocol/pusher"
	"scenecast/protocol/pusher/app"
	"scenecast/protocol/pusher/channel"
	"scenecast/sockjs"
)

// pusherApps are the apps of the Pusher protocol, as a configuration has them.
type pusherApps struct {
	byID        map[string]*app.App
	byKey       map[string]*app.App
	byName      map[string]*app.App           // by the name of the server's app
	prefixes    []string                      // of paths
	credentials map[scenecast.Credential]bool // of pages that may be here
}

func newPusherApps(c config.Config) pusherApps {
	p := pusherApps{
		byID:        make(map[string]*app.App),
		byKey:       make(map[string]*app.App),
		byName:      make(map[string]*app.App),
		credentials: make(map[scenecast.Credential]bool),
	}
	for _, a := range c.Apps() {
		if !a.Pusher.IsSet() {
			continue
		}
		known := a.PusherApp()
		p.byID[known.ID], p.byName[known.Name] = known, known
		if known.PathPrefix != "" {
			p.prefixes = append(p.prefixes, known.PathPrefix)
		}
		for _, k := range known.Keys {
			p.byKey[k.Name] = known
			p.credentials[known.Credential(k.Name)] = known.Enabled
		}
	}
	return p
}

// presence are the keys of an app that the Pusher protocol declares.
func (p *pusherApps) presence(a config.App) []presence.Key {
	known := p.byName[a.Name]
	if known == nil {
		return nil
	}
	var events []string
	for _, w := range pusherWebhooks(a) {
		if w.Events == nil {
			events = app.WebhookEvents
		} else {
			events = append(slices.Clip(events), w.Events...)
		}
	}
	return pusher.Keys(known, events)
}

// pusherApp finds an app of the Pusher protocol by its id; nil: there is none.
func (c *currentApps) pusherApp(id string) *app.App { return c.Load().pusher.byID[id] }

// pusherKey finds the app of the Pusher protocol that has this key; nil: there is none.
func (c *currentApps) pusherKey(key string) *app.App { return c.Load().pusher.byKey[key] }

// pusherNamed finds the app of the Pusher protocol that the server's app with this name is; nil: it is none.
func (c *currentApps) pusherNamed(name string) *app.App { return c.Load().pusher.byName[name] }

// isPusherPath reports whether pages of the Pusher protocol connect by a path.
func (c *currentApps) isPusherPath(path string) bool {
	p := c.Load().pusher
	if len(p.byName) == 0 {
		return false
	}
	if strings.HasPrefix(path, pusher.Path) {
		return true
	}
	for _, prefix := range p.prefixes {
		if rest, ok := strings.CutPrefix(path, prefix); ok && strings.HasPrefix(rest, pusher.Path) {
			return true
		}
	}
	return false
}

// newPusher makes the Pusher protocol.
func (s *Server) newPusher(a *admission.Authenticator) *pusher.Protocol {
	return pusher.New(pusher.Options{
		Authenticator: a,
		FindKey:       s.apps.pusherKey,
		FindApp:       s.apps.pusherNamed,
		Publish: func(p scenecast.Push) error {
			if err := s.pushes.CheckFrame(p.App, p.Message); err != nil {
				return err
			}
			_, err := s.engine.Submit(p)
			return err
		},
		Tell: s.hooks.tellPusher,
	})
}

// pusherFrame is how many bytes the frame of a message may have on the wire of the Pusher protocol, for push.Service: 0 where the server's
// app is none of it. labelBytes is how long the value of a label may be.
func (s *Server) pusherFrame(labelBytes int) func(name string, m scenecast.Message, room int) int {
	return func(name string, m scenecast.Message, room int) int {
		of := s.apps.pusherNamed(name)
		if of == nil {
			return 0
		}
		return pusher.MaxFrame(m, max(of.MaxChannelName, pusher.EscapedBytes*max(labelBytes, channel.MaxUserChannel)), room)
	}
}

// pusherEndpoint is where pages of the Pusher protocol connect.
func (s *Server) pusherEndpoint(e endpoints) listener.Endpoint {
	return listener.Endpoint{
		Match:     s.apps.isPusherPath,
		Admitter:  e.pusher,
		Refuse:    e.backends.Refuse,
		CloseCode: pusher.CloseCode,
		Refusal:   pusher.Refusal,
	}
}

// fallbackPath is in front of the paths of pages that connect over HTTP requests, where pusher-js is not told another one.
const fallbackPath = "/pusher"

// isPusherSessionPath reports whether it is a path of a session of such a page.
func (c *currentApps) isPusherSessionPath(path string) bool {
	a, ok := sockjs.ParseAddress(path)
	if !ok {
		return false
	}
	before, key, ok := strings.Cut(a.Base, pusher.Path)
	return ok && !strings.Contains(key, "/") && c.isPusherPath(strings.TrimSuffix(before, fallbackPath)+pusher.Path+key)
}

// pusherSessionEndpoint is where pages of the Pusher protocol connect over HTTP requests.
func (s *Server) pusherSessionEndpoint(e endpoints) listener.Endpoint {
	endpoint := s.pusherEndpoint(e)
	endpoint.Match, endpoint.Transport, endpoint.Sessions = s.apps.isPusherSessionPath, listener.SockJS, s.sessions
	return endpoint
}
