package access

import (
	"context"
	"errors"
	"time"

	"scenecast"
)

// maxRecent bounds how many pushes of all apps Recent looks at.
const maxRecent = 1000

// Recent reads what was pushed within the window in the caller's app, the oldest first. Where more than 1,000 were, of all apps, it reads the
// newest 1,000, and the window that it returns is what these are of. 0: the caller is confined, and learns nothing of how much others push.
func (e Engine) Recent(ctx context.Context, c Caller, window time.Duration) ([]*scenecast.Push, time.Duration, error) {
	if c.Confined() {
		return nil, 0, nil
	}
	now, newest := time.Now(), e.Log.Newest()
	begin, err := firstPosition(newest, 0, func(at scenecast.Position) (bool, error) {
		next, err := e.Log.After(ctx, at, 1)
		return err == nil && (len(next) == 0 || !next[0].At.Before(now.Add(-window))), err
	})
	if err != nil {
		return nil, 0, err
	}
	pushes, err := e.few(ctx, begin)
	if len(pushes) > maxRecent {
		begin, err = firstPosition(newest, begin.Seq, func(at scenecast.Position) (bool, error) {
			pushes, err := e.few(ctx, at)
			return len(pushes) <= maxRecent, err
		})
		if err == nil {
			pushes, err = e.few(ctx, begin)
		}
		if len(pushes) > maxRecent { // some have come meanwhile
			pushes = pushes[len(pushes)-maxRecent:]
		}
		if len(pushes) > 0 {
			window = max(time.Millisecond, min(window, now.Sub(pushes[0].At)))
		}
	}
	own := pushes[:0]
	for _, p := range pushes {
		if p.App == c.App {
			own = append(own, p)
		}
	}
	return own, window, err
}

// firstPosition is the first position that is good, behind which all are, up to the end. Positions rise with time, and need not be dense.
// Whatever the log does not have is not good.
func firstPosition(end scenecast.Position, first uint64, good func(scenecast.Position) (bool, error)) (scenecast.Position, error) {
	at := end
	for first < at.Seq {
		middle := scenecast.Position{Epoch: end.Epoch, Seq: first + (at.Seq-first)/2}
		ok, err := good(middle)
		switch {
		case err != nil && !isGap(err):
			return at, err
		case err != nil || !ok:
			first = middle.Seq + 1
		default:
			at = middle
		}
	}
	return at, nil
}

// few reads what is behind a position, and not much more than maxRecent of it.
func (e Engine) few(ctx context.Context, at scenecast.Position) (pushes []*scenecast.Push, err error) {
	for len(pushes) <= maxRecent {
		more, err := e.Log.After(ctx, at, maxRecent+1-len(pushes))
		if err != nil || len(more) == 0 {
			if isGap(err) && len(pushes) > 0 { // the log goes by faster than it is read
				err = nil
			}
			return pushes, err
		}
		pushes = append(pushes, more...)
		at = more[len(more)-1].Position
	}
	return pushes, ctx.Err()
}

func isGap(err error) bool {
	var gap *scenecast.GapError
	return errors.As(err, &gap)
}
