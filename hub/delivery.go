package hub

import (
	"sync"

	"scenecast"
	"scenecast/hub/receipt"
	"scenecast/index"
)

// delivery is one push on its way through the shards, which share its encoded frames.
type delivery struct {
	push    *scenecast.Push
	receipt *receipt.Receipt // nil: nobody waits for more than what is queued

	mu     sync.Mutex
	frames []encoded // one per wire variant: a handful at most, so a list is searched faster than a map
}

// encoded is a frame, and whom it is for.
type encoded struct {
	by    scenecast.Protocol
	topic string // by which pages are reached; empty: by none
	frame *scenecast.Frame
}

// find is the frame of a wire and a topic; nil: there is none yet.
func find(frames []encoded, by scenecast.Protocol, topic string) *scenecast.Frame {
	for i := range frames {
		if e := &frames[i]; e.by == by && e.topic == topic {
			return e.frame
		}
	}
	return nil
}

// encode is the push in the encoder's wire form, made the first time that any shard needs it.
func (d *delivery) encode(by scenecast.Protocol, topic string) *scenecast.Frame {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := find(d.frames, by, topic)
	if f == nil {
		f = &scenecast.Frame{Data: scenecast.EncodeTopic(by, d.push, scenecast.Live, topic), Coalesce: d.push.CoalesceKey()}
		d.frames = append(d.frames, encoded{by, topic, f})
	}
	return f
}

// frames are those of one delivery on one shard. Most members need the same as the one before.
type frames struct {
	delivery *delivery
	copies   *receipt.Copies // nil: nobody waits for them
	index    *index.Index
	tracked  []encoded // with a Done, where there are copies

	class  uint32 // of the member before; 0: there is none
	by     scenecast.Protocol
	asked  bool    // whether its pages are to acknowledge
	topics *topics // nil: its pages get one frame
	topic  string  // of frame
	frame  *scenecast.Frame
}

// topics are those of a delivery that reaches pages of a wire by several.
type topics struct {
	key    string
	values []string // that its audience names
	all    bool     // … and it asks for no others
}

// of is the frame for a member at an index.
func (f *frames) of(i uint32, m *member, classes *classes) *scenecast.Frame {
	if m.class != f.class {
		f.begin(m.class, classes.all[m.class].protocol)
	}
	if f.topics != nil {
		if topic := f.topicOf(i); topic != f.topic || f.frame == nil {
			f.use(topic)
		}
	}
	return f.frame
}

// begin begins with a member of another class.
func (f *frames) begin(class uint32, by scenecast.Protocol) {
	traits := by.Traits()
	f.class, f.by, f.asked, f.topics, f.frame = class, by, traits.Acknowledges, nil, nil
	if traits.Topics == nil {
		f.use("")
		return
	}
	to, key := f.delivery.push.To, traits.Topics.Key
	if topic, same := to.Topic(key); same {
		f.use(topic)
		return
	}
	f.topics = &topics{key: key}
	f.topics.values, f.topics.all = to.Topics(key)
}

func (f *frames) use(topic string) {
	f.topic, f.frame = topic, f.delivery.encode(f.by, topic)
	if f.copies == nil {
		return
	}
	tracked := find(f.tracked, f.by, topic)
	if tracked == nil {
		tracked = f.frame.WithDone(f.copies.Done(f.asked), f.delivery.push.Position.Seq)
		f.tracked = append(f.tracked, encoded{f.by, topic, tracked})
	}
	f.frame = tracked
}

// topicOf is that of a member: mostly it has one of the values that the audience names, which the index knows without a look at all of its
// labels.
func (f *frames) topicOf(i uint32) string {
	topic, several := "", !f.topics.all
	for _, value := range f.topics.values {
		if !several && f.index.Has(i, f.topics.key, value) {
			several = topic != ""
			topic = value
		}
	}
	if several {
		return f.delivery.push.To.TopicOf(f.topics.key, f.index.Labels(i))
	}
	return topic
}

// adder is a tally or a reply: what a pointer to can be added to.
type adder[T any] interface {
	*T
	Add(other T)
}

// sum adds up the answers of the shards and reports when it has as many as it was told.
type sum[T any, P adder[T]] struct {
	mu      sync.Mutex
	total   T
	missing int
	report  func(T)
}

func newSum[T any, P adder[T]](missing int, start T, report func(T)) *sum[T, P] {
	return &sum[T, P]{total: start, missing: missing, report: report}
}

func (s *sum[T, P]) add(answer T) {
	s.mu.Lock()
	P(&s.total).Add(answer)
	s.missing--
	done, total := s.missing == 0, s.total
	s.mu.Unlock()
	if done {
		s.report(total)
	}
}
