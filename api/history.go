package api

import (
	"encoding/json"
	"time"

	"scenecast"
	"scenecast/access"
	"scenecast/audience"
	"scenecast/label"
	"scenecast/problem"
)

// loggedPush is a push in the log.
type loggedPush struct {
	ID       string          `json:"id"`
	Position string          `json:"position,omitempty"` // not for a caller who is confined
	At       time.Time       `json:"at"`
	To       string          `json:"to"` // without those that were excepted
	Event    string          `json:"event,omitempty"`
	Message  json.RawMessage `json:"message"`
	TTL      string          `json:"ttl,omitempty"`
	Coalesce string          `json:"coalesce,omitempty"`
	Retain   string          `json:"retain,omitempty"`
	Receipt  string          `json:"receipt"`
	Tally    *loggedTally    `json:"tally,omitempty"` // of one push that was asked for, and of the newest
}

// loggedTally is what has become of a push by now.
type loggedTally struct {
	tally
	Done bool `json:"done"` // its receipt is in, or its timeout has passed; late acknowledgements are still counted
}

func newLoggedPush(p *scenecast.Push) loggedPush {
	l := loggedPush{
		ID:       p.ID,
		Position: positionText(p.Position),
		At:       p.At.UTC().Truncate(time.Millisecond),
		To:       p.To.String(),
		Event:    p.Message.Event,
		Message:  p.Message.Data,
		Coalesce: p.Coalesce,
		Retain:   p.Retain,
		Receipt:  p.Receipt.String(),
	}
	if p.TTL > 0 {
		l.TTL = p.TTL.String()
	}
	return l
}

// pushByID answers GET /v1/pushes/{id}.
func (a *API) pushByID(r *request) (any, error) {
	id := r.PathValue("id")
	record, ok, err := a.engine.Lookup(r.Context(), r.caller, id)
	switch {
	case err != nil:
		return nil, r.inTime(err)
	case !ok:
		return nil, problem.New(problem.NotFound, "no push %.80q is kept any more, or ever was", id).DecidedBy(settingHistory)
	}
	response := newLoggedPush(record.Push)
	response.Tally = &loggedTally{newTally(record.Push.Receipt, record.Tally, record.Known), record.Done}
	return response, nil
}

// settingHistory decides how long pushes are kept.
const settingHistory = "history"

// pushesResponse is a page of the log.
type pushesResponse struct {
	Pushes []loggedPush `json:"pushes"`
	Next   string       `json:"next"`          // the parameter since, or before, of the next page, which may be empty as yet
	More   bool         `json:"more"`          // there is more in the log already
	Gap    *gap         `json:"gap,omitempty"` // something behind since is missing here
}

type gap struct {
	Reason string `json:"reason"`
}

// The orders of a page of the log.
const (
	oldestFirst = "asc"
	newestFirst = "desc"
)

// pushes answers GET /v1/pushes: a page of the log, the oldest first, or the newest first with what has become of each.
func (a *API) pushes(r *request) (any, error) {
	limit, err := r.params.limit()
	if err != nil {
		return nil, err
	}
	back, err := r.params.newestFirst()
	if err != nil {
		return nil, err
	}
	matches, err := a.pageFilter(r)
	if err != nil {
		return nil, err
	}
	wanted := func(p *scenecast.Push) bool { return matches(p.To) }
	var page access.Page
	if back {
		page, err = a.engine.HistoryBack(r.Context(), r.caller, r.params["before"], limit, wanted)
	} else {
		since, given := r.params["since"]
		if !given {
			since = access.Oldest
		}
		page, err = a.engine.History(r.Context(), r.caller, since, limit, wanted)
	}
	if err != nil {
		return nil, r.inTime(err)
	}
	response := pushesResponse{Pushes: []loggedPush{}, Next: page.Next, More: page.More}
	for i, p := range page.Pushes {
		l := newLoggedPush(p)
		if back {
			of := page.Known[i]
			l.Tally = &loggedTally{newTally(p.Receipt, of.Tally, of.Known), of.Done}
		}
		response.Pushes = append(response.Pushes, l)
	}
	if page.Gap != "" {
		response.Gap = &gap{string(page.Gap)}
	}
	return response, nil
}

// newestFirst reads in which order pushes are wanted. Each order has its own parameter that says where a page begins.
func (p parameters) newestFirst() (bool, error) {
	order, given := p["order"]
	if given && order != oldestFirst && order != newestFirst {
		return false, problem.New(problem.Invalid, "takes %s, the oldest first, or %s, the newest first", oldestFirst, newestFirst).At("order")
	}
	back := order == newestFirst
	if _, before := p["before"]; before && !back {
		return false, problem.New(problem.Invalid, "goes with order=%s; the oldest first, it is since", newestFirst).At("before")
	}
	if text, before := p["before"]; before && text == "" {
		return false, problem.New(problem.Invalid, "is empty; the newest page is that without it").At("before")
	}
	if _, since := p["since"]; since && back {
		return false, problem.New(problem.Invalid, "goes with order=%s; the newest first, it is before", oldestFirst).At("since")
	}
	return back, nil
}

// pageFilter reads of which page the pushes are wanted: a connection, with the labels that it has now, or a page with the labels of the parameter
// to. It returns a function that reports whether that page is in an audience.
func (a *API) pageFilter(r *request) (func(audience.Expr) bool, error) {
	text, given := r.params["connection"]
	if !given {
		return r.params.pageFilter()
	}
	if _, both := r.params["to"]; both {
		return nil, problem.New(problem.Invalid, "takes the place of to: one of the two").At("connection")
	}
	id, err := scenecast.ParseConnID(text)
	if err != nil {
		return nil, problem.New(problem.Invalid, "%v", err).At("connection")
	}
	reply, err := a.find(r, id)
	if err != nil {
		return nil, err
	}
	return func(to audience.Expr) bool { return to.Match(reply.Connections[0].Labels) }, nil
}

// pageFilter reads the parameter to as the labels of a page, and returns a function that reports whether such a page is in an
// audience. Left out, every audience will do.
func (p parameters) pageFilter() (func(audience.Expr) bool, error) {
	text, ok := p["to"]
	if !ok {
		return func(audience.Expr) bool { return true }, nil
	}
	e, err := parseAudience(text)
	if err != nil {
		return nil, problem.At(err, "to")
	}
	root := e.Root()
	parts := []audience.Node{root}
	if root.Op == audience.OpAnd {
		parts = root.Children
	}
	var labels []label.Label
	for _, n := range parts {
		if n.Op != audience.OpIn || len(n.Values) != 1 {
			return nil, problem.New(problem.Invalid,
				`takes all labels of one page, as in page == "home" && user == "42" or {"page":"home","user":"42"}, and no other audience`).At("to")
		}
		labels = append(labels, label.Label{Key: n.Key, Value: n.Values[0]})
	}
	set := label.New(labels...)
	return func(to audience.Expr) bool { return to.Match(set) }, nil
}
