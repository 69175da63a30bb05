package api

import (
	"net/netip"
	"slices"
	"time"

	"scenecast"
	"scenecast/label"
)

// connectionResponse is the answer to GET /v1/connections/{id}. Of a connection whose node is of a version that does not tell, there are its
// labels alone.
type connectionResponse struct {
	ID         scenecast.ConnID                 `json:"id"`
	Labels     label.Set                        `json:"labels"`
	Sources    map[string]scenecast.LabelSource `json:"sources,omitempty"` // of the labels, by key
	Node       scenecast.NodeID                 `json:"node"`
	Wire       string                           `json:"wire"`
	User       string                           `json:"user,omitempty"`
	PageID     string                           `json:"page_id,omitempty"`
	Since      time.Time                        `json:"since,omitzero"`
	Remote     netip.Addr                       `json:"remote,omitzero"`
	Outbox     *outboxState                     `json:"outbox,omitempty"`
	CatchingUp bool                             `json:"catching_up,omitempty"`
	Endings    []pastEnding                     `json:"endings,omitempty"` // of this page's connections before, the newest first
	answered
}

// outboxState is what waits for a page.
type outboxState struct {
	Bytes  int `json:"bytes"`
	Frames int `json:"frames"`
}

// pastEnding is how a connection has ended.
type pastEnding struct {
	At    time.Time `json:"at"`
	Cause string    `json:"cause"`
	Code  int       `json:"code,omitempty"` // left out: there was no close frame
}

// maxEndings is how many endings are told of a page.
const maxEndings = 5

// describe tells all that is known of the one connection of a reply, and how its page's connections have ended before, at any node.
func (a *API) describe(r *request, reply scenecast.Reply) (any, error) {
	c, d := reply.Connections[0], reply.Detail
	response := connectionResponse{
		ID: c.ID, Labels: c.Labels, Node: c.ID.Node, Wire: c.Labels.Value(scenecast.LabelProtocol),
		User: c.Labels.Value(scenecast.LabelUser), PageID: c.Labels.Value(scenecast.LabelPage), answered: answeredBy(reply),
	}
	if d == nil {
		return response, nil
	}
	response.Sources, response.Since, response.Remote, response.CatchingUp = d.Sources, d.Since, d.From, d.CatchingUp
	response.Outbox = &outboxState{d.OutboxBytes, d.OutboxFrames}
	if !response.Since.IsZero() {
		response.Since = response.Since.UTC()
	}
	if d.Page == "" || r.caller.Confined() { // it may have been outside then
		return response, nil
	}
	past, err := a.ask(r, scenecast.Query{Endings: &scenecast.Endings{Page: d.Page, Identity: d.Identity}})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(past.Endings, func(x, y scenecast.PastEnding) int { return y.At.Compare(x.At) })
	for _, e := range past.Endings[:min(maxEndings, len(past.Endings))] {
		response.Endings = append(response.Endings, pastEnding{e.At.UTC(), e.Cause, int(e.Code)})
	}
	response.answered = answered{min(reply.Tally.Nodes, past.Tally.Nodes), max(reply.Known, past.Known)}
	return response, nil
}
