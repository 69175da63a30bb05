package presence

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"maps"
	"sync"
	"time"

	"scenecast"
	"scenecast/audience"
	"scenecast/hub"
)

// Options are what a service needs.
type Options struct {
	Node scenecast.NodeID
	// Keys are the keys that an app declares now.
	Keys func(app string) []Key
	// Hub has the connections of this node; it is made after the service, which observes it. It is asked from Start on.
	Hub func() Hub
	// Broadcast sends a message to all other nodes, and does not wait. Nil: there are no others.
	Broadcast func(message []byte)
	// Nodes are the nodes that the engine knows, this one among them. It is needed where there is Broadcast.
	Nodes func() []Node
	// Events, unless it is nil, is called with each event that this node is to tell of the cluster's, in order, by one goroutine.
	Events func(e Event)
	// WantsEvents reports whether anybody is told of such events of an app. It is needed where there is Events.
	WantsEvents func(app string, kind EventKind) bool
	// Counted, unless it is nil, is called with each count of connections without a user, of a scene of a key that has Told.Counts, which this
	// node is to tell of the cluster's; that there are none is not told. One goroutine calls it.
	Counted func(id SceneID, connections int)
	// Logger defaults to slog.Default().
	Logger *slog.Logger
}

// Hub is what a service needs of a hub.
type Hub interface {
	// Notify tells the connections of an app that match something (hub.Hub.Notify).
	Notify(app string, to audience.Expr, n *hub.Notice)
	// Walk calls a function with each connection (hub.Hub.Walk).
	Walk(each func(c hub.Member))
}

// Service keeps the State of this node up to date: it observes the hub, hears of other nodes, and tells pages that watch. It has one
// goroutine, which works in batches. Its methods may be called concurrently.
type Service struct {
	options Options
	log     *slog.Logger

	handed queue // by loops, and by other nodes
	wake   chan struct{}
	pauses chan func() (goesOn bool)
	stop   chan struct{}
	done   sync.WaitGroup

	mu        sync.Mutex // guards what follows
	state     *State
	told      map[scenecast.PresenceKind]int64
	audiences map[string]audience.Template // of the pages that watch a scene, by key; the goroutine's only
}

// How long the goroutine waits.
const (
	batchWait = 5 * time.Millisecond   // for more, when something has come: what changes together is told together
	tick      = 250 * time.Millisecond // where other nodes have told of anything, or are told, to look after them
	idleTick  = time.Second            // … while nobody is in any scene
)

// NewService makes a service that does not run yet.
func NewService(o Options) *Service {
	s := &Service{
		options:   o,
		log:       o.Logger,
		wake:      make(chan struct{}, 1),
		pauses:    make(chan func() bool),
		stop:      make(chan struct{}),
		state:     NewState(o.Node, o.Broadcast == nil, o.Keys),
		told:      make(map[scenecast.PresenceKind]int64),
		audiences: make(map[string]audience.Template),
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	if o.Events != nil {
		s.state.FollowEvents(o.WantsEvents)
	}
	return s
}

// Start starts the goroutine.
func (s *Service) Start() { s.done.Go(s.run) }

// ChangeKeys runs a function that has apps declare other keys, and then looks at all connections anew, for whose end it does not wait.
func (s *Service) ChangeKeys(change func()) {
	change()
	s.options.Hub().Walk(s.lookAgain)
}

// Close stops the goroutine and waits for it. Pages are not told anything any more.
func (s *Service) Close() {
	close(s.stop)
	s.done.Wait()
}

func (s *Service) run() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-s.wake:
			select {
			case <-s.stop:
				return
			case <-time.After(batchWait):
			}
		case <-timer.C:
		case pause := <-s.pauses:
			if !pause() {
				return
			}
		}
		due := s.batch()
		if due.IsZero() {
			timer.Stop()
		} else {
			timer.Reset(time.Until(due))
		}
	}
}

// batch does what has been handed over and what is due, and tells what follows. It returns when something is due again.
func (s *Service) batch() (due time.Time) {
	handed := s.handed.take()
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.options.Broadcast != nil {
		s.state.SetNodes(now, s.options.Nodes())
	}
	for _, b := range handed.blocks {
		for i := range b.ops[:b.n] {
			s.apply(now, &b.ops[i])
		}
		b.free()
	}
	for _, m := range handed.messages {
		s.state.Receive(now, m)
	}
	s.state.Expire(now)
	again := s.state.TakeNotices(now, s.tellScene)
	s.tellPages(s.state.TakeWatches())
	s.tellEntries(s.state.TakeEntries())
	events, more := s.state.TakeEvents(now)
	for _, e := range events {
		s.options.Events(e)
	}
	for _, m := range s.state.Messages(now) {
		s.send(m)
	}
	if s.options.Broadcast != nil {
		due = s.nextTick(now)
	}
	for _, t := range []time.Time{again, more, s.state.Due()} {
		if !t.IsZero() && (due.IsZero() || t.Before(due)) {
			due = t
		}
	}
	return due
}

// nextTick is when the other nodes are to be looked after again; zero: when something has come. Where presence is not used there are no ticks.
func (s *Service) nextTick(now time.Time) time.Time {
	switch {
	case s.state.isUnused():
		return time.Time{}
	case len(s.state.scenes) == 0:
		return now.Add(idleTick)
	default:
		return now.Add(tick)
	}
}

// wakeUp has the goroutine look at what was handed over.
func (s *Service) wakeUp() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// envelope is a message as it is sent: other parts of a node tell each other other things.
type envelope struct {
	Presence *Message `json:"presence"`
}

var envelopeBegin = []byte(`{"presence":`)

// IsMessage reports whether a message of another node is for Received.
func IsMessage(message []byte) bool { return bytes.HasPrefix(message, envelopeBegin) }

func (s *Service) send(m Message) {
	b, err := json.Marshal(envelope{&m})
	if err != nil {
		s.log.Error("presence: a message to other nodes cannot be encoded", "err", err)
		return
	}
	s.options.Broadcast(b)
}

// Received is a message of another node's service. It does not wait.
func (s *Service) Received(message []byte) {
	var e envelope
	if err := json.Unmarshal(message, &e); err != nil || e.Presence == nil {
		s.log.Warn("presence: a message of another node cannot be read", "err", err)
		return
	}
	if !s.handed.addMessage(*e.Presence, len(message)) {
		s.log.Warn("presence: messages of other nodes come faster than they are dealt with; what is missed will be asked for")
	}
	s.wakeUp()
}

// Declares reports whether the values of a key are scenes that pages may watch, and backends may ask for.
func (s *Service) Declares(app, key string) bool {
	k, declared := find(s.options.Keys(app), key)
	return declared && k.Told == nil
}

// Declared are the keys whose values are scenes that pages may watch, and backends may ask for.
func (s *Service) Declared(app string) []string {
	var keys []string
	for _, k := range s.options.Keys(app) {
		if k.Told == nil {
			keys = append(keys, k.Name)
		}
	}
	return keys
}

// Scene is a scene as the API tells of it: its members by name, behind one, at most limit.
func (s *Service) Scene(id SceneID, after string, limit int) ([]Member, Scene) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.Members(id, after, limit)
}

// Scenes are the scenes of a key, by value, behind one, at most limit, and how many there are.
func (s *Service) Scenes(app, key, after string, limit int) ([]Scene, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.Values(app, key, after, limit)
}

// Stats are figures of this node's state.
func (s *Service) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.Stats()
}

// Told is how many notices of changes of scenes this node had for those who are told, by kind, since the start.
func (s *Service) Told() map[scenecast.PresenceKind]int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.told)
}
