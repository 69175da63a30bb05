package server

import (
	"scenecast"
	"scenecast/config"
	"scenecast/protocol/pusher/app"
)

// pusherApps are the apps of the Pusher protocol, as a configuration has them.
type pusherApps struct {
	byID        map[string]*app.App
	byKey       map[string]*app.App
	credentials map[scenecast.Credential]bool // of pages that may be here
}

func newPusherApps(c config.Config) pusherApps {
	p := pusherApps{make(map[string]*app.App), make(map[string]*app.App), make(map[scenecast.Credential]bool)}
	for _, a := range c.Apps() {
		if !a.Pusher.IsSet() {
			continue
		}
		known := a.PusherApp()
		p.byID[known.ID] = known
		for _, k := range known.Keys {
			p.byKey[k.Name] = known
			p.credentials[known.Credential(k.Name)] = known.Enabled
		}
	}
	return p
}

// pusherApp finds an app of the Pusher protocol by its id; nil: there is none.
func (c *currentApps) pusherApp(id string) *app.App { return c.Load().pusher.byID[id] }

// pusherKey finds the app of the Pusher protocol that has this key; nil: there is none.
func (c *currentApps) pusherKey(key string) *app.App { return c.Load().pusher.byKey[key] }
