package websocket

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"sync"

	"github.com/gobwas/ws"
)

// Neither side keeps its window from one message to the next ("no context takeover"), so whatever compressing and
// inflating need is borrowed for one message: a compressor has 800 KB, an inflater 40 KB, which no page could have of
// its own.
var (
	deflaters = sync.Pool{New: func() any { return newDeflater() }}
	inflaters = sync.Pool{New: func() any { return &inflater{flate: flate.NewReader(nil)} }}
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
// (RFC 7692, 6). The same frame makes the same bytes. Safe for concurrent use; the frame is not changed.
func CompressFrame(whole []byte) []byte {
	head, size := parseHead(whole)
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

type inflater struct {
	source source
	flate  io.ReadCloser // also a flate.Resetter
}

var (
	errNotDeflate = errors.New("no deflate data")
	errInflated   = errors.New("inflates to more than the limit")
)

// inflate appends to out what a message's payload was before it was compressed. It stops as soon as that is longer than
// limit, which bounds what a small message can cost that inflates to a large one.
func inflate(out, payload []byte, limit int) ([]byte, error) {
	in := inflaters.Get().(*inflater)
	defer inflaters.Put(in)
	defer func() { in.source = source{} }()
	in.source = source{payload: payload}
	// A block that calls itself final ends the data, not the message: others may follow (RFC 7692, 7.2.3.4).
	for {
		_ = in.flate.(flate.Resetter).Reset(&in.source, nil) // never fails
		var err error
		if out, err = in.readAll(out, limit); err != nil {
			return out, err
		}
		switch read := in.source.read; {
		case read == len(payload), read == len(payload)+len(ending):
			return out, nil
		case read > len(payload):
			return out, errNotDeflate // the payload breaks off in a block
		}
	}
}

// readAll appends to out until a final block has ended.
func (in *inflater) readAll(out []byte, limit int) ([]byte, error) {
	for {
		if len(out) == cap(out) {
			size := max(512, 4*len(in.source.payload), 2*len(out))
			out = append(make([]byte, 0, min(size, limit+1)), out...)
		}
		n, err := in.flate.Read(out[len(out):cap(out)])
		out = out[:len(out)+n]
		switch {
		case len(out) > limit:
			return out, errInflated
		case errors.Is(err, io.EOF):
			return out, nil
		case err != nil:
			return out, errNotDeflate
		}
	}
}

// ending is what follows the payload: the flush that it left out, and a final block, at which the inflater stops.
const ending = flushed + "\x01\x00\x00\xff\xff"

// source is a payload with its ending. It has ReadByte, so the inflater reads no further than it must.
type source struct {
	payload []byte
	read    int // bytes, of both
}

// Read implements io.Reader.
func (s *source) Read(b []byte) (n int, err error) {
	switch {
	case s.read < len(s.payload):
		n = copy(b, s.payload[s.read:])
	case s.read < len(s.payload)+len(ending):
		n = copy(b, ending[s.read-len(s.payload):])
	default:
		return 0, io.EOF
	}
	s.read += n
	return n, nil
}

// ReadByte implements io.ByteReader.
func (s *source) ReadByte() (byte, error) {
	var b byte
	switch i := s.read - len(s.payload); {
	case i < 0:
		b = s.payload[s.read]
	case i < len(ending):
		b = ending[i]
	default:
		return 0, io.EOF
	}
	s.read++
	return b, nil
}
