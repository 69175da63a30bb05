package hub

import "scenecast"

// Loop is a shard's owner goroutine and the sockets that it owns; *socket.Loop is one. Everything that touches the shard runs
// on it, in the order in which it came, so a shard needs no lock. All methods but Post are called on the owner's goroutine only,
// none of them waits, and none of them calls the shard: what follows for the shard, such as the ending of a slot whose outbox
// was full, it is told by a call of its own, behind the one that is under way.
type Loop interface {
	// Post has the owner run the task after what was posted before. Any goroutine may call it. False means that the loop
	// has stopped and the task will not run.
	Post(task func()) bool
	// PostBackground has the owner run long work in slices: it calls the task until that returns false, behind everything else
	// that a round of the loop does, in turn with other background tasks, and for about a millisecond of each round. A slice
	// should take 100 µs at most. Any goroutine may call it; false as above. What it took is run to its end.
	PostBackground(task func() (more bool)) bool
	// SendShared queues a frame that many sockets get. Whatever a socket gets in one round of the loop leaves together. False
	// means that the frame was dropped: the slot is stale, its socket has ended or is closing, or its outbox was full.
	SendShared(s scenecast.Slot, f *scenecast.Frame) bool
	// Send queues a frame for one socket, in order with what it shares; false as above.
	Send(s scenecast.Slot, frame []byte) bool
	// OnWritten posts the task as soon as the kernel has taken everything that the socket was given; not at all if the
	// socket ends before.
	OnWritten(s scenecast.Slot, task func())
	// Lease is that of the socket's admission; 0 for a stale slot.
	Lease(s scenecast.Slot) scenecast.Lease
	// Close sends a close frame with the ending's code and detail behind what is queued, and then closes. The slot is stale when it
	// returns, and the shard is not told of its ending.
	Close(s scenecast.Slot, e scenecast.Ending)
}
