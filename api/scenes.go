package api

import (
	"slices"
	"strings"

	"scenecast"
	"scenecast/label"
	"scenecast/problem"
	"scenecast/scenes"
)

// scenesOfPages is the answer to GET /v1/scenes.
type scenesOfPages struct {
	By      []string     `json:"by"`
	Scenes  []sceneCount `json:"scenes"` // the largest first
	Rest    restOfScenes `json:"rest"`
	Matched int          `json:"matched"` // pages of the audience, each once
	answered
}

// sceneCount is a scene: pages that have these labels, of the keys that were asked for.
type sceneCount struct {
	Labels  label.Set `json:"labels"` // a key that the pages lack is missing
	Matched int       `json:"matched"`
	AtMost  int       `json:"at_most,omitempty"` // it may have so many; left out: matched is exact
	// Pushes is how many pushes there were in a minute that such a page can have matched; left out: that is not for the caller, or not known.
	Pushes *int `json:"pushes_per_minute,omitempty"`
}

// restOfScenes are the scenes that are not listed.
type restOfScenes struct {
	Scenes    int  `json:"scenes"`
	Matched   int  `json:"matched"`             // their pages, each in each of its scenes
	Estimated bool `json:"estimated,omitempty"` // scenes is, to about 3 % of all that there are
}

// scenes answers GET /v1/scenes?by=page,order: how many pages are in each scene.
func (a *API) scenes(r *request) (any, error) {
	to, limit, err := r.params.chosen()
	if err != nil {
		return nil, err
	}
	by, err := r.params.sceneKeys()
	if err != nil {
		return nil, err
	}
	// Each node tells of more than are asked for, so that what is among the largest of all is in the lists of all.
	reply, err := a.ask(r, scenecast.Query{To: to, Scenes: &scenecast.Scenes{By: by, Limit: max(2*limit, 200)}})
	if err != nil {
		return nil, err
	}
	counts := reply.Scenes
	if counts == nil {
		return nil, problem.New(problem.Unavailable, "no node that has answered can count scenes: they run an older version")
	}
	rates, err := a.rates.of(r, a.engine)
	if err != nil {
		return nil, r.inTime(err)
	}
	response := scenesOfPages{By: by, Scenes: []sceneCount{}, Matched: reply.Tally.Matched, answered: answeredBy(reply)}
	response.Rest.Matched = counts.Counted
	for _, s := range counts.Largest(limit) {
		scene := sceneCount{Labels: s.Labels, Matched: s.Matched, Pushes: rates.perMinute(by, s.Labels)}
		if s.More > 0 {
			scene.AtMost = s.Matched + s.More
		}
		response.Scenes = append(response.Scenes, scene)
		response.Rest.Matched -= s.Matched
	}
	distinct, estimated := counts.Distinct()
	response.Rest.Scenes, response.Rest.Estimated = distinct-len(response.Scenes), estimated
	return response, nil
}

// sceneKeys reads the parameter by.
func (p parameters) sceneKeys() ([]string, error) {
	text, ok := p["by"]
	if !ok {
		return nil, problem.New(problem.Invalid, "missing: say by which keys, as in ?by=page or ?by=page,order").At("by")
	}
	by := strings.Split(text, ",")
	for i, key := range by {
		switch {
		case len(by) > scenes.MaxKeys:
			return nil, problem.New(problem.Invalid, "has %d keys, and may have %d", len(by), scenes.MaxKeys).At("by")
		case !label.ValidKey(key):
			return nil, problem.New(problem.Invalid, "takes keys of labels, as in ?by=page,order; %.80q is none", key).At("by")
		case slices.Contains(by[:i], key):
			return nil, problem.New(problem.Invalid, "has the key %s twice", key).At("by")
		}
	}
	return by, nil
}
