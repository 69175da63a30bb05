package client

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"
)

// PresenceChange is what is different in a scene that the page watches: one value of a key that it has itself.
type PresenceChange struct {
	Key, Value string

	Count     int  // members now
	Anonymous int  // connections without a user, as of the last count
	Partial   bool // there are more members than Page.Members has, and what changes is told as counts alone

	// Who has come, gone, or shows other labels. Who was there when the page came to the scene is in none of them.
	Joined, Left, Updated []Member

	Ended bool // the page does not see the scene any more
}

// staleAfter is how long behind a welcome a scene of the connection before is kept without a snapshot: then the page has it no more.
const staleAfter = 500 * time.Millisecond

// watch is a key that the page watches. The page's mu guards it.
type watch struct {
	waiting []*request // of Watch, for the answer; the first connection asks
	asking  *request   // is under way
	without bool       // the page has no label with the key just now: it asks again when that may be different
	scenes  map[string]*scene
}

// scene is what is known of one value of a key.
type scene struct {
	members   map[string]Member
	count     int
	anonymous int
	partial   bool
	stale     bool // of the connection before
}

// Watch has the page told who is in its scenes of a key, by PageOptions.OnPresence: of each value of the key that it has, or is given later.
// The server's setting presence declares the key (docs/presence.md). It stays so over reconnects, until Unwatch. Watch waits for the server's
// answer, and so for the page to be connected; callbacks, for which Run waits, must not wait for it. The error is an *Error where the key is
// not declared, ErrEnded, or that of ctx: then it is as after Unwatch.
func (p *Page) Watch(ctx context.Context, key string) error {
	if key == "" {
		return errors.New("a key is needed to watch it")
	}
	r := newRequest("watch", map[string]any{"key": key})
	p.mu.Lock()
	if p.ended != nil {
		p.mu.Unlock()
		return p.ended
	}
	w := p.watches[key]
	if w == nil {
		if w = (&watch{scenes: make(map[string]*scene)}); p.watches == nil {
			p.watches = make(map[string]*watch)
		}
		p.watches[key] = w
	}
	w.waiting = append(w.waiting, r)
	if w.asking == nil && p.conn != nil {
		p.askToWatch(key, w)
	}
	p.mu.Unlock()
	select {
	case a := <-r.ended:
		return a.err
	case <-ctx.Done():
		p.Unwatch(key)
		return ctx.Err()
	}
}

// Unwatch ends Watch. It does not wait for the server; what is on its way is not told any more.
func (p *Page) Unwatch(key string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := p.watches[key]
	if w == nil {
		return
	}
	delete(p.watches, key)
	w.end(ErrEnded)
	if p.conn != nil {
		p.ask(newRequest("unwatch", map[string]any{"key": key}))
	}
}

// Members are the members of a scene that the page watches, by their users. Nil: it does not see the scene.
func (p *Page) Members(key, value string) []Member {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := p.watches[key]
	if w == nil || w.scenes[value] == nil {
		return nil
	}
	members := w.scenes[value].members
	list := make([]Member, 0, len(members))
	for _, user := range slices.Sorted(maps.Keys(members)) {
		list = append(list, members[user])
	}
	return list
}

// askToWatch sends what makes a key be watched. The caller holds mu, and there is a connection.
func (p *Page) askToWatch(key string, w *watch) {
	w.without = false
	w.asking = newRequest("watch", map[string]any{"key": key})
	p.ask(w.asking)
}

// end answers those who wait for the watch.
func (w *watch) end(err error) {
	for _, r := range w.waiting {
		r.ended <- answer{err: err}
	}
	w.waiting = nil
}

// watchAll asks for all keys, behind a welcome or a gap. The caller holds mu, and there is a connection.
func (p *Page) watchAll(stale bool) {
	for key, w := range p.watches {
		for _, s := range w.scenes {
			s.stale = s.stale || stale
		}
		p.askToWatch(key, w)
	}
}

// watchAgain asks for the keys that the page may have a label with by now.
func (p *Page) watchAgain() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for key, w := range p.watches {
		if w.without && p.conn != nil {
			p.askToWatch(key, w)
		}
	}
}

