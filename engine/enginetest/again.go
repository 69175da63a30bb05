package enginetest

import (
	"context"
	"errors"
	"time"

	"scenecast"
)

// PublishAgain publishes, and waits for what became of it, as a backend does: where nothing was published, it tries again, as ErrUnavailable
// says. On a machine that is busy for a second the log may have no leader for a moment.
func PublishAgain(ctx context.Context, e scenecast.Engine, p scenecast.Push) (scenecast.Published, error) {
	return again(ctx, func(ctx context.Context) (scenecast.Published, error) { return publishAndWait(ctx, e, p) })
}

// askAgain asks likewise.
func askAgain(ctx context.Context, e scenecast.Engine, q scenecast.Query) (scenecast.Reply, error) {
	return again(ctx, func(ctx context.Context) (scenecast.Reply, error) { return e.Ask(ctx, q) })
}

func again[Answer any](ctx context.Context, call func(context.Context) (Answer, error)) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		answer, err := call(ctx)
		if !errors.Is(err, scenecast.ErrUnavailable) || ctx.Err() != nil {
			return answer, err
		}
		select {
		case <-ctx.Done():
		case <-time.After(10 * time.Millisecond): // and leaves the machine to those who elect one
		}
	}
}
