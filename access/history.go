package access

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"scenecast"
	"scenecast/problem"
)

// Page is a part of the log, in its order or the other way round.
type Page struct {
	Pushes []*scenecast.Push
	Known  []scenecast.Record // of HistoryBack: what has become of each of Pushes
	Next   string             // where the next page goes on, which may be empty as yet
	More   bool               // there is more in the log already
	Gap    scenecast.Gap      // why something behind since is missing here; empty: nothing is
}

// maxScan bounds how many pushes of all apps one call looks at: of a page whose pushes are rare, a page of the answer may be
// empty, and say that there is more. It does not hold for a confined caller, who would learn by it that others push: what they all push
// is bounded by the log.
const maxScan = 10_000 // as docs/api.md says

// Oldest is where History begins with the oldest push that is kept.
const Oldest = "0-0"

// History reads the pushes that the caller may see and that are wanted, behind since: Oldest, or the Next of another page, or, of a
// caller who is not confined, any position.
func (e Engine) History(ctx context.Context, c Caller, since string, limit int, wanted func(*scenecast.Push) bool) (Page, error) {
	if c.Confined() {
		return e.confinedHistory(ctx, c, since, limit, wanted)
	}
	at, err := scenecast.ParsePosition(since)
	if err != nil {
		return Page{}, problem.New(problem.Invalid, "%v", err).At("since")
	}
	newest := e.Log.Newest() // before reading: what comes later is behind it
	var page Page
	for seen := 0; ; {
		pushes, err := e.Log.After(ctx, at, maxScan)
		var missing *scenecast.GapError
		switch {
		case errors.As(err, &missing) && page.Gap == "":
			// What there is, is told as well. It begins with the oldest that is kept.
			page.Gap, at = missing.Reason, scenecast.Position{}
			continue
		case err != nil:
			return Page{}, err
		case len(pushes) == 0:
			if at == (scenecast.Position{}) { // nothing is kept
				at = newest
			}
			page.Next = at.String()
			return page, nil
		}
		for _, p := range pushes {
			if len(page.Pushes) == limit || seen == maxScan {
				page.Next, page.More = at.String(), true
				return page, nil
			}
			if p.App == c.App && wanted(p) {
				page.Pushes = append(page.Pushes, p)
			}
			at = p.Position
			seen++
		}
	}
}

// confinedHistory is History of a confined caller. Where it goes on is not said by a position, which counts the pushes of others too,
// but by the last of the caller's own pushes. One that is not kept any more is a gap.
func (e Engine) confinedHistory(ctx context.Context, c Caller, since string, limit int, wanted func(*scenecast.Push) bool) (Page, error) {
	if !isCursor(since) {
		return Page{}, problem.New(problem.Invalid, "%.80q is none: it takes what next was in an answer to this API key", since).At("since")
	}
	own, err := e.ownPushes(ctx, c)
	if err != nil {
		return Page{}, err
	}
	page := Page{Next: since}
	if since != Oldest {
		i := len(own) - 1
		for i >= 0 && cursorOf(own[i]) != since {
			i--
		}
		if i < 0 {
			page.Gap, page.Next = scenecast.GapRetention, Oldest // told once, also where nothing is kept
		}
		own = own[i+1:]
	}
	for _, p := range own {
		if len(page.Pushes) == limit {
			page.More = true
			break
		}
		if wanted(p) {
			page.Pushes = append(page.Pushes, c.view(p))
		}
		page.Next = cursorOf(p)
	}
	return page, nil
}

// ownPushes are all pushes in the log that a confined caller may see.
func (e Engine) ownPushes(ctx context.Context, c Caller) (own []*scenecast.Push, err error) {
	var at scenecast.Position
	for {
		pushes, err := e.Log.After(ctx, at, maxScan)
		var missing *scenecast.GapError
		switch {
		case errors.As(err, &missing):
			own, at = nil, scenecast.Position{} // the log went by faster than it was read: from its beginning
		case err != nil:
			return nil, err
		case len(pushes) == 0:
			return own, nil
		}
		for _, p := range pushes {
			if p.App == c.App && p.Confinement == c.confinement() {
				own = append(own, p)
			}
			at = p.Position
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
}

// view is a push as the caller sees it.
func (c Caller) view(p *scenecast.Push) *scenecast.Push {
	if !c.Confined() {
		return p
	}
	v := *p
	v.Position = scenecast.Position{}
	return &v
}

// cursorOf names a push among those of a confined caller: when it was published, and its ID, which the caller may have given twice.
func cursorOf(p *scenecast.Push) string { return strconv.FormatInt(p.At.UnixNano(), 36) + "-" + p.ID }

func isCursor(text string) bool {
	at, id, ok := strings.Cut(text, "-")
	n, err := strconv.ParseInt(at, 36, 64)
	return ok && err == nil && id != "" && time.Unix(0, n).UnixNano() == n
}
