package socket

import "scenecast"

// Handler gets what happens on a loop's sockets; a shard of the hub is one. Its methods are called on the owner's goroutine, and
// never while another one of them, or a task, runs: an ending that arises meanwhile is queued and reported behind it. So a handler
// that sends to many slots in turn finds all of them current until it has returned.
type Handler interface {
	// Opened is the first call for a slot. The page has its handshake's response already, or gets it together with what is sent
	// during the call.
	Opened(s scenecast.Slot, a scenecast.Admission)
	// Received is called for each message. The bytes are valid only during the call.
	Received(s scenecast.Slot, m scenecast.Inbound)
	// Closed is the last call for a slot, which is stale from now on. It is not called for slots that the handler has closed itself
	// (Loop.Close).
	Closed(s scenecast.Slot, e scenecast.Ending)
}
