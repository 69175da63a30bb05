package socket

import (
	"unsafe"

	"scenecast"
)

// waiting is a frame in an outbox. It is small, because many may wait.
type waiting struct {
	frame    *scenecast.Frame
	missing  int32 // of a gap notice: how many frames are missing in its place
	kind     frameKind
	deflated bool // the page gets the compressed variant
}

// waitingSize is the size of a waiting frame in memory, in bytes.
const waitingSize = int(unsafe.Sizeof(waiting{}))

// frameKind says what a waiting frame is.
type frameKind uint8

const (
	anyFrame   frameKind = iota // a handler has sent it, or the loop a ping or pong
	gapNotice                   // it stands for frames that were dropped
	closeFrame                  // it is the last one
)

// data is what the page gets.
func (w waiting) data() []byte { return variant(w.frame, w.deflated) }

func (w waiting) size() int { return len(w.data()) }

// counts reports whether the frame counts as dropped when it is lost.
func (w waiting) counts() bool { return w.kind == anyFrame }

// newGapNotice is a notice of so many missing frames.
func newGapNotice(data []byte, missing int) waiting {
	return waiting{frame: &scenecast.Frame{Data: data}, missing: int32(missing), kind: gapNotice}
}

// newCloseFrame is the frame with which a socket is closed.
func newCloseFrame(data []byte) waiting {
	return waiting{frame: &scenecast.Frame{Data: data}, kind: closeFrame}
}
