package replay

import (
	"context"
	"runtime"
	"sync"
	"time"

	"scenecast"
	"scenecast/hub/framecache"
)

// Reader reads the log for pages that are catching up. Its methods may be called concurrently.
type Reader struct {
	log     scenecast.Log
	settles settler // nil: the log never does
	frames  *framecache.Cache
	running chan struct{} // one for each step that runs
	steps   sync.WaitGroup
	closing context.Context
	close   context.CancelFunc
}

// settler is a log that may keep who reads it waiting for seconds.
type settler interface {
	// AwaitSettled waits until After does not wait for what is behind a position.
	AwaitSettled(ctx context.Context, after scenecast.Position) error
}

// StepsAtATime is how many steps of all pages run together: they leave half of the machine to the pages that are there.
func StepsAtATime() int { return max(1, runtime.GOMAXPROCS(0)/2) }

// NewReader makes a reader of a log.
func NewReader(log scenecast.Log, frames *framecache.Cache) *Reader {
	r := &Reader{log: log, frames: frames, running: make(chan struct{}, StepsAtATime())}
	r.settles, _ = log.(settler)
	r.closing, r.close = context.WithCancel(context.Background())
	return r
}

// Close ends the reading. It is called when nobody calls Read any more.
func (r *Reader) Close() {
	r.close()
	r.steps.Wait()
}

// Step is what a step is to read.
type Step struct {
	app      string
	protocol scenecast.Protocol
	after    scenecast.Position
	until    scenecast.Position
	spans    []labelSpan
	part     *part  // which the step is of; nil: it is of the log as a whole
	had      []part // what the page has had of what follows
}

// Chunk is what a step has read.
type Chunk struct {
	Frames []byte             // as the page gets them; none: nothing was for it
	At     scenecast.Position // the last push that was looked at
	Kept   []uint64           // sequence numbers of the pushes in it with a ttl
	Err    error              // why there is no chunk
}

// Read has a step read in a goroutine of its own, and then calls a function there; not if the reader is closed before.
func (r *Reader) Read(s Step, then func(Chunk)) {
	r.steps.Go(func() {
		if r.settles != nil { // those that need not wait are not to wait for those that do
			_ = r.settles.AwaitSettled(r.closing, s.after) // an error comes again with After
		}
		select {
		case r.running <- struct{}{}:
		case <-r.closing.Done():
			return
		}
		c := Chunk{Err: r.closing.Err()}
		if c.Err == nil {
			c = r.read(s)
		}
		<-r.running
		if (c.At.Seq > s.until.Seq || len(s.had) > 0) && len(c.Frames) == 0 && c.Err == nil { // the shard has not come to where the page is: it is asked again
			select {
			case <-time.After(aheadPause):
			case <-r.closing.Done():
			}
		}
		if r.closing.Err() == nil {
			then(c)
		}
	})
}

// aheadPause is how long a page that is ahead of its shard waits before the next step.
const aheadPause = 10 * time.Millisecond

func (r *Reader) read(s Step) Chunk {
	if s.part != nil && s.part.last > 0 {
		return r.findLast(s)
	}
	c := Chunk{At: s.after}
	traits := s.protocol.Traits()
	var pushes []*scenecast.Push
	pushes, c.Err = r.log.After(r.closing, s.after, StepPushes)
	for _, p := range pushes {
		if p.Position.Seq > s.until.Seq {
			return c.reached(s.until)
		}
		for len(s.spans) > 1 && p.Position.Seq > s.spans[0].until {
			s.spans = s.spans[1:]
		}
		if p.App == s.app && p.To.Match(s.spans[0].labels) && s.isOf(p) {
			frame := r.frames.Encode(p, s.protocol, scenecast.Replayed, traits.TopicOf(p, s.spans[0].labels))
			if len(c.Frames) > 0 && len(c.Frames)+len(frame) > StepBytes {
				return c
			}
			if c.Frames == nil {
				c.Frames = newBuffer()
			}
			c.Frames = append(c.Frames, frame...)
			if p.TTL > 0 {
				c.Kept = append(c.Kept, p.Position.Seq)
			}
		}
		c.At = p.Position
	}
	if c.Err == nil && len(pushes) == 0 {
		return c.reached(s.until)
	}
	return c
}

// reached notes that there is nothing more up to a position, where the chunk does not lead farther: sequence numbers rise over epochs, and
// a page may come from a node that has read more.
func (c Chunk) reached(until scenecast.Position) Chunk {
	if c.At.Seq < until.Seq {
		c.At = until
	}
	return c
}

// buffers are what chunks are read into. One that has been written can be the next one, of any page.
var buffers = sync.Pool{New: func() any { return new([StepBytes]byte) }}

func newBuffer() []byte { return buffers.Get().(*[StepBytes]byte)[:0] }

// Free gives the buffer back of a chunk that nobody reads any more. One that has outgrown its size is left to the collector.
func (c Chunk) Free() {
	if cap(c.Frames) == StepBytes {
		buffers.Put((*[StepBytes]byte)(c.Frames[:StepBytes]))
	}
}
