package metrics

import (
	"maps"
	"slices"
)

// serviceMetrics are of presence, hooks, the registry and handovers.
var serviceMetrics = []metric{
	{"scenecast_presence_scenes", "Scenes in which anybody is, over all nodes.", gauge, nil,
		func(f *Figures) []value { return one(f.Presence.Scenes) }},
	{"scenecast_presence_members", "Members of these scenes.", gauge, nil,
		func(f *Figures) []value { return one(f.Presence.Members) }},
	{"scenecast_presence_watching", "Scenes that pages of this node watch, each counted for each page.", gauge, nil,
		func(f *Figures) []value { return one(f.Presence.Watching) }},
	{"scenecast_presence_changes_total", "Notices of changes of scenes that this node had for its pages, by what they tell.", counter, []string{"kind"},
		func(f *Figures) []value { return by(f.Presence.Changes) }},
	{"scenecast_presence_missed_total", "How often this node has missed something of another one's members, and has asked for all of them.", counter, nil,
		func(f *Figures) []value { return one(f.Presence.Missed) }},
	{"scenecast_connect_hook_calls_total", "Calls that asked a backend whether a page may come in, by outcome.", counter, []string{"outcome"},
		func(f *Figures) []value { return by(f.ConnectHooks) }},
	{"scenecast_call_hook_calls_total", "Calls of pages that were passed on to a backend, by outcome.", counter, []string{"outcome"},
		func(f *Figures) []value { return by(f.CallHooks) }},
	{"scenecast_hook_queue_events", "Events that wait to be delivered to a backend.", gauge, []string{"hook"},
		hooks(func(h *Hook) float64 { return float64(h.Queued) })},
	{"scenecast_hook_oldest_seconds", "How long the event has waited that waits longest; 0: none does.", gauge, []string{"hook"},
		hooks(func(h *Hook) float64 { return h.Oldest.Seconds() })},
	{"scenecast_hook_delivered_total", "Events that a backend has taken.", counter, []string{"hook"},
		hooks(func(h *Hook) float64 { return float64(h.Delivered) })},
	{"scenecast_hook_dropped_total", "Events that were dropped: too many waited (max_queue), or one for too long (retry_for).", counter, []string{"hook"},
		hooks(func(h *Hook) float64 { return float64(h.Dropped) })},
	{"scenecast_hook_calls_total", "Calls that told a backend of events, by outcome; those that failed are made again.", counter, []string{"hook", "outcome"},
		func(f *Figures) (list []value) {
			for _, name := range slices.Sorted(maps.Keys(f.Hooks)) {
				list = append(list,
					value{labels: []string{name, "taken"}, number: float64(f.Hooks[name].CallsTaken)},
					value{labels: []string{name, "failed"}, number: float64(f.Hooks[name].CallsFailed)})
			}
			return list
		}},
	{"scenecast_registry_up", "1 where Redis has this node's connections, but for those that are on their way; 0 while it is away.", gauge, nil,
		registered(func(r *Registry) []value { return oneIf(r.Up) })},
	{"scenecast_registry_connections", "Connections of this node that Redis has, or is to have.", gauge, nil,
		registered(func(r *Registry) []value { return one(r.Connections) })},
	{"scenecast_registry_rebuilds_total", "How often this node's connections were written to Redis anew, because it was away or had lost some.", counter, nil,
		registered(func(r *Registry) []value { return one(r.Rebuilds) })},
	{"scenecast_handovers_total", "Handovers between processes that this one has taken part in, by how they have ended for it.", counter, []string{"outcome"},
		func(f *Figures) []value { return by(f.Handovers) }},
	{"scenecast_handover_still_seconds", "How long pages stood still when this process took them over from another one; 0: it has not.", gauge, nil,
		func(f *Figures) []value { return one(f.StoodStill) }},
}

// registered reads a figure of a registry that is on.
func registered(figure func(*Registry) []value) func(*Figures) []value {
	return func(f *Figures) []value {
		if !f.Registry.On {
			return nil
		}
		return figure(&f.Registry)
	}
}

// hooks reads a figure of each hook.
func hooks(figure func(*Hook) float64) func(*Figures) []value {
	return func(f *Figures) []value {
		figures := make(map[string]float64, len(f.Hooks))
		for name, h := range f.Hooks {
			figures[name] = figure(&h)
		}
		return by(figures)
	}
}
