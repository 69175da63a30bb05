package push_test

import (
	"context"
	"testing"

	"scenecast"
	"scenecast/access"
	"scenecast/audience"
)

// engine takes everything, and says that it reached some pages.
type engine struct {
	scenecast.Log
	published []scenecast.Push
	counted   []string
	err       error
}

var tally = scenecast.Tally{Matched: 3, Queued: 2, Dropped: 1, Nodes: 1}

func (e *engine) Submit(p scenecast.Push) (scenecast.Pending, error) {
	e.published = append(e.published, p)
	if e.err != nil {
		return nil, e.err
	}
	return ended{ID: p.ID, Position: scenecast.Position{Epoch: 1, Seq: uint64(len(e.published))}, Tally: tally, Known: 3}, nil
}

// ended is a push of which everything is known.
type ended scenecast.Published

// Wait implements scenecast.Pending.
func (p ended) Wait(context.Context) (scenecast.Published, error) { return scenecast.Published(p), nil }

// WaitQueued implements scenecast.Pending.
func (p ended) WaitQueued(context.Context) error { return nil }

// shop is the program itself, in the app of most tests.
var shop = access.Caller{App: "shop"}

func (e *engine) Ask(_ context.Context, q scenecast.Query) (scenecast.Reply, error) {
	e.counted = append(e.counted, q.App+": "+q.To.String())
	return scenecast.Reply{Tally: scenecast.Tally{Matched: 5, Nodes: 2}, Known: 3}, e.err
}

func (e *engine) Close() error { return nil }

func parse(t *testing.T, text string) audience.Expr {
	t.Helper()
	to, err := audience.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return to
}
