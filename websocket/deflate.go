package websocket

import (
	"bytes"
	"compress/flate"
	"sync"

	"github.com/gobwas/ws"
)

// Neither side keeps its window from one message to the next ("no context takeover"), so whatever compressing and
// inflating need is borrowed for one message: a compressor has 800 KB, which no page could have of its own.
var (
	deflaters = sync.Pool{New: func() any { return newDeflater() }}
	outputs   = sync.Pool{New: func() any { return new([]byte) }} // of inflaters
)

// maxPooled is the size, in bytes, over which a buffer is not kept: one large message shall not stay in memory.
const maxPooled = 64 << 10

type deflater struct {
	flate *flate.Writer
	out   bytes.Buffer
}

func newDeflater() *deflater {
	d := new(deflater)
	d.flate, _ = flate.NewWriter(&d.out, flate.DefaultCompression) // fails for an invalid level only
	return d
}

// flushed is how compressed data ends, and what a message leaves out (RFC 7692, 7.2.1).
const flushed = "\x00\x00\xff\xff"

// CompressFrame is the variant of a whole frame, as TextFrame and BinaryFrame make them, for pages that have agreed on
// permessage-deflate. It is the frame itself where compression would not make it smaller: a message need not be compressed
// (RFC 7692, 6). Of several frames that follow each other it is the variants of each. The same frame makes the same bytes. Safe for
// concurrent use; the frame is not changed.
func CompressFrame(whole []byte) []byte {
	head, size := parseHead(whole)
	if end := size + int(head.Length); size > 0 && end < len(whole) {
		return compressFrames(whole, end)
	}
	if !head.OpCode.IsData() || !head.Fin || head.Rsv != 0 {
		return whole
	}
	d := deflaters.Get().(*deflater)
	defer d.release()
	_, _ = d.flate.Write(whole[size:]) // a buffer takes everything
	_ = d.flate.Flush()
	payload := bytes.TrimSuffix(d.out.Bytes(), []byte(flushed))
	if len(payload) >= len(whole)-size {
		return whole
	}
	head.Rsv = rsv1
	head.Length = int64(len(payload))
	return frame(ws.Frame{Header: head, Payload: payload})
}

// compressFrames compresses several frames, of which the first ends here.
func compressFrames(all []byte, end int) []byte {
	compressed := make([]byte, 0, len(all))
	for {
		compressed = append(compressed, CompressFrame(all[:end])...)
		if all = all[end:]; len(all) == 0 {
			return compressed
		}
		head, size := parseHead(all)
		if end = size + int(head.Length); size == 0 || end > len(all) {
			return append(compressed, all...) // no whole frame
		}
	}
}

func (d *deflater) release() {
	if d.out.Cap() > maxPooled {
		d.out = bytes.Buffer{}
	}
	d.out.Reset()
	d.flate.Reset(&d.out)
	deflaters.Put(d)
}

// maxDeflated is how large a message of this size can become by deflating, at most and at worst (zlib's deflateBound, with
// some to spare).
func maxDeflated(size int) int { return size + size/8 + 64 }
