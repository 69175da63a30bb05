package client

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"scenecast"
	"scenecast/label"
)

// PageOptions say what page it is, and what it is told besides pushes. The callbacks are called one at a time, by Run, which
// waits for them; any may be nil.
type PageOptions struct {
	URL    string // of the server, as in https://push.example.com; a path is a proxy's prefix
	Token  string // the page's token; no error shows it
	Labels Labels // what page it is, to begin with; Set changes them

	// TokenFunc returns the token for the next connection, in place of Token. It is called for each connection, once more where the server
	// does not take what it has returned, and, from another goroutine than Run's, before a token that ends (docs/protocol.md) has ended,
	// which is then replaced on the open connection. It has 20 s. An error is told to OnLost, and it is called again after the wait; after
	// ErrNoToken Run returns that.
	TokenFunc func(ctx context.Context) (string, error)

	// PageID names the page over all its connections: it is the label @page, and by it the server knows which pushes with a ttl
	// the page has had. Defaults to one drawn at random.
	PageID string

	// Since is the position of the last push that the page has had, as Position returns it. Zero: it gets what is pushed from
	// now on.
	Since scenecast.Position

	// Acknowledge is whether pushes that ask for it are acknowledged, each when the page has taken it.
	Acknowledge bool

	OnWelcome func(Welcome)                           // the page is connected
	OnGap     func(Gap)                               // it has missed something for good
	OnLost    func(err error, comeBack time.Duration) // it has lost its connection, and comes back after that time

	// OnPresence is told what is different in the scenes that the page watches.
	OnPresence func(PresenceChange)

	// OnRepeated is told of a push that is not behind where the page stands, or that it has had: the page is not given it again.
	OnRepeated func(Push)

	// Backoff is how long the page waits before it comes back, after so many failures since a connection has stayed. Defaults to
	// the function of that name.
	Backoff func(failures int, err error) time.Duration

	// Dial opens connections, for a server that is not on the network. Nil: the network.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// Welcome is the first message of each connection, also of one that was opened again.
type Welcome struct {
	ID       string             // of the connection
	Position scenecast.Position // where the page stands
}

// Push is a message that was pushed to the page. Positions rise from push to push, except those of late ones.
type Push struct {
	Position scenecast.Position
	Event    string          // the name that the backend has given it; may be empty
	Late     bool            // it was pushed before the page had its labels, and has a ttl
	Ack      bool            // it asks to be acknowledged
	Data     json.RawMessage // the message, byte for byte as it was pushed
}

// Gap says that the page has missed pushes which it cannot get any more, and where it goes on.
type Gap struct {
	Reason   string             // docs/protocol.md#gap-from-the-server
	Dropped  int                // how many messages, because the page read too slowly; 0: it is not known
	Position scenecast.Position // where it goes on; zero where messages were dropped
}

// Page is a page's end of the native wire. Make one with NewPage, then call Run once; the other methods may be called
// concurrently.
type Page struct {
	options PageOptions
	address *url.URL

	resume resume // of Run's goroutine

	mu       sync.Mutex
	position scenecast.Position // as resume has it
	labels   label.Set          // that the server has confirmed
	changes  []*change          // that it has not, in order
	lastID   int                // of a change
	acks     []scenecast.Position
	calls    []*request       // that wait for their turn
	requests map[int]*request // that are under way on conn, by ID
	watches  map[string]*watch
	conn     *conn // nil: not connected
	ended    error // of Run; nil: it may still connect
}

// NewPage makes a page, which connects when Run is called. The error says which option is wrong: an URL that is none, or a label with the name
// of a parameter of the address.
func NewPage(o PageOptions) (*Page, error) {
	u, err := parseURL(o.URL)
	if err != nil {
		return nil, err
	}
	for _, key := range slices.Sorted(maps.Keys(o.Labels)) {
		if slices.Contains([]string{paramToken, paramSince, paramPageID}, key) {
			return nil, fmt.Errorf("%s is no label: it is a parameter of the address", key)
		}
	}
	u.Scheme = strings.Replace(u.Scheme, "http", "ws", 1)
	if o.PageID == "" {
		o.PageID = rand.Text()
	}
	if o.Backoff == nil {
		o.Backoff = Backoff
	}
	return &Page{
		options: o, address: u.JoinPath("/v1/connect"), labels: label.FromMap(o.Labels),
		resume: resume{since: o.Since}, position: o.Since,
	}, nil
}

// ErrEnded is the error of a change of labels that the page has not made, because Run has returned.
var ErrEnded = errors.New("client: the page has ended")

// Run connects, and connects again whenever the connection is lost, and has take called with each push, until ctx ends, take
// returns an error, or coming back would be in vain. It returns that error: ctx's, take's, or one that wraps an *Error whose
// Final is true. A push for which take has returned an error counts as not had.
func (p *Page) Run(ctx context.Context, take func(Push) error) error {
	err := p.run(ctx, take)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = ErrEnded
	for _, c := range p.changes {
		c.end(ErrEnded)
	}
	p.changes = nil
	for _, r := range p.calls {
		r.ended <- answer{err: ErrEnded}
	}
	p.calls = nil
	for _, w := range p.watches {
		w.end(ErrEnded)
	}
	p.watches = nil
	return err
}

func (p *Page) run(ctx context.Context, take func(Push) error) error {
	failures := 0
	refused := false // the token of the last connection, before it was welcomed
	for {
		begun := time.Now()
		welcomed, err := p.connect(ctx, take)
		var own *takeError
		again := p.options.TokenFunc != nil && isUnauthorized(err) && !refused
		refused = again && !welcomed
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &own):
			return own.error
		case errors.Is(err, ErrNoToken):
			return err
		case again: // another token may be better
		case isFinal(err):
			if p.refuseChanges(err, welcomed) {
				continue // the labels that it had may still be allowed
			}
			return err
		}
		if welcomed && time.Since(begun) > stayedAfter {
			failures = 0
		}
		wait := p.options.Backoff(failures, err)
		failures++
		if p.options.OnLost != nil {
			p.options.OnLost(err, wait)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}

// isUnauthorized reports whether the server does not take the page's token.
func isUnauthorized(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == scenecast.CloseUnauthorized
}

// takeError is an error that the page's own function has returned.
type takeError struct{ error }

// Position is that of the last push that the page has had, or a later one up to which it has missed nothing: what a page that
// takes the place of this one gives as Since. Zero: it has never been connected.
func (p *Page) Position() scenecast.Position {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.position
}

// PageID returns the page's name over all its connections: PageOptions.PageID, or the one drawn at random by NewPage. It may be called
// concurrently.
func (p *Page) PageID() string { return p.options.PageID }

// moved lets Position see where resume stands.
func (p *Page) moved() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.position = p.resume.since
}

