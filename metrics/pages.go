package metrics

// pageMetrics are of pages, and of what is pushed to them.
var pageMetrics = []metric{
	{"scenecast_build_info", "Always 1; the label says which version runs.", gauge, []string{"version"},
		func(f *Figures) []value { return by(map[string]int{f.Version: 1}) }},
	{"scenecast_connections", "Pages that are connected, those included whose connection is being closed.", gauge, []string{"app"},
		func(f *Figures) []value { return by(f.Connections) }},
	{"scenecast_pushes_total", "Pushes that were delivered to whoever they match.", counter, nil,
		func(f *Figures) []value { return one(f.Pushes) }},
	{"scenecast_push_duration_seconds", "From when a push was taken to when what its receipt waits for was in.", durations, []string{"receipt"},
		func(f *Figures) []value { return durationsBy(f.PushTimes) }},
	{"scenecast_deliveries_total", "Pages that a push matched, by the wire that they speak and what became of it.", counter, []string{"wire", "outcome"},
		func(f *Figures) (list []value) {
			for _, d := range f.Deliveries {
				list = append(list,
					value{labels: []string{d.Wire, "queued"}, number: float64(d.Queued)},
					value{labels: []string{d.Wire, "dropped"}, number: float64(d.Dropped)})
			}
			return list
		}},
	{"scenecast_frames_dropped_total", "Frames that outboxes have lost: for want of room, or with a page that went away.", counter, nil,
		func(f *Figures) []value { return one(f.FramesDropped) }},
	{"scenecast_frames_coalesced_total", "Frames in whose place a newer one of the same key has gone out.", counter, nil,
		func(f *Figures) []value { return one(f.FramesCoalesced) }},
	{"scenecast_spans_total", "Spans of sampled traces, by what became of them.", counter, []string{"outcome"},
		func(f *Figures) []value { return by(f.Spans) }},
	{"scenecast_access_log_lost_total", "Lines of the access log that were lost, because its disk was too slow or full.", counter, nil,
		func(f *Figures) []value { return one(f.AccessLost) }},
	{"scenecast_outbox_bytes", "Memory of what waits for pages that read slowly.", gauge, nil,
		func(f *Figures) []value {
			bytes := 0
			for _, l := range f.Loops {
				bytes += l.OutboxBytes
			}
			return one(bytes)
		}},
	{"scenecast_outbox_limit_bytes", "How much it may be (outbox.max_total).", gauge, nil,
		func(f *Figures) []value { return one(f.OutboxLimit) }},
	{"scenecast_replay_catching_up", "Pages that have come back and get what they have missed.", gauge, nil,
		func(f *Figures) []value { return one(f.Replay.CatchingUp) }},
	{"scenecast_replay_catch_ups_total", "Pages that have begun to get what they have missed.", counter, nil,
		func(f *Figures) []value { return one(f.Replay.CatchUps) }},
	{"scenecast_replay_steps_total", "Pieces of the log that were read for them.", counter, nil,
		func(f *Figures) []value { return one(f.Replay.Steps) }},
	{"scenecast_replay_bytes_total", "Bytes of what they got from the log.", counter, nil,
		func(f *Figures) []value { return one(f.Replay.Bytes) }},
	{"scenecast_replay_gaps_total", "Pages that have missed something that they cannot get, by reason.", counter, []string{"reason"},
		func(f *Figures) []value { return by(f.Replay.Gaps) }},
	{"scenecast_endings_total", "Connections that have ended, by cause.", counter, []string{"cause"},
		func(f *Figures) []value { return by(f.Endings) }},
	{"scenecast_visitors_turned_away_total", "Connections that were closed, or refused as pages, because file descriptors had run out.", counter, nil,
		func(f *Figures) []value { return one(f.TurnedAway) }},
	{"scenecast_refused_total", "Pages that were refused, by the kind of what was wrong.", counter, []string{"reason"},
		func(f *Figures) []value { return by(f.Refused) }},
	{"scenecast_page_requests_refused_total", "Messages of connected pages that were refused and answered with an error, by type.", counter, []string{"type"},
		func(f *Figures) []value { return by(f.PageRequests) }},
	{"scenecast_rate_limited_total", "What was refused because it came too fast, by the rate that it exceeded; pages that were closed for their messages are among the endings.", counter, []string{"limit"},
		func(f *Figures) []value { return by(f.Limited) }},
	{"scenecast_page_token_verifications_total", "Signed tokens of pages that were verified, by outcome.", counter, []string{"outcome"},
		signed(func(t *Tokens) []value { return by(t.Verifications) })},
	{"scenecast_page_token_verification_duration_seconds", "How long it took to verify a signed token that was not known yet, the wait for its turn and its key included.", durations, nil,
		signed(func(t *Tokens) []value { return []value{{durations: t.Times}} })},
	{"scenecast_key_set_refreshes_total", "Attempts to read a key set (jwt.jwks_url), by outcome.", counter, []string{"outcome"},
		signed(func(t *Tokens) []value { return by(t.Refreshes) })},
	{"scenecast_key_set_age_seconds", "For how long the key set has not been read that was read longest ago.", gauge, nil,
		signed(func(t *Tokens) []value { return one(t.KeySetAge.Seconds()) })},
}

// signed reads a figure of signed tokens, where an app takes any.
func signed(figure func(*Tokens) []value) func(*Figures) []value {
	return func(f *Figures) []value {
		if !f.Tokens.On {
			return nil
		}
		return figure(&f.Tokens)
	}
}
