package api

import (
	"net/netip"

	"scenecast"
	"scenecast/audience"
	"scenecast/language"
	"scenecast/problem"
)

// audienceRequest is the body of POST /v1/audience.
type audienceRequest struct {
	to, except audience.Expr
	sample     int
}

func (q *audienceRequest) fields() fields {
	return fields{
		"to":     asAudience(&q.to),
		"except": asExcept(&q.except),
		"sample": as(&q.sample, sampleForm),
	}
}

// maxSample bounds a sample.
const maxSample = 100

var sampleForm = language.Textf("a whole number from 0 to %d", maxSample)

// audienceResponse is the answer to POST /v1/audience.
type audienceResponse struct {
	Matched  int                    `json:"matched"`
	ByNode   []scenecast.NodeCount  `json:"by_node,omitempty"`  // not for a caller who is confined
	Sample   []scenecast.Connection `json:"sample,omitzero"`    // where it was asked for
	Position string                 `json:"position,omitempty"` // of the newest push before the count
	answered
}

// audience answers POST /v1/audience: how many connections match, on which nodes, and a sample of them.
func (a *API) audience(r *request) (any, error) {
	object, err := a.object(r)
	if err != nil {
		return nil, err
	}
	var body audienceRequest
	switch err := body.fields().read(object); {
	case err != nil:
		return nil, err
	case body.to.IsZero():
		return nil, missingTo()
	case body.sample < 0 || body.sample > maxSample:
		return nil, problem.New(problem.Invalid, "takes %s", sampleForm).At("sample")
	}
	to, err := body.to.Without(body.except)
	if err != nil {
		return nil, problem.At(err, "except")
	}
	q := scenecast.Query{To: to}
	if body.sample > 0 {
		q.List = &scenecast.List{Limit: body.sample}
	}
	reply, err := a.ask(r, q)
	if err != nil {
		return nil, err
	}
	response := audienceResponse{Matched: reply.Tally.Matched, ByNode: reply.ByNode, Position: positionOf(reply), answered: answeredBy(reply)}
	if q.List != nil {
		response.Sample = firstOf(reply.Connections, body.sample)
	}
	return response, nil
}

// connectionsResponse is a page of connections.
type connectionsResponse struct {
	Connections []scenecast.Connection `json:"connections"`
	Next        string                 `json:"next,omitempty"`     // the parameter after of the next page; missing on the last
	Matched     int                    `json:"matched"`            // on all pages
	Position    string                 `json:"position,omitempty"` // of the newest push before the list was made
	answered
}

// connections answers GET /v1/connections. The order is that of the IDs, which never changes, so whoever pages through
// sees every connection that was there all the while exactly once.
func (a *API) connections(r *request) (any, error) {
	to, limit, err := r.params.chosen()
	if err != nil {
		return nil, err
	}
	from, err := r.params.network()
	if err != nil {
		return nil, err
	}
	list := &scenecast.List{Limit: limit + 1, From: from} // one more tells whether there is a next page
	if after, ok := r.params["after"]; ok {
		if list.After, err = scenecast.ParseConnID(after); err != nil {
			return nil, problem.New(problem.Invalid, "%v", err).At("after")
		}
	}
	reply, err := a.ask(r, scenecast.Query{To: to, List: list})
	switch {
	case err != nil:
		return nil, err
	case from.IsValid() && !reply.Filtered:
		return nil, problem.New(problem.Unavailable, "no node that has answered can find connections by address: they run an older version")
	}
	page := connectionsResponse{
		Connections: firstOf(reply.Connections, limit),
		Matched:     reply.Tally.Matched,
		Position:    positionOf(reply),
		answered:    answeredBy(reply),
	}
	if n := len(page.Connections); n > 0 && (len(reply.Connections) > limit || reply.Through != (scenecast.ConnID{})) {
		page.Next = page.Connections[n-1].ID.String()
	}
	return page, nil
}

// network reads the parameter address: an IP address or a network of them. Left out, it is the zero prefix.
func (p parameters) network() (netip.Prefix, error) {
	text, ok := p["address"]
	if !ok {
		return netip.Prefix{}, nil
	}
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	network, err := netip.ParsePrefix(text)
	if err != nil || network.Addr().Is4In6() || network != network.Masked() {
		return netip.Prefix{}, problem.New(problem.Invalid, "%.80q is no address; write it as 203.0.113.7, 10.0.0.0/8 or 2001:db8::/64", text).At("address")
	}
	return network, nil
}

// firstOf are the first n of a list; never nil, so that JSON has an array.
func firstOf(list []scenecast.Connection, n int) []scenecast.Connection {
	return append([]scenecast.Connection{}, list[:min(n, len(list))]...)
}

// positionOf is the position at which a query was answered: whoever reads the log behind it misses no push that was published
// since. Empty where no node has told one, and for a caller who is confined.
func positionOf(r scenecast.Reply) string { return positionText(r.Position) }

// positionText is a position as answers have it; empty where there is none.
func positionText(p scenecast.Position) string {
	if p == (scenecast.Position{}) {
		return ""
	}
	return p.String()
}

// connection answers GET /v1/connections/{id}.
func (a *API) connection(r *request) (any, error) {
	id, err := scenecast.ParseConnID(r.PathValue("id"))
	if err != nil {
		return nil, problem.New(problem.Invalid, "%v", err).At("id")
	}
	reply, err := a.find(r, id)
	if err != nil {
		return nil, err
	}
	return a.describe(r, reply)
}

// find asks for one connection, which is the only one in the reply. It is a problem where that is not here.
func (a *API) find(r *request, id scenecast.ConnID) (scenecast.Reply, error) {
	reply, err := a.ask(r, scenecast.Query{To: audienceOf(id), List: &scenecast.List{Limit: 1, Detail: true}})
	switch {
	case err != nil:
		return reply, err
	case len(reply.Connections) == 0 && reply.Tally.Nodes < reply.Known:
		return reply, problem.New(problem.Unavailable, "%d of %d nodes have answered, and the connection %s is not on those", reply.Tally.Nodes, reply.Known, id)
	case len(reply.Connections) == 0:
		return reply, problem.New(problem.NotFound, "no connection %s is here now", id)
	}
	return reply, nil
}
