package access

import (
	"context"
	"errors"
	"slices"

	"scenecast"
	"scenecast/problem"
)

// HistoryBack reads the pushes that the caller may see and that are wanted, the newest first, and what has become of them. They are those ahead
// of before: the Next of another page or, of a caller who is not confined, any position. Empty: all. A page's Next is where the next one goes
// on; if there is no More, nothing older is kept.
func (e Engine) HistoryBack(ctx context.Context, c Caller, before string, limit int, wanted func(*scenecast.Push) bool) (page Page, err error) {
	if c.Confined() {
		page, err = e.confinedHistoryBack(ctx, c, before, limit, wanted)
	} else {
		page, err = e.historyBack(ctx, c, before, limit, wanted)
	}
	if err != nil || len(page.Pushes) == 0 {
		return page, err
	}
	if page.Known, err = e.Log.Records(ctx, page.Pushes); err != nil {
		return Page{}, err
	}
	for i, p := range page.Pushes {
		page.Pushes[i] = c.view(p)
	}
	return page, nil
}

func (e Engine) historyBack(ctx context.Context, c Caller, before string, limit int, wanted func(*scenecast.Push) bool) (page Page, err error) {
	var at scenecast.Position
	if before != "" {
		if at, err = scenecast.ParsePosition(before); err != nil {
			return Page{}, problem.New(problem.Invalid, "%v", err).At("before")
		}
		if at == (scenecast.Position{}) {
			return Page{}, problem.New(problem.Invalid, "%s is ahead of nothing: the newest page is that without it", before).At("before")
		}
	}
	page.Next = before
	if before == "" {
		page.Next = e.Log.Newest().String()
	}
	for seen := 0; ; {
		pushes, err := e.Log.Before(ctx, at, maxScan)
		var missing *scenecast.GapError
		switch {
		case errors.As(err, &missing) && page.Gap == "":
			page.Gap, at = missing.Reason, scenecast.Position{}
			page.Next = missing.Newest.String()
			continue
		case err != nil:
			return Page{}, err
		case len(pushes) == 0:
			return page, nil
		}
		for _, p := range pushes {
			if len(page.Pushes) == limit || seen == maxScan {
				page.More = true
				return page, nil
			}
			if p.App == c.App && wanted(p) {
				page.Pushes = append(page.Pushes, p)
			}
			at, page.Next = p.Position, p.Position.String()
			seen++
		}
	}
}

// confinedHistoryBack is HistoryBack of a confined caller, as confinedHistory is History. Behind a push that is not kept any more there is
// nothing older.
func (e Engine) confinedHistoryBack(ctx context.Context, c Caller, before string, limit int, wanted func(*scenecast.Push) bool) (Page, error) {
	if before != "" && !isCursor(before) {
		return Page{}, problem.New(problem.Invalid, "%.80q is none: it takes what next was in an answer to this API key", before).At("before")
	}
	own, err := e.ownPushes(ctx, c)
	if err != nil {
		return Page{}, err
	}
	page := Page{Next: before}
	switch {
	case before == "" && len(own) > 0:
		page.Next = cursorOf(own[len(own)-1])
	case before == "", before == Oldest:
		return Page{Next: Oldest}, nil
	default:
		i := len(own) - 1
		for i >= 0 && cursorOf(own[i]) != before {
			i--
		}
		own = own[:max(i, 0)]
	}
	for _, p := range slices.Backward(own) {
		if len(page.Pushes) == limit {
			page.More = true
			break
		}
		if wanted(p) {
			page.Pushes = append(page.Pushes, p)
		}
		page.Next = cursorOf(p)
	}
	return page, nil
}
