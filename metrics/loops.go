package metrics

import "strconv"

// loopMetrics are of the loops that own the pages' sockets, and of their indexes.
var loopMetrics = []metric{
	{"scenecast_loop_connections", "Pages of a loop.", gauge, []string{"loop"},
		loops(func(l *Loop) value { return value{number: float64(l.Pages)} })},
	{"scenecast_loop_round_seconds", "How long the rounds of a loop were: while one lasts, it looks at nothing that comes.", durations, []string{"loop"},
		loops(func(l *Loop) value { return value{durations: l.Rounds} })},
	{"scenecast_loop_task_wait_seconds", "How long the first of what was posted to a loop, as pushes are, waited until the loop looked up.", durations, []string{"loop"},
		loops(func(l *Loop) value { return value{durations: l.Waits} })},
	{"scenecast_loop_stalled_seconds", "How long the round lasts that is under way; 0: the loop waits for something to do.", gauge, []string{"loop"},
		loops(func(l *Loop) value { return value{number: l.Stalled.Seconds()} })},
	{"scenecast_index_labels", "Labels that pages have, each counted on each loop.", gauge, nil,
		func(f *Figures) []value { return one(f.Index.Labels) }},
	{"scenecast_index_keys", "Keys of these labels, likewise.", gauge, nil,
		func(f *Figures) []value { return one(f.Index.Keys) }},
	{"scenecast_index_apps", "Apps of pages, likewise.", gauge, nil,
		func(f *Figures) []value { return one(f.Index.Apps) }},
}

// loops reads a figure of each loop.
func loops(figure func(*Loop) value) func(*Figures) []value {
	return func(f *Figures) []value {
		list := make([]value, len(f.Loops))
		for i := range f.Loops {
			list[i] = figure(&f.Loops[i])
			list[i].labels = []string{strconv.Itoa(i)}
		}
		return list
	}
}
