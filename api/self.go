package api

import (
	"time"

	"scenecast"
	"scenecast/auth"
)

// selfResponse is the answer to GET /v1/self.
type selfResponse struct {
	App      string       `json:"app"`
	Key      string       `json:"key"` // its name
	Scopes   []auth.Scope `json:"scopes"`
	Within   string       `json:"within,omitempty"`  // the audience to which the key is confined
	Triggers []string     `json:"triggers,omitzero"` // that it may run; left out: all of the app
	Node     *selfNode    `json:"node,omitempty"`    // not for a caller who is confined
	Ports    *Ports       `json:"ports,omitempty"`   // where the dashboard has a port of its own
	Presence []string     `json:"presence"`          // keys whose values are scenes
	Time     time.Time    `json:"time"`              // now, by the node's clock
}

// selfNode is the node that answers.
type selfNode struct {
	ID      scenecast.NodeID `json:"id"`
	Name    string           `json:"name,omitempty"`
	Version string           `json:"version,omitempty"`
}

// Ports are those of a node whose dashboard has a port of its own.
type Ports struct {
	Server    int `json:"server,omitempty"` // of pages and backends; left out: it is a socket in the file system
	Dashboard int `json:"dashboard"`
}

// self answers GET /v1/self: what the API key of the call is, and may do.
func (a *API) self(r *request) (any, error) {
	response := selfResponse{
		App:      r.key.App,
		Key:      r.key.Name,
		Scopes:   append([]auth.Scope{}, r.key.Scopes...),
		Triggers: r.key.Triggers,
		Presence: []string{},
		Time:     time.Now().UTC().Truncate(time.Millisecond),
	}
	if r.caller.Confined() {
		response.Within = r.key.Within.String()
	} else if n := a.o.Nodes().Nodes; len(n) > 0 { // the one that answers is the first
		response.Node = &selfNode{n[0].ID, n[0].Name, n[0].Version}
	}
	if a.o.Ports != nil {
		response.Ports = a.o.Ports()
	}
	if a.o.Presence != nil {
		response.Presence = append(response.Presence, a.o.Presence.Declared(r.key.App)...)
	}
	return response, nil
}
