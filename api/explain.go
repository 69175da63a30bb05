package api

import (
	"encoding/json"

	"scenecast"
	"scenecast/audience"
	"scenecast/label"
	"scenecast/language"
	"scenecast/problem"
)

// explainRequest is the body of POST /v1/audience/explain.
type explainRequest struct {
	to, except audience.Expr
	connection *scenecast.ConnID // whose labels are looked at …
	labels     label.Change      // … or these
}

func (q *explainRequest) fields() fields {
	return fields{
		"to":         asAudience(&q.to),
		"except":     asExcept(&q.except),
		"connection": asConnection(&q.connection),
		"labels":     func(raw json.RawMessage) error { return json.Unmarshal(raw, &q.labels) },
	}
}

// asConnection reads the ID of a connection.
func asConnection(field **scenecast.ConnID) func(json.RawMessage) error {
	return func(raw json.RawMessage) error {
		var id scenecast.ConnID
		if raw[0] != '"' || json.Unmarshal(raw, &id) != nil {
			return problem.New(problem.Invalid, `takes the ID of a connection, as in "5203.1"`)
		}
		*field = &id
		return nil
	}
}

// explainResponse is the answer to POST /v1/audience/explain.
type explainResponse struct {
	Matches     bool                 `json:"matches"`
	Explanation audience.Explanation `json:"explanation"`
	Labels      label.Set            `json:"labels"` // that were looked at
	Nodes       int                  `json:"nodes,omitempty"`
	Known       int                  `json:"nodes_known,omitempty"` // missing, as Nodes is, where nobody was asked
}

// explain answers POST /v1/audience/explain: whether a connection, or one with some labels, is in an audience, and which part of that decides.
func (a *API) explain(r *request) (any, error) {
	object, err := a.object(r)
	if err != nil {
		return nil, err
	}
	var body explainRequest
	if err := body.fields().read(object); err != nil {
		return nil, err
	}
	switch {
	case body.to.IsZero():
		return nil, missingTo()
	case (body.connection == nil) == (body.labels == nil):
		return nil, problem.New(problem.Invalid, `takes one of connection, as in "5203.1", and labels, as in {"page":"home"}`)
	}
	to, err := body.to.Without(body.except)
	if err != nil {
		return nil, problem.At(err, "except")
	}
	var response explainResponse
	if body.connection != nil {
		reply, err := a.find(r, *body.connection)
		if err != nil {
			return nil, err
		}
		response.Labels, response.Nodes, response.Known = reply.Connections[0].Labels, reply.Tally.Nodes, reply.Known
	} else {
		response.Labels = label.Set{}.Apply(body.labels)
		if err := a.o.Rules(r.caller.App).Limits.Check(response.Labels); err != nil {
			return nil, problem.At(err, "labels")
		}
	}
	response.Explanation, err = r.caller.Explain(to, response.Labels, language.OfRequest(r.Request))
	if err != nil {
		return nil, err
	}
	response.Matches = response.Explanation.Matches
	speak(r.w, r.Request)
	return response, nil
}
