package cluster

import (
	"net/netip"
	"time"

	"scenecast"
	"scenecast/audience"
	"scenecast/label"
)

// What nodes ask each other, and answer, as JSON: they may run other versions, so that fields are added and never changed.

// question is an ask as other nodes get it, as JSON: they may run another version.
type question struct {
	No       uint64             `json:"no"`
	Within   time.Duration      `json:"within"` // ns; a node that comes to it later drops it
	After    scenecast.Position `json:"after"`  // a node answers when it has read this far
	Nodes    []scenecast.NodeID `json:"nodes"`  // that are asked: those that have heard of the asker before, so that they can tell how old this is
	Query    *query             `json:"query,omitempty"`
	Fit      bool               `json:"fit,omitempty"`     // the asker reads in a reply what was left out of it; versions that do not say so take it for whole
	Position scenecast.Position `json:"position,omitzero"` // what has become of the push there

	// Positions are those of more pushes. Nodes of versions that do not know them answer as if they knew nothing of those.
	Positions []scenecast.Position `json:"positions,omitempty"`
}

// query is a scenecast.Query on its way.
type query struct {
	App        string       `json:"app"`
	To         string       `json:"to,omitempty"`
	List       *list        `json:"list,omitempty"`
	Relabel    label.Change `json:"relabel,omitempty"`
	Disconnect *disconnect  `json:"disconnect,omitempty"`
	Values     *string      `json:"values,omitempty"`
	Keys       *struct{}    `json:"keys,omitempty"`
	Scenes     *sceneCounts `json:"scenes,omitempty"`
	Stats      *stats       `json:"stats,omitempty"`
	Endings    *endings     `json:"endings,omitempty"`
}

// stats is a scenecast.Stats on its way.
type stats struct {
	All   bool  `json:"all,omitempty"`
	UpTo  int64 `json:"up_to"`
	Steps int64 `json:"steps"`
}

// sceneCounts is a scenecast.Scenes on its way.
type sceneCounts struct {
	By    []string `json:"by"`
	Limit int      `json:"limit"`
}

// endings is a scenecast.Endings on its way.
type endings struct {
	Page     string `json:"page"`
	Identity string `json:"identity"`
}

type list struct {
	After scenecast.ConnID `json:"after"`
	Limit int              `json:"limit"`

	From netip.Prefix `json:"from,omitzero"` // nodes of versions that do not know it list any; see isAnsweredBy

	Detail bool `json:"detail,omitempty"` // nodes of versions that do not know it list the connection alone
}

// disconnect is a scenecast.Disconnect on its way. The cause is not sent: it is always CauseDisconnected, whose number differs between
// versions.
type disconnect struct {
	Code   scenecast.CloseCode `json:"code"`
	Detail string              `json:"detail,omitempty"`
}

// answer is a node's answer.
type answer struct {
	No    uint64           `json:"no"`
	Reply *scenecast.Reply `json:"reply,omitempty"`
	Tally *tallied         `json:"tally,omitempty"`

	Tallies []tallied `json:"tallies,omitempty"` // of Positions
}

// tallied is what nodes know of a push.
type tallied struct {
	Found bool            `json:"found"`
	Whole bool            `json:"whole"` // it is the origin's, which has added up what all nodes have told
	Done  bool            `json:"done"`
	Tally scenecast.Tally `json:"tally"`
}

func newQuery(q scenecast.Query) *query {
	w := &query{App: q.App, To: q.To.String()}
	switch {
	case q.List != nil:
		w.List = &list{q.List.After, q.List.Limit, q.List.From, q.List.Detail}
	case q.Relabel != nil:
		w.Relabel = q.Relabel.Change
	case q.Disconnect != nil:
		w.Disconnect = &disconnect{q.Disconnect.Ending.Code, q.Disconnect.Ending.Detail}
	case q.Values != nil:
		w.Values = &q.Values.Key
	case q.Keys != nil:
		w.Keys = &struct{}{}
	case q.Scenes != nil:
		w.Scenes = &sceneCounts{q.Scenes.By, q.Scenes.Limit}
	case q.Stats != nil:
		w.Stats = &stats{q.Stats.All, q.Stats.UpTo, q.Stats.Steps}
	case q.Endings != nil:
		w.Endings = &endings{q.Endings.Page, q.Endings.Identity}
	}
	return w
}

// isAnsweredBy reports whether a reply is one to this kind of query: a node of a version that does not know it counts connections, or lists them
// from wherever they come, and its figures do not go with those of others. It counts as one that has not answered.
func (w *query) isAnsweredBy(r *scenecast.Reply) bool {
	switch {
	case w == nil:
		return true
	case w.Scenes != nil:
		return r.Scenes != nil
	case w.Stats != nil:
		return r.Stats != nil
	case w.Keys != nil:
		return r.Keys != nil
	case w.Endings != nil:
		return r.Endings != nil
	case w.List != nil && w.List.From.IsValid():
		return r.Filtered
	}
	return true
}

func (w *query) query() (q scenecast.Query, err error) {
	q.App = w.App
	if w.To != "" {
		if q.To, err = audience.Parse(w.To); err != nil {
			return q, err
		}
	}
	switch {
	case w.List != nil:
		q.List = &scenecast.List{After: w.List.After, Limit: w.List.Limit, From: w.List.From, Detail: w.List.Detail}
	case w.Relabel != nil:
		q.Relabel = &scenecast.Relabel{Change: w.Relabel}
	case w.Disconnect != nil:
		q.Disconnect = &scenecast.Disconnect{
			Ending: scenecast.Ending{Cause: scenecast.CauseDisconnected, Code: w.Disconnect.Code, Detail: w.Disconnect.Detail},
		}
	case w.Values != nil:
		q.Values = &scenecast.Values{Key: *w.Values}
	case w.Keys != nil:
		q.Keys = &scenecast.Keys{}
	case w.Scenes != nil:
		q.Scenes = &scenecast.Scenes{By: w.Scenes.By, Limit: w.Scenes.Limit}
	case w.Stats != nil:
		q.Stats = &scenecast.Stats{All: w.Stats.All, UpTo: w.Stats.UpTo, Steps: w.Stats.Steps}
	case w.Endings != nil:
		q.Endings = &scenecast.Endings{Page: w.Endings.Page, Identity: w.Endings.Identity}
	}
	return q, nil
}
