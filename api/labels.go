package api

import (
	"cmp"
	"slices"

	"scenecast"
	"scenecast/audience"
	"scenecast/label"
	"scenecast/problem"
)

// labelsResponse is the answer to GET /v1/labels.
type labelsResponse struct {
	Key      string       `json:"key,omitempty"`
	Values   []valueCount `json:"values,omitzero"` // of the key; left out where none was asked about
	Keys     []keyCount   `json:"keys,omitzero"`   // left out where one was asked about
	Distinct int          `json:"distinct"`        // values, or keys, in all, listed or not
	// Estimated: nodes have more of them than they can tell in one message. They have told those with the most connections, and distinct is about right.
	Estimated bool `json:"estimated,omitempty"`
	answered
}

type valueCount struct {
	Value       string `json:"value"`
	Connections int    `json:"connections"`
	AtMost      int    `json:"at_most,omitempty"` // it may have so many; left out: connections is exact
}

type keyCount struct {
	Key         string `json:"key"`
	Connections int    `json:"connections"`
	AtMost      int    `json:"at_most,omitempty"`
}

// newLabels is what a reply tells of the values of a key, or of keys, but for these.
func newLabels(reply scenecast.Reply) labelsResponse {
	r := labelsResponse{answered: answeredBy(reply)}
	r.Distinct, r.Estimated = reply.Distinct()
	return r
}

// atMost is how many connections a value or key may have that is told to have n; 0: no more.
func atMost(reply scenecast.Reply, name string, n int) int {
	if more := reply.More[name]; more > 0 {
		return n + more
	}
	return 0
}

// labels answers GET /v1/labels: the keys that the labels of an audience have, or, with ?key=page, the values of one; those with the most
// connections first.
func (a *API) labels(r *request) (any, error) {
	to, limit, err := r.params.chosen()
	if err != nil {
		return nil, err
	}
	key, ofOne := r.params["key"]
	if !ofOne {
		return a.labelKeys(r, to, limit)
	}
	if !label.ValidKey(key) {
		return nil, problem.New(problem.Invalid, "takes a label's key, as in ?key=page").At("key")
	}
	reply, err := a.ask(r, scenecast.Query{To: to, Values: &scenecast.Values{Key: key}})
	if err != nil {
		return nil, err
	}
	response := newLabels(reply)
	response.Key, response.Values = key, []valueCount{}
	for _, value := range mostFirst(reply.Values, limit) {
		n := reply.Values[value]
		response.Values = append(response.Values, valueCount{value, n, atMost(reply, value, n)})
	}
	return response, nil
}

// labelKeys answers GET /v1/labels without a key.
func (a *API) labelKeys(r *request, to audience.Expr, limit int) (any, error) {
	reply, err := a.ask(r, scenecast.Query{To: to, Keys: &scenecast.Keys{}})
	switch {
	case err != nil:
		return nil, err
	case reply.Keys == nil:
		return nil, problem.New(problem.Unavailable, "no node that has answered can list the keys of labels: they run an older version")
	}
	response := newLabels(reply)
	response.Keys = []keyCount{}
	for _, key := range mostFirst(reply.Keys, limit) {
		n := reply.Keys[key]
		response.Keys = append(response.Keys, keyCount{key, n, atMost(reply, key, n)})
	}
	return response, nil
}

// mostFirst are at most so many of the names that are counted: those with the most first, and equals in their own order.
func mostFirst(counts map[string]int, limit int) []string {
	names := make([]string, 0, len(counts))
	for name := range counts {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b)) })
	return names[:min(limit, len(names))]
}
