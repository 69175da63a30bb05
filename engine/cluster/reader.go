package cluster

import (
	"scenecast"
	"scenecast/engine/tail"
)

// Reader reads the records of a log as nodes do, without being one. It is for one goroutine.
type Reader struct {
	texts audiences
	seen  map[scenecast.NodeID]*seen
	keys  *tail.Keys
}

// NewReader makes a reader that begins at the oldest record of a log.
func NewReader(o tail.KeyOptions) *Reader {
	return &Reader{seen: make(map[scenecast.NodeID]*seen), keys: tail.NewKeys(o)}
}

// Read returns the pushes of a record that happen, with their positions, and how many it has. A record that was appended before, and a
// push whose idempotency key is taken, do not happen. An error says why the record cannot be read.
func (r *Reader) Read(epoch, number uint64, b []byte) (happening []*scenecast.Push, pushes int, err error) {
	decoded, err := decodeRecord(b, r.texts.parse)
	if err != nil {
		return nil, 0, err
	}
	s := r.seen[decoded.origin]
	if s == nil {
		s = new(seen)
		r.seen[decoded.origin] = s
	}
	if !s.add(decoded.number) {
		return nil, len(decoded.pushes), nil
	}
	pushes = len(decoded.pushes)
	for i, p := range decoded.pushes {
		if p.App == scenecast.TracesApp {
			pushes--
			continue
		}
		p.Position = scenecast.Position{Epoch: epoch, Seq: seqOf(number, i)}
		if key := (tail.Name{App: p.App, ID: p.IdempotencyKey}); key.ID != "" {
			if r.keys.Find(key, p.At) != nil {
				continue
			}
			r.keys.Add(&tail.Attempt{Key: key, At: p.At, ID: p.ID, Position: p.Position})
			r.keys.Expire(p.At.Add(-keySlack))
		}
		happening = append(happening, p)
	}
	return happening, pushes, nil
}
