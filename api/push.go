package api

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"

	"scenecast/audience"
	"scenecast/problem"
	"scenecast/push"
)

// pushed is the answer to a push.
type pushed struct {
	ID       string `json:"id,omitempty"`
	Position string `json:"position,omitempty"`
	Matched  int    `json:"matched"`
	Queued   int    `json:"queued"`
	Dropped  int    `json:"dropped"`
	Nodes    int    `json:"nodes"`
	DryRun   bool   `json:"dry_run,omitempty"`
}

func newPushed(r push.Result) pushed {
	p := pushed{
		ID:      r.ID,
		Matched: r.Tally.Matched,
		Queued:  r.Tally.Queued,
		Dropped: r.Tally.Dropped,
		Nodes:   r.Tally.Nodes,
		DryRun:  r.ID == "",
	}
	if !p.DryRun {
		p.Position = r.Position.String()
	}
	return p
}

// push answers POST /v1/push.
func (a *API) push(w http.ResponseWriter, r *http.Request) (any, error) {
	body, err := a.readObject(w, r)
	if err != nil {
		return nil, err
	}
	request, err := parsePush(body)
	if err != nil {
		return nil, err
	}
	result, err := a.o.Pusher.Push(r.Context(), a.o.App, request)
	if err != nil {
		return nil, err
	}
	return newPushed(result), nil
}

func parsePush(body map[string]json.RawMessage) (r push.Request, err error) {
	for _, field := range slices.Sorted(maps.Keys(body)) { // sorted, so that of two mistakes the same is told every time
		raw := body[field]
		switch field {
		case "to":
			r.To, err = audience.ParseJSON(raw)
		case "message":
			r.Message = raw
		case "dry_run":
			if string(raw) != "true" && string(raw) != "false" {
				err = problem.New(problem.Invalid, "takes true or false")
			}
			r.DryRun = string(raw) == "true"
		default:
			err = problem.New(problem.Invalid, "unknown field: a push takes to, message and dry_run")
		}
		if err != nil {
			return r, problem.At(err, field)
		}
	}
	return r, nil
}

// trigger answers POST /v1/triggers/{name}: the body is an object of parameters, or empty.
func (a *API) trigger(w http.ResponseWriter, r *http.Request) (any, error) {
	params, err := a.readObject(w, r)
	if err != nil {
		return nil, err
	}
	result, err := a.o.Pusher.Trigger(r.Context(), a.o.App, r.PathValue("name"), push.JSONArgs(params))
	if err != nil {
		return nil, err
	}
	return newPushed(result), nil
}

func (a *API) health(http.ResponseWriter, *http.Request) (any, error) {
	return map[string]string{"status": "ok"}, nil
}

func (a *API) ready(_ http.ResponseWriter, r *http.Request) (any, error) {
	if err := a.o.Ready(r.Context()); err != nil {
		return nil, problem.New(problem.Unavailable, "%v", err)
	}
	return map[string]string{"status": "ready"}, nil
}
