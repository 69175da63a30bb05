package socket

import "scenecast"

// Handler is told what happens on a loop's sockets, on the owner's goroutine; a shard of the hub is one. A slot is opened once,
// then receives, then is closed once; slots that the handler has closed itself (Loop.Close) are not told of. No method is called
// while another one, or a task, runs: an ending that arises meanwhile is queued, and told behind it. So a handler that sends to
// many slots in turn finds none of them gone before it has returned.
type Handler interface {
	Opened(s scenecast.Slot, a scenecast.Admission)
	Received(s scenecast.Slot, m scenecast.Inbound)
	Closed(s scenecast.Slot, e scenecast.Ending)
}