// receive acts on a message; welcome is whether it is the first one of a connection.
func (p *Page) receive(m message, c *conn, take func(Push) error) error {
	at, err := m.position()
	if err != nil {
		return err
	}
	defer p.moved()
	switch m.Type {
	case "welcome":
		if p.resume.since == (scenecast.Position{}) {
			p.resume.since = at
		}
		if err := p.connected(c); err != nil {
			return err
		}
		if p.options.OnWelcome != nil {
			p.options.OnWelcome(Welcome{ID: m.text(), Position: at})
		}
	case "set":
		p.settle(m.number(), nil)
		p.resume.reached(at)
		p.watchAgain()
	case "error":
		p.settle(m.number(), &Error{Kind: m.Kind, Detail: m.Detail, Where: m.Where, Setting: m.Setting})
		p.watchAnswered(&m)
		p.answered(&m)
	case "result":
		p.answered(&m)
	case "watch", "unwatch", "token":
		p.resume.reached(at)
		p.watchAnswered(&m)
		p.answered(&m)
	case "presence", "joined", "left", "updated", "count", "unwatched":
		p.present(&m)
	case "expiring":
		p.expires(c, time.Duration(m.ExpiresIn*float64(time.Second)))
	case "pong":
		p.resume.reached(at)
		if m.number() == pingOfStale {
			p.endStale()
		}
	case "gap":
		if m.Dropped == 0 {
			p.resume.since = at
		} else {
			p.watchMissed()
		}
		if p.options.OnGap != nil {
			p.options.OnGap(Gap{Reason: m.Reason, Dropped: m.Dropped, Position: at})
		}
	case "push":
		return p.push(Push{Position: at, Event: m.Event, Late: m.Late, Ack: m.Ack, Data: m.Data}, take)
	}
	return nil
}

func (p *Page) push(push Push, take func(Push) error) error {
	if p.resume.wants(push.Position, push.Late) {
		if err := take(push); err != nil {
			return &takeError{err}
		}
	} else if p.options.OnRepeated != nil {
		p.options.OnRepeated(push)
	}
	p.resume.took(push.Position, push.Late)
	if push.Ack && p.options.Acknowledge { // also of one that it has had: the server may not have heard of it
		return p.acknowledge(push.Position)
	}
	return nil
}
