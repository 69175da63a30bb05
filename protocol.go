package scenecast

import (
	"time"

	"scenecast/label"
)

// Protocol is one wire that pages speak. One value serves all of its connections and keeps nothing per connection. Opened,
// Received and Closed are called on the connection's owner goroutine: they must not wait.
type Protocol interface {
	// Name is the value of the connection's @protocol label.
	Name() string
	// Traits say what the wire can do besides. It is asked once for many connections.
	Traits() Traits
	// EncodePush turns a push into the bytes of this wire, framing included. It is called once per push and kind of delivery,
	// and the result is shared by all connections: nobody may change it. Safe for concurrent use.
	EncodePush(p *Push, d Delivery) []byte
	// Opened is called when the page has joined, before any push can reach it.
	Opened(c Conn)
	// Received is called for each message. The bytes are valid only during the call.
	Received(c Conn, m Inbound)
	// Closed is called when the connection has ended, once, also where the protocol has closed it itself. The labels are still
	// those that it had; nothing can be sent any more.
	Closed(c Conn, e Ending)
}

// Mover is a Protocol whose connections can go on in another process, which takes the place of this one without their pages noticing. Pages
// of a protocol that is none are closed then, spread over the time of a drain. Both methods are called on the connection's owner goroutine;
// Connection, labels and position of the connection are what they were.
type Mover interface {
	// Export is what the protocol knows of a connection beside the Conn, in a form that it still reads when it is one version older or
	// newer; empty: nothing. It changes nothing: the connection may stay. False: it cannot go just now, and is closed in its place.
	Export(c Conn) (state []byte, ok bool)
	// Import takes what Export has returned in the other process, in the place of Opened. An error closes the connection.
	Import(c Conn, state []byte) error
}

// Variants is a Mover that has connections of several kinds, which are Protocols of their own with its name.
type Variants interface {
	// Variant is the protocol of a connection whose Export has returned a state. It is safe for concurrent use.
	Variant(state []byte) Protocol
}

// Delivery is the way by which a push comes to a page. A wire may encode each differently.
type Delivery uint8

// The deliveries.
const (
	Live     Delivery = iota // the page matches as the push is published
	Late                     // the page came to match later, within the push's TTL: it may have got newer pushes before
	Replayed                 // the page has come back and gets what it has missed, in the order of the log
	deliveries
)

// Deliveries is how many kinds of delivery there are.
const Deliveries = int(deliveries)

// Traits are what a wire can do that not every wire can. The zero value is that of a plain WebSocket protocol. The functions are
// safe for concurrent use.
type Traits struct {
	// Acknowledges: pages acknowledge pushes that ask for it (Conn.Acknowledge). Receipts do not wait for pages of others.
	Acknowledges bool
	// ListenOnly: pages only listen, as those of an event stream do. What they send has no meaning, they answer no ping, and
	// there is no close handshake.
	ListenOnly bool
	// EncodeGap makes the frame that takes the place of what a page has missed. Nil: pages cannot be told.
	EncodeGap func(n GapNotice) []byte
	// EncodeExpiring makes the frame that tells a page that its token ends in so long. Nil: pages cannot be told.
	EncodeExpiring func(in time.Duration) []byte
	// EncodeClose makes the last frame that a page gets. Nil: a WebSocket close frame.
	EncodeClose func(code CloseCode, reason string) []byte
	// EncodePresence makes the frame of what a page is told that watches who is in its scenes. Nil: pages cannot be told, and do not watch.
	EncodePresence func(n *PresenceNotice) []byte
	// Ping is the frame that a silent page gets. Nil: a WebSocket ping.
	Ping []byte
	// Topics are what pages know pushes by. Nil: all pages of the wire get a push alike.
	Topics *Topics
}

// Topics are the values of a label of which each frame of a push names one: that by which the push reaches the page.
type Topics struct {
	Key string // of the label
	// Encode is EncodePush for pages that the push reaches by this topic (audience.Expr.TopicOf); empty: by none.
	Encode func(p *Push, d Delivery, topic string) []byte
}

// TopicOf is the topic by which a push reaches a page with these labels; empty: it has none, or the wire knows of none.
func (t Traits) TopicOf(p *Push, labels label.Set) string {
	if t.Topics == nil {
		return ""
	}
	return p.To.TopicOf(t.Topics.Key, labels)
}

