package api

import (
	"context"
	"encoding/json"
	"time"

	"scenecast/problem"
)

// MaxDrain bounds each of the two times of a DrainRequest.
const MaxDrain = 24 * time.Hour

// DrainRequest says how a node is to be emptied. What is nil is as on SIGTERM.
type DrainRequest struct {
	Delay  *time.Duration // how long all but readiness goes on; nil: drain_delay
	Within *time.Duration // over how long pages are told to reconnect, then; nil: half of drain
}

// DrainState is how far a node has come.
type DrainState string

// The states of a drain, in their order.
const (
	DrainServing DrainState = "serving" // there is none
	DrainWaiting DrainState = "waiting" // readiness is off, and all else goes on
	DrainClosing DrainState = "closing" // pages are told to reconnect, and refused
	DrainDrained DrainState = "drained" // no page is left; pages are refused
)

// Drain is how the drain of a node stands, and the answer to the calls about it.
type Drain struct {
	State       DrainState `json:"state"`
	Connections int        `json:"connections"`     // pages that are here
	Before      int        `json:"before"`          // pages that were here when it began; 0 without one
	Since       *time.Time `json:"since,omitempty"` // readiness is off
	From        *time.Time `json:"from,omitempty"`  // pages are told
	Until       *time.Time `json:"until,omitempty"` // the last one is told; earlier where there are few
}

// Drainer empties this node of its pages while its process goes on.
type Drainer interface {
	// Drain begins, or tells of the drain that is under way.
	Drain(ctx context.Context, r DrainRequest) (Drain, error)
	Draining() Drain
	// Undrain ends a drain: the node takes pages again.
	Undrain() (Drain, error)
}

func (d *DrainRequest) fields() fields {
	return fields{
		"delay":  asPeriod(&d.Delay),
		"within": asPeriod(&d.Within),
	}
}

// asPeriod reads a length of time that may be zero.
func asPeriod(field **time.Duration) func(json.RawMessage) error {
	return func(raw json.RawMessage) error {
		var text string
		if json.Unmarshal(raw, &text) == nil {
			if d, err := time.ParseDuration(text); err == nil && d >= 0 && d <= MaxDrain {
				*field = &d
				return nil
			}
		}
		return problem.New(problem.Invalid, `takes a length of time from "0s" to "24h", as in "10s"`)
	}
}

// drain answers POST /v1/drain. It concerns this node alone, and all apps.
func (a *API) drain(r *request) (any, error) {
	object, err := a.object(r)
	if err != nil {
		return nil, err
	}
	var d DrainRequest
	if err := d.fields().read(object); err != nil {
		return nil, err
	}
	return told(r)(a.o.Drainer.Drain(r.Context(), d))
}

// draining answers GET /v1/drain.
func (a *API) draining(*request) (any, error) { return a.o.Drainer.Draining(), nil }

// undrain answers DELETE /v1/drain.
func (a *API) undrain(r *request) (any, error) { return told(r)(a.o.Drainer.Undrain()) }

// told has the audit tell what became of a drain.
func told(r *request) func(Drain, error) (any, error) {
	return func(d Drain, err error) (any, error) {
		if err != nil {
			return nil, err
		}
		r.audit = append(r.audit, "state", d.State, "connections", d.Connections)
		return d, nil
	}
}
