package hub

// What the hub has the shard do (deliver a push, answer a query) it does in the order in which the hub was told, because a query has its
// turn among the pushes. Something that takes long, such as a change of all members' labels, goes in slices that the loop runs in the
// background, and what comes behind it waits for its end. Pages come, talk and leave between the slices.

// inTurn reports whether nothing waits for its turn, so that what the shard is told can be done at once.
func (s *Shard) inTurn() bool { return len(s.turns) == 0 }

// queueTurn has something be done when all is done that was queued before. It is called until it reports that it is done.
func (s *Shard) queueTurn(slice func() (done bool)) {
	s.turns = append(s.turns, slice)
	if len(s.turns) > 1 || s.loop.PostBackground(s.runTurn) {
		return
	}
	for s.runTurn() { // the loop is about to stop, and who asked is to be answered
	}
}

// runTurn runs a slice of what is first. It reports whether there is more to do.
func (s *Shard) runTurn() bool {
	if s.turns[0]() {
		s.turns[0] = nil
		s.turns = s.turns[1:]
	}
	return len(s.turns) > 0
}
