package scenecast

import (
	"cmp"
	"encoding/json"
	"slices"

	"scenecast/problem"
	"scenecast/scenes"
)

// Left is what a node has left out of Values or Keys, because its answer has to go through the engine: those with the fewest connections.
type Left struct {
	Unlisted int           `json:"unlisted"` // how many connections one has that is left out, at most
	Sketch   scenes.Sketch `json:"sketch"`   // of all, told or not
}

// What JSON has besides a name or the labels of a connection, at most.
const (
	countBytes      = len(`:1000000000,`)
	connectionBytes = len(`{"id":"18446744073709551615.18446744073709551615","labels":},`)
)

// Fit leaves out what would make the JSON of the reply of one node longer than about so many bytes, and says in the reply what that is: of Values
// and Keys those with the fewest connections, of Connections the last ones, of Scenes the smallest. A first connection stays, however long.
func (r *Reply) Fit(bytes int) {
	r.Values = r.fitNames(r.Values, bytes)
	r.Keys = r.fitNames(r.Keys, bytes)
	if r.Scenes != nil {
		r.Scenes.Fit(bytes)
	}
	for i, c := range r.Connections {
		if bytes -= jsonSize(c.Labels) + connectionBytes; bytes < 0 && i > 0 {
			r.Connections, r.Through = r.Connections[:i], r.Connections[i-1].ID
			break
		}
	}
}

func jsonSize(v any) int {
	b, _ := json.Marshal(v) // of texts, which does not fail
	return len(b)
}

// fitNames are the most frequent of the names, with no more bytes than these.
func (r *Reply) fitNames(counts map[string]int, bytes int) map[string]int {
	names := make([]string, 0, len(counts))
	total := 0
	for name := range counts {
		names = append(names, name)
		total += jsonSize(name) + countBytes
	}
	if total <= bytes {
		return counts
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b)) })
	fitting := make(map[string]int)
	r.Left = &Left{Sketch: scenes.NewSketch()}
	for _, name := range names {
		r.Left.Sketch.Add(name)
		if bytes -= jsonSize(name) + countBytes; bytes < 0 {
			r.Left.Unlisted = max(r.Left.Unlisted, counts[name])
		} else {
			fitting[name] = counts[name]
		}
	}
	return fitting
}

// names are the Values, or the Keys.
func (r *Reply) names() map[string]int {
	if r.Values != nil {
		return r.Values
	}
	return r.Keys
}

// addLeft adds what another reply has left out, before its Values and Keys are added.
func (r *Reply) addLeft(other *Reply) {
	if r.Left == nil && other.Left == nil {
		return
	}
	left := &Left{Sketch: scenes.NewSketch()}
	more := addCounts(addCounts(make(map[string]int), r.More), other.More)
	for _, side := range [][2]*Reply{{r, other}, {other, r}} {
		of, in := side[0], side[1]
		if of.Left == nil {
			for name := range of.names() {
				left.Sketch.Add(name)
			}
			continue
		}
		left.Unlisted += of.Left.Unlisted
		left.Sketch.Merge(of.Left.Sketch)
		listed := of.names()
		for name := range in.names() {
			if _, ok := listed[name]; !ok {
				more[name] += of.Left.Unlisted
			}
		}
	}
	r.Left, r.More = left, more
}

// Distinct is how many Values or Keys there are, told or not, and whether that is estimated.
func (r *Reply) Distinct() (n int, estimated bool) {
	if r.Left == nil {
		return len(r.names()), false
	}
	return max(len(r.names()), r.Left.Sketch.Estimate()), true
}

// CheckWhole returns a problem where Values or Keys were left out, for whoever needs all of them.
func (r *Reply) CheckWhole() error {
	if r.Left == nil {
		return nil
	}
	n, _ := r.Distinct()
	return problem.New(problem.Unavailable, "about %d values are more than a node can tell others in one message; with NATS, max_payload decides how long one may be", n)
}

// addConnections adds the list of another reply. Behind where one of them was cut there may be connections that are not told, so that
// the sum ends there as well.
func (r *Reply) addConnections(other *Reply) {
	r.Connections = mergeConnections(r.Connections, other.Connections)
	if r.Through == (ConnID{}) || other.Through != (ConnID{}) && other.Through.Compare(r.Through) < 0 {
		r.Through = other.Through
	}
	if r.Through == (ConnID{}) {
		return
	}
	end, found := slices.BinarySearchFunc(r.Connections, r.Through, func(c Connection, id ConnID) int { return c.ID.Compare(id) })
	if found {
		end++
	}
	r.Connections = r.Connections[:end]
}
