package api

import (
	"time"

	"scenecast"
)

// nodesResponse is the answer to GET /v1/nodes.
type nodesResponse struct {
	Log   *logInfo `json:"log,omitempty"`  // of nodes that share one
	Nodes []node   `json:"nodes"`          // the one that answers first
	Gone  []gone   `json:"gone,omitempty"` // the one that was heard of last first
}

// gone is a node that has fallen silent.
type gone struct {
	ID        scenecast.NodeID `json:"id"`
	Name      string           `json:"name,omitempty"`
	Version   string           `json:"version,omitempty"`
	LastHeard time.Time        `json:"last_heard"`
}

// logInfo is how the shared log stands.
type logInfo struct {
	Leader   string `json:"leader"` // empty: none that is known
	Replicas int    `json:"replicas"`
	InSync   int    `json:"in_sync"`
}

// node is a node, as the one that answers knows it.
type node struct {
	ID            scenecast.NodeID `json:"id"`
	Name          string           `json:"name,omitempty"`
	Version       string           `json:"version,omitempty"`
	Self          bool             `json:"self"`
	State         string           `json:"state"` // up or late
	Since         time.Time        `json:"since"`
	Started       time.Time        `json:"started"`
	Connections   int              `json:"connections"`
	Position      string           `json:"position"`
	Lag           uint64           `json:"lag"`
	LagMS         int64            `json:"lag_ms"`
	Problem       string           `json:"problem,omitempty"` // why it is not ready
	Engine        string           `json:"engine,omitempty"`  // this and what follows is missing of a node of an older version
	LoopLagMS     *int64           `json:"loop_lag_ms,omitempty"`
	Draining      DrainState       `json:"draining,omitempty"`
	DrainingSince time.Time        `json:"draining_since,omitzero"`
	Problems      []string         `json:"problems,omitempty"` // what is wrong, or soon will be; Problem among it
}

// The states of a node.
const (
	nodeUp   = "up"
	nodeLate = "late"
)

// nodes answers GET /v1/nodes.
func (a *API) nodes(r *request) (any, error) {
	tag := speak(r.w, r.Request)
	known := a.o.Nodes()
	var response nodesResponse
	if l := known.Log; l.Replicas > 0 {
		response.Log = &logInfo{l.Leader, l.Replicas, l.InSync}
	}
	for _, n := range known.Nodes {
		state := nodeUp
		if n.Late {
			state = nodeLate
		}
		told := node{
			ID:          n.ID,
			Name:        n.Name,
			Version:     n.Version,
			Self:        n.Self,
			State:       state,
			Since:       n.Since.UTC().Truncate(time.Millisecond),
			Started:     n.Started.UTC().Truncate(time.Millisecond),
			Connections: n.Connections,
			Position:    n.Newest.String(),
			Lag:         n.Lag.Records,
			LagMS:       n.Lag.Time.Milliseconds(),
			Problem:     n.Problem.In(tag),
		}
		if told.Problem != "" {
			told.Problems = []string{told.Problem}
		}
		if c := n.Condition; !c.IsZero() {
			lag := c.LoopLag.Milliseconds()
			told.Engine, told.LoopLagMS, told.Draining = c.Engine, &lag, DrainState(c.Draining)
			if !c.DrainingSince.IsZero() {
				told.DrainingSince = c.DrainingSince.UTC().Truncate(time.Millisecond)
			}
			told.Problems = append(told.Problems, c.ProblemsIn(tag)...)
		}
		response.Nodes = append(response.Nodes, told)
	}
	for _, n := range known.Gone {
		response.Gone = append(response.Gone, gone{n.ID, n.Name, n.Version, n.Heard.UTC().Truncate(time.Millisecond)})
	}
	return response, nil
}
