package tail

import (
	"unsafe"

	"scenecast"
	"scenecast/audience"
)

// What a push costs besides its texts: itself, what has become of it, its places in the ring and in the table of IDs, of
// which both have up to twice as many as they need.
const (
	fixedBytes = int(unsafe.Sizeof(scenecast.Push{})) + int(unsafe.Sizeof(Progress{}))
	placeBytes = int(unsafe.Sizeof(Entry{}))*3/2 + 64 // measured: TestBytes holds the sum to the heap
)

// SizeOf is how many bytes of memory a push takes in the log: the message, with the unused end of its buffer, the texts,
// the audience, and what is the same for all. App names are the configuration's and shared.
func SizeOf(p *scenecast.Push) int {
	n := fixedBytes + placeBytes + cap(p.Message.Data) + audienceBytes(p.To)
	for _, text := range []string{p.ID, p.Message.Event, p.Message.User, p.Coalesce, p.Retain, p.Confinement} {
		n += textBytes(text)
	}
	if p.IdempotencyKey != p.ID { // otherwise it is the same text
		n += textBytes(p.IdempotencyKey)
	}
	if p.Trace != nil {
		n += traceBytes
	}
	return n
}

// traceBytes is what the allocator gives a trace context.
const traceBytes = int(unsafe.Sizeof(scenecast.TraceContext{}))

// textBytes rounds a text up to what the allocator gives it.
func textBytes(text string) int { return (len(text) + 15) &^ 15 }

// audienceBytes counts the canonical text, as much again for the text that was read, of which the tree's strings are
// parts, and the tree.
func audienceBytes(to audience.Expr) int {
	root := to.Root()
	return 2*textBytes(to.String()) + treeBytes(&root) - int(unsafe.Sizeof(root)) // the root is in the push
}

func treeBytes(n *audience.Node) int {
	bytes := int(unsafe.Sizeof(*n)) + len(n.Values)*int(unsafe.Sizeof(""))
	for i := range n.Children {
		bytes += treeBytes(&n.Children[i])
	}
	return bytes
}
