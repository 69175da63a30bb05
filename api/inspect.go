package api

import (
	"cmp"
	"fmt"
	"slices"

	"scenecast"
	"scenecast/audience"
	"scenecast/label"
	"scenecast/problem"
)

// counted is the answer to a question for an audience.
type counted struct {
	Matched int                    `json:"matched"`
	ByNode  []scenecast.NodeCount  `json:"by_node"`
	Sample  []scenecast.Connection `json:"sample,omitzero"` // where it was asked for
}

// maxSample bounds a sample.
const maxSample = 100

// question is the body of POST /v1/audience.
type question struct {
	to, except audience.Expr
	sample     int
}

func (q *question) fields() fields {
	return fields{
		"to":     asAudience(&q.to),
		"except": asExcept(&q.except),
		"sample": as(&q.sample, sampleForm),
	}
}

var sampleForm = fmt.Sprintf("a whole number from 0 to %d", maxSample)

// audience answers POST /v1/audience: how many connections match, on which nodes, and a sample of them.
func (a *API) audience(r *request) (any, error) {
	object, err := a.object(r)
	if err != nil {
		return nil, err
	}
	var asked question
	switch err := asked.fields().read(object); {
	case err != nil:
		return nil, err
	case asked.to.IsZero():
		return nil, missingTo()
	case asked.sample < 0 || asked.sample > maxSample:
		return nil, problem.New(problem.Invalid, "takes %s", sampleForm).At("sample")
	}
	to, err := asked.to.Without(asked.except)
	if err != nil {
		return nil, problem.At(err, "except")
	}
	q := scenecast.Query{To: to}
	if asked.sample > 0 {
		q.List = &scenecast.List{Limit: asked.sample}
	}
	reply, err := a.ask(r, q)
	if err != nil {
		return nil, err
	}
	answer := counted{Matched: reply.Tally.Matched, ByNode: reply.ByNode}
	if q.List != nil {
		answer.Sample = firstOf(reply.Connections, asked.sample)
	}
	return answer, nil
}

// listed is a page of connections.
type listed struct {
	Connections []scenecast.Connection `json:"connections"`
	Next        string                 `json:"next,omitempty"` // the parameter after of the next page; missing on the last
	Matched     int                    `json:"matched"`        // on all pages
}

// connections answers GET /v1/connections. The order is that of the IDs, which never changes, so whoever pages through
// sees every connection that was there all the while exactly once.
func (a *API) connections(r *request) (any, error) {
	to, err := r.params.audience()
	if err != nil {
		return nil, err
	}
	limit, err := r.params.limit()
	if err != nil {
		return nil, err
	}
	list := &scenecast.List{Limit: limit + 1} // one more tells whether there is a next page
	if after, ok := r.params["after"]; ok {
		if list.After, err = scenecast.ParseConnID(after); err != nil {
			return nil, problem.New(problem.Invalid, "%v", err).At("after")
		}
	}
	reply, err := a.ask(r, scenecast.Query{To: to, List: list})
	if err != nil {
		return nil, err
	}
	page := listed{Connections: firstOf(reply.Connections, limit), Matched: reply.Tally.Matched}
	if len(reply.Connections) > limit {
		page.Next = page.Connections[limit-1].ID.String()
	}
	return page, nil
}

// firstOf are the first n of a list; never nil, so that JSON has an array.
func firstOf(list []scenecast.Connection, n int) []scenecast.Connection {
	return append([]scenecast.Connection{}, list[:min(n, len(list))]...)
}

// connection answers GET /v1/connections/{id}.
func (a *API) connection(r *request) (any, error) {
	id, err := scenecast.ParseConnID(r.PathValue("id"))
	if err != nil {
		return nil, problem.New(problem.Invalid, "%v", err).At("id")
	}
	reply, err := a.ask(r, scenecast.Query{To: only(id), List: &scenecast.List{Limit: 1}})
	switch {
	case err != nil:
		return nil, err
	case len(reply.Connections) == 0:
		return nil, problem.New(problem.NotFound, "no connection %s is here now", id)
	}
	return reply.Connections[0], nil
}

// valued is the answer to a question for a label's values.
type valued struct {
	Key      string       `json:"key"`
	Values   []valueCount `json:"values"`
	Distinct int          `json:"distinct"` // values in all, listed or not
}

type valueCount struct {
	Value       string `json:"value"`
	Connections int    `json:"connections"`
}

// labels answers GET /v1/labels?key=page: the values, those with the most connections first.
func (a *API) labels(r *request) (any, error) {
	limit, err := r.params.limit()
	if err != nil {
		return nil, err
	}
	key := r.params["key"]
	if !label.ValidKey(key) {
		return nil, problem.New(problem.Invalid, "takes a label's key, as in ?key=page").At("key")
	}
	reply, err := a.ask(r, scenecast.Query{
		To: audience.Everybody(), Values: &scenecast.Values{Key: key},
	})
	if err != nil {
		return nil, err
	}
	answer := valued{Key: key, Values: []valueCount{}, Distinct: len(reply.Values)}
	for value, n := range reply.Values {
		answer.Values = append(answer.Values, valueCount{value, n})
	}
	slices.SortFunc(answer.Values, func(a, b valueCount) int {
		return cmp.Or(cmp.Compare(b.Connections, a.Connections), cmp.Compare(a.Value, b.Value))
	})
	answer.Values = answer.Values[:min(limit, len(answer.Values))]
	return answer, nil
}