// watchAnswered takes the answers to askToWatch.
func (p *Page) watchAnswered(m *message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for key, w := range p.watches {
		if w.asking == nil || w.asking.message["id"] != m.number() {
			continue
		}
		w.asking = nil
		switch {
		case m.Type != "error":
			w.end(nil)
		case m.Kind == KindInvalid: // the page has no label with the key, and sees nobody
			w.without = true
			w.end(nil)
		default:
			delete(p.watches, key)
			w.end(&Error{Kind: m.Kind, Detail: m.Detail, Where: m.Where, Setting: m.Setting})
		}
		return
	}
}

// pingOfStale is the ID of a ping whose answer says that snapshots have had their time. Other IDs are more than 0.
const pingOfStale = -1

// stalePing sends that ping, where there are scenes of the connection before.
func (p *Page) stalePing(c *conn) *time.Timer {
	return time.AfterFunc(staleAfter, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, w := range p.watches {
			for _, s := range w.scenes {
				if s.stale && p.conn == c {
					_ = c.send(map[string]any{"type": "ping", "id": pingOfStale}) // if it fails, the connection is lost
					return
				}
			}
		}
	})
}

// watchMissed begins anew with all keys, behind a gap in what the page was told.
func (p *Page) watchMissed() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conn != nil {
		p.watchAll(false)
	}
}

// endStale forgets the scenes of which the connection has told nothing, and tells that.
func (p *Page) endStale() {
	var ended []PresenceChange
	p.mu.Lock()
	for key, w := range p.watches {
		for value, s := range w.scenes {
			if s.stale {
				delete(w.scenes, value)
				ended = append(ended, PresenceChange{Key: key, Value: value, Ended: true})
			}
		}
	}
	p.mu.Unlock()
	for _, change := range ended {
		p.tellPresence(change)
	}
}

func (p *Page) tellPresence(change PresenceChange) {
	if p.options.OnPresence != nil {
		p.options.OnPresence(change)
	}
}

// present takes what the server says of a scene.
func (p *Page) present(m *message) {
	p.mu.Lock()
	w := p.watches[m.Key]
	var change PresenceChange
	told := w != nil
	if told {
		change, told = w.take(m)
	}
	p.mu.Unlock()
	if told {
		p.tellPresence(change)
	}
}

// take applies a message to what is known of its scene; false: it says nothing that was not known.
func (w *watch) take(m *message) (change PresenceChange, told bool) {
	change = PresenceChange{Key: m.Key, Value: m.Value}
	s := w.scenes[m.Value]
	switch {
	case m.Type == "presence":
		next := &scene{members: make(map[string]Member, len(m.Members)), count: m.Count, anonymous: m.Anonymous, partial: m.Partial}
		for _, member := range m.Members {
			next.members[member.User] = member
		}
		if s != nil && !s.partial && !next.partial { // the page has come back: what has happened meanwhile
			change.Joined, change.Left = next.without(s), s.without(next)
		}
		w.scenes[m.Value], s = next, next
	case m.Type == "unwatched":
		delete(w.scenes, m.Value)
		change.Ended = true
		return change, s != nil
	case s == nil:
		return change, false
	case m.Type == "count":
		s.count, s.anonymous = m.Count, m.Anonymous
	default:
		s.move(m, &change)
	}
	change.Count, change.Anonymous, change.Partial = s.count, s.anonymous, s.partial
	return change, true
}

// move applies joined, left and updated.
func (s *scene) move(m *message, change *PresenceChange) {
	for _, member := range m.Members {
		switch m.Type {
		case "left":
			if was, is := s.members[member.User]; is {
				member = was
			}
			delete(s.members, member.User)
			change.Left = append(change.Left, member)
		case "joined":
			s.members[member.User] = member
			change.Joined = append(change.Joined, member)
		default:
			s.members[member.User] = member
			change.Updated = append(change.Updated, member)
		}
	}
	s.count = len(s.members)
}

// without are the members that the other has not, by their users.
func (s *scene) without(other *scene) (members []Member) {
	for _, user := range slices.Sorted(maps.Keys(s.members)) {
		if _, has := other.members[user]; !has {
			members = append(members, s.members[user])
		}
	}
	return members
}
