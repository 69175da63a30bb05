package api

import (
	"encoding/json"
	"errors"
	"time"

	"scenecast"
	"scenecast/audience"
	"scenecast/label"
	"scenecast/problem"
)

// loggedPush is a push in the log.
type loggedPush struct {
	ID       string          `json:"id"`
	Position string          `json:"position"`
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
		Position: p.Position.String(),
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
	record, ok, err := a.o.Log.Lookup(r.Context(), r.caller.App, id)
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

// maxScan bounds how many pushes of all apps one call looks at: of a page whose pushes are rare, a page of the answer may be
// empty, and say that there is more.
const maxScan = 10_000 // as docs/api.md says

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
	var since scenecast.Position
	if text, ok := r.params["since"]; ok {
		if since, err = scenecast.ParsePosition(text); err != nil {
			return nil, problem.New(problem.Invalid, "%v", err).At("since")
		}
	}
	s := scan{page: pushesResponse{Pushes: []loggedPush{}}, app: r.caller.App, wanted: wanted, limit: limit}
	if err := s.run(r, a.o.Log, since); err != nil {
		return nil, r.inTime(err)
	}
	return s.page, nil
}

// scan reads the log until a page is full.
type scan struct {
	page   pushesResponse
	app    string
	wanted func(to audience.Expr) bool
	limit  int
}

func (s *scan) run(r *request, log scenecast.Log, at scenecast.Position) error {
	newest := log.Newest() // before reading: what comes later is behind it
	for seen := 0; ; {
		pushes, err := log.After(r.Context(), at, maxScan)
		var missing *scenecast.GapError
		switch {
		case errors.As(err, &missing) && s.page.Gap == nil:
			// What there is, is told as well. It begins with the oldest that is kept.
			s.page.Gap, at = &gap{string(missing.Reason)}, scenecast.Position{}
			continue
		case err != nil:
			return err
		case len(pushes) == 0:
			if at == (scenecast.Position{}) { // nothing is kept
				at = newest
			}
			s.page.Next = at.String()
			return nil
		}
		for _, p := range pushes {
			if len(s.page.Pushes) == s.limit || seen == maxScan {
				s.page.Next, s.page.More = at.String(), true
				return nil
			}
			if p.App == s.app && s.wanted(p.To) {
				s.page.Pushes = append(s.page.Pushes, newLoggedPush(p))
			}
			at = p.Position
			seen++
		}
	}
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
