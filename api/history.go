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
	Tally    *loggedTally    `json:"tally,omitempty"` // of one push that was asked for
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
	Next   string       `json:"next"`          // the parameter since of the next page, which may be empty as yet
	More   bool         `json:"more"`          // there is more in the log already
	Gap    *gap         `json:"gap,omitempty"` // something behind since is missing here
}

type gap struct {
	Reason string `json:"reason"`
}

// pushes answers GET /v1/pushes?to=…&since=…: a page of the log, oldest first.
func (a *API) pushes(r *request) (any, error) {
	wanted, err := r.params.pageFilter()
	if err != nil {
		return nil, err
	}
	limit, err := r.params.limit()
	if err != nil {
		return nil, err
	}
	since, ok := r.params["since"]
	if !ok {
		since = access.Oldest
	}
	page, err := a.engine.History(r.Context(), r.caller, since, limit, func(p *scenecast.Push) bool { return wanted(p.To) })
	if err != nil {
		return nil, r.inTime(err)
	}
	response := pushesResponse{Pushes: []loggedPush{}, Next: page.Next, More: page.More}
	for _, p := range page.Pushes {
		response.Pushes = append(response.Pushes, newLoggedPush(p))
	}
	if page.Gap != "" {
		response.Gap = &gap{string(page.Gap)}
	}
	return response, nil
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
