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
	frames variants
}

// variant is a wire, and the topic by which its pages are reached; empty: by none.
type variant struct {
	by    scenecast.Protocol
	topic string
}

// variants are the frames of a push, one for each variant. Mostly they are a handful, so a list is searched faster than a map; an audience
// such as has(@channel) may reach each page by a topic of its own.
type variants struct {
	list  []encoded
	index map[variant]*scenecast.Frame // nil: the list is short
}

// encoded is a frame, and whom it is for.
type encoded struct {
	variant
	frame *scenecast.Frame
}

// shortList is how many frames are searched one by one.
const shortList = 8

// find is the frame of a variant; nil: there is none yet.
func (v *variants) find(of variant) *scenecast.Frame {
	if v.index != nil {
		return v.index[of]
	}
	for i := range v.list {
		if e := &v.list[i]; e.variant == of {
			return e.frame
		}
	}
	return nil
}

// add adds the frame of a variant that has none.
func (v *variants) add(of variant, f *scenecast.Frame) {
	if v.index != nil {
		v.index[of] = f
		return
	}
	v.list = append(v.list, encoded{of, f})
	if len(v.list) > shortList {
		v.index = make(map[variant]*scenecast.Frame, 2*len(v.list))
		for _, e := range v.list {
			v.index[e.variant] = e.frame
		}
		v.list = nil
	}
}

// encode is the push in the encoder's wire form, made the first time that any shard needs it.
func (d *delivery) encode(of variant) *scenecast.Frame {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.frames.find(of)
	if f == nil {
		f = &scenecast.Frame{Data: scenecast.EncodeTopic(of.by, d.push, scenecast.Live, of.topic), Coalesce: d.push.CoalesceKey()}
		d.frames.add(of, f)
	}
	return f
}

// frames are those of one delivery on one shard. Most members need the same as the one before.
type frames struct {
	delivery *delivery
	copies   *receipt.Copies // nil: nobody waits for them
	index    *index.Index
	tracked  variants // with a Done, where there are copies

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

// of is the frame for a member at an index, of the class that was begun with.
func (f *frames) of(i uint32) *scenecast.Frame {
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
	of := variant{f.by, topic}
	f.topic, f.frame = topic, f.delivery.encode(of)
	if f.copies == nil {
		return
	}
	tracked := f.tracked.find(of)
	if tracked == nil {
		tracked = f.frame.WithDone(f.copies.Done(f.asked), f.delivery.push.Position.Seq)
		f.tracked.add(of, tracked)
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
