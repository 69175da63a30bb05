package api

import (
	"cmp"
	"slices"
	"time"

	"scenecast"
	"scenecast/audience"
	"scenecast/problem"
	"scenecast/series"
)

// defaultWindow is what GET /v1/stats tells of where the call does not say.
const defaultWindow = 15 * time.Minute

// statsResponse is the answer to GET /v1/stats.
type statsResponse struct {
	From   time.Time     `json:"from"` // when the first step begins
	StepMS int64         `json:"step_ms"`
	Series figures       `json:"series"`
	ByNode []nodeFigures `json:"by_node"`
	answered
}

// figures are those of successive steps. But for pages and pushes, they are of all apps, and for keys of the operator's app alone.
type figures struct {
	Pages      []int64 `json:"pages"` // at the end of the step; the others: within it
	Pushes     []int64 `json:"pushes"`
	Opened     []int64 `json:"opened,omitzero"`
	Closed     []int64 `json:"closed,omitzero"`
	Deliveries []int64 `json:"deliveries,omitzero"`
	Dropped    []int64 `json:"dropped,omitzero"`
}

// nodeFigures are those of one node, from when they are known.
type nodeFigures struct {
	Node   scenecast.NodeID `json:"node"`
	From   time.Time        `json:"from"`
	Series figures          `json:"series"`
}

// newFigures are those of all apps, or what is known of one.
func newFigures(s series.Series, all bool) figures {
	some := func(list []int64) []int64 { return append([]int64{}, list...) } // so that JSON has an array
	f := figures{Pages: some(s.Pages), Pushes: some(s.Pushes)}
	if all {
		f.Opened, f.Closed, f.Deliveries, f.Dropped = some(s.Opened), some(s.Closed), some(s.Deliveries), some(s.Dropped)
	}
	return f
}

// stats answers GET /v1/stats: what the nodes have done lately, for keys of the operator's app of all apps, and for others of theirs.
func (a *API) stats(r *request) (any, error) {
	window := defaultWindow
	if text, ok := r.params["window"]; ok {
		var err error
		if window, err = time.ParseDuration(text); err != nil || window < series.Step || window > series.MaxWindow {
			return nil, problem.New(problem.Invalid, `takes a length of time from "%v" to "%v", as in "15m"`, series.Step, series.MaxWindow).At("window")
		}
	}
	q := scenecast.Query{To: audience.Everybody(), Stats: &scenecast.Stats{
		All:   r.caller.App == scenecast.DefaultApp,
		UpTo:  series.Newest(time.Now()),
		Steps: int64(window / series.Step),
	}}
	reply, err := a.ask(r, q)
	if err != nil {
		return nil, err
	}
	if len(reply.Stats) == 0 {
		return nil, problem.New(problem.Unavailable, "no node that has answered keeps these figures: they run an older version")
	}
	slices.SortFunc(reply.Stats, func(a, b scenecast.NodeStats) int { return cmp.Compare(a.Node, b.Node) })
	response := statsResponse{StepMS: series.Step.Milliseconds(), ByNode: []nodeFigures{}, answered: answeredBy(reply)}
	var all []series.Series
	for _, s := range reply.Stats {
		all = append(all, s.Series)
		response.ByNode = append(response.ByNode, nodeFigures{s.Node, series.End(s.Series.From - 1), newFigures(s.Series, q.Stats.All)})
	}
	sum := series.Sum(all)
	if len(sum.Pages) == 0 { // no step has ended since they started
		sum.From = q.Stats.UpTo + 1
	}
	response.From, response.Series = series.End(sum.From-1), newFigures(sum, q.Stats.All)
	return response, nil
}
