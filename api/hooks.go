package api

import (
	"time"

	"scenecast/hook"
	"scenecast/problem"
)

// hooksResponse is the answer to GET /v1/hooks.
type hooksResponse struct {
	Hooks []hookStatus `json:"hooks"`
}

// hookStatus is a hook that is told of events, as this node's queue for it stands.
type hookStatus struct {
	Name      string     `json:"name"`
	State     string     `json:"state"` // ok or failing
	Queued    int        `json:"queued"`
	Delivered int64      `json:"delivered"`
	Dropped   int64      `json:"dropped"`
	Failures  int64      `json:"failures"`
	LastError string     `json:"last_error,omitempty"`
	FailedAt  *time.Time `json:"failed_at,omitempty"`
	NextCall  *time.Time `json:"next_call,omitempty"`
}

// The states of a hook.
const (
	hookOK      = "ok"
	hookFailing = "failing"
)

// hooks answers GET /v1/hooks: how the hooks of the key's app stand on this node.
func (a *API) hooks(r *request) (any, error) {
	response := hooksResponse{Hooks: []hookStatus{}}
	for _, s := range a.o.Hooks(r.caller.App) {
		response.Hooks = append(response.Hooks, newHookStatus(s))
	}
	return response, nil
}

func newHookStatus(s hook.Stats) hookStatus {
	status := hookStatus{
		Name: s.Name, State: hookOK, Queued: s.Queued, Delivered: s.Delivered, Dropped: s.Dropped, Failures: s.Failures,
		LastError: s.LastError, FailedAt: timeOrNull(s.FailedAt), NextCall: timeOrNull(s.NextCall),
	}
	if s.Failing {
		status.State = hookFailing
	}
	return status
}

func timeOrNull(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	at = at.UTC().Truncate(time.Millisecond)
	return &at
}

// retryHook answers POST /v1/hooks/{name}/retry: if the hook has failed, it is called at once.
func (a *API) retryHook(r *request) (any, error) {
	name := r.PathValue("name")
	if !a.o.Retry(r.caller.App, name) {
		return nil, problem.New(problem.NotFound, "there is no hook named %.80q that is told of events", name)
	}
	return statusResponse{"ok"}, nil
}