// EncodeTopic is a push in the form of a wire, for pages that it reaches by this topic.
func EncodeTopic(by Protocol, p *Push, d Delivery, topic string) []byte {
	if topics := by.Traits().Topics; topics != nil {
		return topics.Encode(p, d, topic)
	}
	return by.EncodePush(p, d)
}

// Inbound is a whole message from a page.
type Inbound struct {
	Text bool // a text message, which is valid UTF-8; otherwise binary
	Data []byte
}

// History is which pushes of the log a page gets: those behind After, or, where Last is above 0, the newest, so many at most.
type History struct {
	After Position
	Last  int
}

// Waiting is what a page waits for (Conn.Await): each kind has its own bound of how many a page may wait for at a time.
type Waiting uint8

// What a page can wait for.
const (
	WaitingForToken  Waiting = iota // to be verified, one at a time
	WaitingForAnswer                // of a backend that it calls, MaxCalls at a time
)

// MaxCalls is how many calls of its backend a page may have under way.
const MaxCalls = 8

// Act is something that a page may do so many times per second.
type Act uint8

// The acts.
const (
	ActSet  Act = iota // it changes its labels
	ActCall            // it calls its backend
	acts
)

// Acts is how many there are.
const Acts = int(acts)

// Conn is one connection as its protocol sees it. It is valid only during the call that it was given to, on the owner's
// goroutine.
type Conn interface {
	// ID is the connection's, which is never used again.
	ID() ConnID
	// App is the namespace of the connection.
	App() string
	// Labels are those that it has now, of all sources. The set is shared and not changed.
	Labels() label.Set
	// Trusted reports whether the key was set by the page's token or by the backend, so that the page cannot change it.
	Trusted(key string) bool
	// MaySet are the keys that the page may set itself by its token, whatever the configuration says; nil: the token does not say.
	MaySet() []string
	// Renew puts another token in the place of the page's, in one step: its labels in the place of the trusted ones of the old token, and
	// what it says of itself. The page's own labels stay where the rules let it set them. With an error, nothing changes: they would
	// be over a limit, or the token is not good any more.
	Renew(trusted label.Set, t Token, rules label.Rules) error
	// Lease is that under which a quota counts the connection: it says where the page comes from. 0: the socket is gone, or nobody counts.
	Lease() Lease
	// Await says that the page waits for something that its protocol does elsewhere. Resume, which any goroutine calls once, has the task run
	// with the connection on the owner's goroutine, unless it has ended. False: the page waits for as many of these already as it may.
	Await(w Waiting) (resume func(task func(c Conn)), ok bool)
	// Relabel applies a change that the page may make: its protocol has checked that. Pushes that come later see it.
	Relabel(c label.Change)
	// RelabelFrom is Relabel, and then gives the page what is in the log of the pushes that reach it by the new labels and would not by those
	// that it had before. They come behind what is sent in this call, and before newer ones, without a hole and none of them twice. What is
	// not kept any more is told as a gap (Traits.EncodeGap).
	RelabelFrom(c label.Change, from History)
	// Allows reports whether the page may do something now, and counts that it does: more often than so many times per second it may not
	// (limits.page_sets, limits.page_calls).
	Allows(a Act) bool
	// Publishes counts that the page publishes something to others, and reports whether it does that no more often than so many times per
	// second; 0: as often as it likes.
	Publishes(perSecond int) bool
	// Last is the newest push with a key (Push.Retain) that lasts and that the page matches; it counts as delivered from then on. Nil: there
	// is none. Pushes of confined publishers are not found.
	Last(retain string) *Push
	// Position is where in the log the page stands: everything up to it that was for the page, the page has got, or is
	// getting. While missed pushes are replayed, it is that of the last one.
	Position() Position
	// Acknowledge says that the page has shown the push at this position. One that it has not got, or that asks for no
	// acknowledgement, is nothing.
	Acknowledge(p Position)
	// Send queues a whole frame, as the encoder makes them. False means that it was dropped, because the connection is
	// closed or its outbox full.
	Send(frame []byte) bool
	// Close closes the connection with the ending's close code and detail, behind what is queued; it gets no push from now on.
	Close(e Ending)
}
