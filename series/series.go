// Package series keeps what a node has done within the last hour, in steps of five seconds, in memory that does not grow: figures that are
// there at once when somebody begins to look.
package series

import (
	"slices"
	"sync"
	"time"
)

// A step is Step long. They are numbered by the clock, so that those of several nodes go together: step n ends n+1 times Step after 1970.
const (
	Step      = 5 * time.Second
	MaxWindow = time.Hour
	maxSteps  = int64(MaxWindow / Step)
)

// settled is how long ago a step has ended that every node has noted, if their clocks are about right.
const settled = time.Second

// Newest is the number of the newest step that every node has noted.
func Newest(now time.Time) int64 { return now.Add(-settled).UnixNano()/int64(Step) - 1 }

// End is when a step ends.
func End(step int64) time.Time { return time.Unix(0, (step+1)*int64(Step)).UTC() }

// Sample is how a node stands, or the pages of an app on it.
type Sample struct {
	Pages int64 // now
	// Since the start. Of an app only Pushes. A sample is not of one moment, so that one that is less than before has not been counted yet.
	Opened, Closed, Pushes, Deliveries, Dropped int64
}

// Series are the figures of successive steps, the first of which is From: of Pages at the end of each step, of the others how many within it. All
// that are not nil are of one length. Its JSON is what nodes tell each other.
type Series struct {
	From       int64   `json:"from"`
	Pages      []int64 `json:"pages,omitempty"`
	Opened     []int64 `json:"opened,omitempty"`
	Closed     []int64 `json:"closed,omitempty"`
	Pushes     []int64 `json:"pushes,omitempty"`
	Deliveries []int64 `json:"deliveries,omitempty"`
	Dropped    []int64 `json:"dropped,omitempty"`
}

// columns are the figures, each by itself. Pages are the first.
func (s *Series) columns() [6]*[]int64 {
	return [...]*[]int64{&s.Pages, &s.Opened, &s.Closed, &s.Pushes, &s.Deliveries, &s.Dropped}
}

// pushes is the column of pushes, and ofApps are those that there are of apps.
const pushes = 3

var ofApps = []int{0, pushes}

func (s Sample) values() [6]int64 {
	return [...]int64{s.Pages, s.Opened, s.Closed, s.Pushes, s.Deliveries, s.Dropped}
}

// Recorder keeps the series of a node. The zero value has nothing yet. Safe for concurrent use.
type Recorder struct {
	mu   sync.Mutex
	node ring
	apps map[string]*ring
}

// ring are the newest steps, by number modulo maxSteps. Of a column that is nil there are no figures.
type ring struct {
	columns     [6][]int64
	first, next int64 // the steps that are known begin with first and end before next; both are 0: not even the beginning is known
	last        [6]int64
}

// Record notes how the node stands, and each app, at the end of a step: it is called once in each. The first time it only notes where counting
// begins. Apps that are not among these any more are forgotten.
func (r *Recorder) Record(at time.Time, node Sample, apps map[string]Sample) {
	r.mu.Lock()
	defer r.mu.Unlock()
	step := at.Add(Step/2).UnixNano()/int64(Step) - 1 // whose end is nearest
	r.node.note(step, node, []int{0, 1, 2, 3, 4, 5})
	if r.apps == nil {
		r.apps = make(map[string]*ring)
	}
	for app := range r.apps {
		if _, is := apps[app]; !is {
			delete(r.apps, app)
		}
	}
	for app, s := range apps {
		if r.apps[app] == nil {
			r.apps[app] = new(ring)
		}
		r.apps[app].note(step, s, ofApps)
	}
}

// note adds a step. Those that were missed, as by a machine that slept, have as many pages as before, and nothing happened in them.
func (g *ring) note(step int64, s Sample, columns []int) {
	now := s.values()
	for c := 1; c < len(now); c++ {
		now[c] = max(now[c], g.last[c])
	}
	defer func() { g.last = now }()
	if g.next == 0 {
		for _, c := range columns {
			g.columns[c] = make([]int64, maxSteps)
		}
		g.first, g.next = step+1, step+1
		return
	}
	if step < g.next-maxSteps || step >= g.next+maxSteps { // the clock was put to another time
		g.first, g.next = step, step
	}
	for ; g.next <= step; g.next++ {
		for _, c := range columns {
			g.columns[c][g.next%maxSteps] = 0
		}
		g.columns[0][g.next%maxSteps] = g.last[0]
	}
	if g.next == g.first { // no step has ended since the first sample: what has happened since that counts in the step that ends next
		now = g.last
		return
	}
	at := (g.next - 1) % maxSteps
	for _, c := range columns[1:] {
		g.columns[c][at] += now[c] - g.last[c]
	}
	g.columns[0][at] = now[0]
	g.first = max(g.first, g.next-maxSteps)
}

// Read reads the last n steps up to one, as far as they are known: of the node or, if all is false, of one app.
func (r *Recorder) Read(app string, all bool, upTo, n int64) (s Series) {
	r.mu.Lock()
	defer r.mu.Unlock()
	g := &r.node
	if !all {
		if g = r.apps[app]; g == nil {
			return Series{From: upTo + 1}
		}
	}
	s.From = max(g.first, upTo-min(max(n, 0), maxSteps)+1)
	end := min(g.next, upTo+1)
	columns := s.columns()
	for step := s.From; step < end; step++ {
		for c, column := range g.columns {
			if column != nil {
				*columns[c] = append(*columns[c], column[step%maxSteps])
			}
		}
	}
	return s
}

// Sum adds the series of nodes up. A push is delivered by every node: so of pushes, it is as many as the node had that had most.
func Sum(nodes []Series) (sum Series) {
	from, end := int64(0), int64(0)
	for _, s := range nodes {
		if n := int64(len(s.Pages)); n > 0 {
			if end == 0 || s.From < from {
				from = s.From
			}
			end = max(end, s.From+n)
		}
	}
	sum.From = from
	total := sum.columns()
	for _, s := range nodes {
		for c, column := range s.columns() {
			for i, n := range *column {
				if *total[c] == nil {
					*total[c] = slices.Repeat([]int64{0}, int(end-from))
				}
				at := &(*total[c])[s.From-from+int64(i)]
				if c == pushes {
					*at = max(*at, n)
				} else {
					*at += n
				}
			}
		}
	}
	return sum
}
