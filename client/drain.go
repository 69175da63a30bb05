package client

import (
	"context"
	"net/http"
	"time"
)

// DrainRequest says how a node is to be emptied of its pages. What is empty is as the server's settings say.
type DrainRequest struct {
	Delay  string `json:"delay,omitempty"`  // how long all but readiness goes on, as in 5s
	Within string `json:"within,omitempty"` // over how long pages are told to reconnect, then
}

// Drain is how the drain of a node stands. The times are zero where there is none.
type Drain struct {
	State       string    `json:"state"`       // serving: there is none; waiting, closing or drained
	Connections int       `json:"connections"` // pages that are there
	Before      int       `json:"before"`      // pages that were there when it began
	Since       time.Time `json:"since"`       // readiness is off
	From        time.Time `json:"from"`        // the first pages are told
	Until       time.Time `json:"until"`       // the last ones are told, at the latest
}

const drainPath = "/v1/drain"

// Drain empties the node that answers of its pages, while its process goes on. It returns at once; Draining tells how far that is. Of a node
// that drains already it tells the same. The key's scope must hold admin.
func (b *Backend) Drain(ctx context.Context, r DrainRequest) (d Drain, err error) {
	err = b.post(ctx, drainPath, r, &d)
	return d, err
}

// Draining returns how the drain of the node that answers stands; its State is serving where there is none. The key's scope must hold admin.
func (b *Backend) Draining(ctx context.Context) (d Drain, err error) {
	err = b.Call(ctx, http.MethodGet, drainPath, nil, &d)
	return d, err
}

// Undrain ends the drain of the node that answers: pages are let in again, and those that were told to reconnect are not called back. Without a
// drain it changes nothing. The key's scope must hold admin.
func (b *Backend) Undrain(ctx context.Context) (d Drain, err error) {
	err = b.Call(ctx, http.MethodDelete, drainPath, nil, &d)
	return d, err
}
