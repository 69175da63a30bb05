package metrics

// engineMetrics are of the engine, and of the nodes that share its log.
var engineMetrics = []metric{
	{"scenecast_ready", "1 where GET /readyz answers 200: this server should get traffic.", gauge, nil,
		func(f *Figures) []value { return oneIf(f.Ready) }},
	{"scenecast_draining", "1 while this node is to be emptied of its pages, and takes none or soon will not.", gauge, nil,
		func(f *Figures) []value { return oneIf(f.Draining) }},
	{"scenecast_engine_healthy", "1 where the engine takes pushes; 0: it cannot be reached, or has no room, or is starting.", gauge, nil,
		func(f *Figures) []value { return oneIf(f.Engine.Healthy) }},
	{"scenecast_engine_nodes", "Nodes of the cluster: those that are known, and of these those that do not answer in time.", gauge, []string{"state"},
		func(f *Figures) []value {
			e := &f.Engine
			return by(map[string]int{"known": e.Nodes, "late": e.LateNodes})
		}},
	{"scenecast_engine_lag_records", "Records of the log that this node has not read.", gauge, nil,
		shared(func(e *Engine) []value { return one(e.LagRecords) })},
	{"scenecast_engine_lag_seconds", "How long this node has been behind the log, or without an answer of its leader.", gauge, nil,
		shared(func(e *Engine) []value { return one(e.LagSeconds) })},
	{"scenecast_engine_leader", "1 where this process leads the log, otherwise 0.", gauge, nil,
		shared(func(e *Engine) []value { return oneIf(e.Leads) })},
	{"scenecast_engine_replicas", "Copies of the log: those that there are to be, and those that have everything.", gauge, []string{"state"},
		func(f *Figures) []value {
			e := &f.Engine
			if !e.Shared {
				return nil
			}
			return by(map[string]int{"wanted": e.Replicas, "in_sync": e.InSync})
		}},
	{"scenecast_engine_records_appended_total", "Records of this node that the log has taken.", counter, nil,
		shared(func(e *Engine) []value { return one(e.Appended) })},
	{"scenecast_engine_records_appended_again_total", "Attempts to append a record once more: an earlier one had failed, or the log had lost it.", counter, nil,
		shared(func(e *Engine) []value { return one(e.AppendedAgain) })},
	{"scenecast_engine_records_read_on_total", "Records that this node read from the log by itself, because it had not heard of them.", counter, nil,
		shared(func(e *Engine) []value { return one(e.ReadOn) })},
	{"scenecast_engine_pushes_failed_total", "Pushes that were refused while the engine was out of order, and those of which it was not known in time whether they are published.", counter, []string{"kind"},
		func(f *Figures) []value {
			e := &f.Engine
			if !e.Shared {
				return nil
			}
			return by(map[string]int64{"unavailable": e.PushesUnavailable, "uncertain": e.PushesUncertain})
		}},
	{"scenecast_engine_tallies_late_total", "Answers of nodes about pushes that came when nobody waited for them any more.", counter, nil,
		shared(func(e *Engine) []value { return one(e.TalliesLate) })},
}

// shared reads a figure of an engine whose nodes share a log.
func shared(figure func(*Engine) []value) func(*Figures) []value {
	return func(f *Figures) []value {
		if !f.Engine.Shared {
			return nil
		}
		return figure(&f.Engine)
	}
}
