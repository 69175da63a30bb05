package scenes

import (
	"cmp"
	"encoding/json"
	"slices"

	"scenecast/label"
)

// Counts are how many connections the scenes of a node have, or of several. Its JSON is what nodes tell each other.
type Counts struct {
	By     []string `json:"by"` // the keys
	Scenes []Scene  `json:"scenes,omitempty"`
	// Counted is how many connections all scenes have, listed or not: each one counts in each of its scenes.
	Counted int `json:"counted"`
	// Unlisted is how many connections a scene may have that is not listed. 0: there is none.
	Unlisted int `json:"unlisted,omitempty"`
	// Total is how many scenes there are; 0: Sketch tells it, about.
	Total int `json:"total,omitempty"`
	// Sketch is of all scenes. Empty: those that are listed are all.
	Sketch Sketch `json:"sketch,omitempty"`
}

// Scene is how many connections a scene has.
type Scene struct {
	Labels  label.Set `json:"labels"`
	Matched int       `json:"matched"`
	More    int       `json:"more,omitempty"` // it may have so many more
}

// Add adds the counts of another node, of the same keys.
func (c *Counts) Add(other *Counts) {
	at := make(map[string]int, len(c.Scenes))
	for i, s := range c.Scenes {
		at[nameOf(c.By, s.Labels)] = i
	}
	c.Sketch = c.both(other)
	found := make([]bool, len(c.Scenes))
	for _, s := range other.Scenes {
		if i, ok := at[nameOf(c.By, s.Labels)]; ok {
			c.Scenes[i].Matched += s.Matched
			c.Scenes[i].More += s.More
			found[i] = true
		} else {
			s.More += c.Unlisted
			c.Scenes = append(c.Scenes, s)
		}
	}
	for i, ok := range found {
		if !ok {
			c.Scenes[i].More += other.Unlisted
		}
	}
	c.Total = 0
	if len(c.Sketch) == 0 {
		c.Total = len(c.Scenes)
	}
	c.Counted += other.Counted
	c.Unlisted += other.Unlisted
}

// both is the sketch of the scenes of both; none where all are listed.
func (c *Counts) both(other *Counts) Sketch {
	if len(c.Sketch) == 0 && len(other.Sketch) == 0 {
		return nil
	}
	sketch := NewSketch()
	for _, of := range []*Counts{c, other} {
		sketch.Merge(of.Sketch)
		for _, s := range of.Scenes {
			sketch.Add(nameOf(c.By, s.Labels))
		}
	}
	return sketch
}

// Distinct is how many scenes there are, and whether that is estimated.
func (c *Counts) Distinct() (n int, estimated bool) {
	if c.Total > 0 || len(c.Sketch) == 0 {
		return c.Total, false
	}
	return max(len(c.Scenes), c.Sketch.Estimate()), true
}

// Largest are the n largest of the scenes that are listed; of those that are as large, the first by name.
func (c *Counts) Largest(n int) []Scene {
	names := make(map[int]string)
	order := make([]int, len(c.Scenes))
	for i := range order {
		order[i] = i
	}
	name := func(i int) string {
		if names[i] == "" {
			names[i] = nameOf(c.By, c.Scenes[i].Labels)
		}
		return names[i]
	}
	slices.SortFunc(order, func(i, j int) int {
		return cmp.Or(cmp.Compare(c.Scenes[j].Matched, c.Scenes[i].Matched), cmp.Compare(name(i), name(j)))
	})
	largest := make([]Scene, 0, min(n, len(order)))
	for _, i := range order[:min(n, len(order))] {
		largest = append(largest, c.Scenes[i])
	}
	return largest
}

// sceneBytes is what a scene has in JSON besides its labels, at most.
const sceneBytes = len(`{"labels":,"matched":1000000000,"more":1000000000},`)

// Fit leaves out the smallest of the scenes of one node, so that the JSON of the others has no more than about so many bytes. The first one stays.
func (c *Counts) Fit(bytes int) {
	n := 0
	for n < len(c.Scenes) {
		labels, _ := json.Marshal(c.Scenes[n].Labels) // which escapes more than AppendJSON; it does not fail
		if bytes -= len(labels) + sceneBytes; bytes < 0 && n > 0 {
			break
		}
		n++
	}
	if n == len(c.Scenes) {
		return
	}
	if len(c.Sketch) == 0 { // all were listed
		c.Sketch = NewSketch()
		for _, s := range c.Scenes {
			c.Sketch.Add(nameOf(c.By, s.Labels))
		}
	}
	for _, s := range c.Scenes[n:] {
		c.Unlisted = max(c.Unlisted, s.Matched+s.More)
	}
	c.Scenes = c.Scenes[:n]
}
