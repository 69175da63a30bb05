package presence

import (
	"slices"
	"sync"
	"time"

	"scenecast"
	"scenecast/hub"
	"scenecast/label"
)

// Conn is a connection of this node as the state needs to know it.
type Conn struct {
	ID      scenecast.ConnID
	Index   int // hub.Address.Index: no other connection of the node has it before this one is gone
	App     string
	Keys    []Key     // that its app declares
	Labels  label.Set // of which those with a declared key count, @user and @watch
	Trusted label.Set // of its labels those that may be shown
	Moved   bool      // a key that it watches has, or has had meanwhile, other values than the state knows
	Address hub.Address
}

// Watch is what a single page is to be told, because it has begun to watch a key, or has other values of it than before.
type Watch struct {
	ID     scenecast.ConnID // of the page
	To     hub.Address
	Key    string
	Values []string // of the key that the page has by what the state knows; in order
	Ended  []string // that it has had
	Scenes []SceneID
}

// watchKey is what a Watch is about.
type watchKey struct {
	id  scenecast.ConnID
	key string
}

// conn is a connection of this node that is in a scene, or watches a key.
type conn struct {
	places  []*place
	watched []watched
	follows label.Set // of a key that has Told.Follows

	// The place that it has had first: most have no other one, and so need no more memory than this.
	first  place
	firsts [1]*place
}

// place is a connection's place in a scene.
type place struct {
	scene *scene
	m     *member // nil: it has no user
	shows label.Set
	shown int64
}

func (p *place) user() string {
	if p.m == nil {
		return ""
	}
	return p.m.user
}

// watched is a key that a connection watches.
type watched struct {
	key    string
	scenes []*scene
}

// Update notes what a connection is now: one that has joined, or has other labels.
func (s *State) Update(now time.Time, c Conn) {
	own := s.conn(c.Index)
	user := c.Labels.Value(scenecast.LabelUser)
	var before []*place
	if own == nil {
		own = conns.Get().(*conn)
		own.places = own.firsts[:0]
		s.setConn(c.Index, own)
	} else {
		before, own.places = own.places, make([]*place, 0, max(1, len(own.places)))
	}
	for i := range c.Keys {
		key := &c.Keys[i]
		values := c.Labels.Of(key.Name)
		if values.Len() == 0 {
			continue
		}
		var shows label.Set
		if user != "" {
			shows = key.shown(c.Trusted)
		}
		for l := range values.All() {
			to := key.read(c.App, l.Value, user, shows)
			if i := slices.IndexFunc(before, func(p *place) bool { return p != nil && p.scene.id == to.id && p.user() == to.user }); i >= 0 {
				own.places = append(own.places, before[i])
				s.show(now, before[i], to.shows)
				before[i] = nil
				continue
			}
			s.place(now, &c, own, key, to)
		}
	}
	for _, p := range before {
		if p != nil {
			s.leave(now, p)
		}
	}
	s.watch(c, own)
	s.follow(c, own)
	if len(own.places) == 0 && len(own.watched) == 0 && own.follows.Len() == 0 {
		s.forget(c.Index, own)
	}
}

// place puts a connection where a label value says, unless there is no room.
func (s *State) place(now time.Time, c *Conn, own *conn, key *Key, to placing) {
	sc := s.scene(to.id)
	sc.told = key.Told // it may have been known before the key was declared
	if s.isFull(key, sc, to.user) {
		s.entries = append(s.entries, Entry{To: c.Address, Told: key.Told, Scene: to.id, Full: true})
		s.markIdle(&sc.all)
		return
	}
	own.places = append(own.places, s.enter(now, sc, own, to.user, to.shows))
	if key.Told != nil && key.Told.Entered != nil && !s.quiet {
		s.entries = append(s.entries, Entry{To: c.Address, Told: key.Told, Scene: to.id})
	}
}

// conn is the connection with an index; nil: it is not known.
func (s *State) conn(index int) *conn {
	if index >= len(s.conns) {
		return nil
	}
	return s.conns[index]
}

func (s *State) setConn(index int, c *conn) {
	for index >= len(s.conns) {
		s.conns = append(s.conns, nil)
	}
	s.conns[index] = c
}

// forget forgets a connection that is in no scene and watches nothing.
func (s *State) forget(index int, c *conn) {
	s.conns[index] = nil
	*c = conn{}
	conns.Put(c)
}

// conns are such as are not in use. The collector may take them.
var conns = sync.Pool{New: func() any { return new(conn) }}

// Gone notes that the connection with an index has ended.
func (s *State) Gone(now time.Time, index int) {
	own := s.conn(index)
	if own == nil {
		return
	}
	s.leaveAll(now, own)
	for _, w := range own.watched {
		s.unwatch(w.scenes)
	}
	s.forget(index, own)
}

func (s *State) leaveAll(now time.Time, c *conn) {
	for _, p := range c.places {
		s.leave(now, p)
	}
	c.places = nil
}

// enter puts a connection into a scene.
func (s *State) enter(now time.Time, sc *scene, c *conn, user string, shows label.Set) *place {
	p := &c.first
	if p.scene != nil {
		p = new(place)
	}
	p.scene, p.shows = sc, shows
	sc.local++
	if user == "" {
		sc.localAnonymous++
	}
	s.updateOwn(now, &sc.all)
	if user != "" {
		p.m = s.member(sc, user)
		p.shown = s.stamp(now).At
		p.m.places = append(p.m.places, p)
		s.updateOwn(now, p.m)
	}
	return p
}

// leave takes a connection out of a scene.
func (s *State) leave(now time.Time, p *place) {
	if p.m == nil {
		p.scene.localAnonymous--
	} else {
		i := slices.Index(p.m.places, p)
		p.m.places = slices.Delete(p.m.places, i, i+1)
		s.updateOwn(now, p.m)
	}
	p.scene.local--
	s.updateOwn(now, &p.scene.all)
}

// show has a connection show other labels. Of several connections the one counts that has changed last.
func (s *State) show(now time.Time, p *place, shows label.Set) {
	if p.m == nil || p.shows.Equal(shows) {
		return
	}
	p.shows, p.shown = shows, s.stamp(now).At
	i := slices.Index(p.m.places, p)
	p.m.places = append(slices.Delete(p.m.places, i, i+1), p)
	s.updateOwn(now, p.m)
}

// watch notes what a connection watches, and what it is to be told of that.
func (s *State) watch(c Conn, own *conn) {
	keys := c.Labels.Of(scenecast.LabelWatch)
	if keys.Len() == 0 && len(own.watched) == 0 {
		return
	}
	before := own.watched
	own.watched = nil
	for key := range keys.All() {
		if k, declared := find(c.Keys, key.Value); !declared || k.Told != nil {
			continue
		}
		w := watched{key: key.Value}
		for _, p := range own.places {
			if p.scene.id.Key == w.key {
				w.scenes = append(w.scenes, p.scene)
			}
		}
		var had []*scene
		i := slices.IndexFunc(before, func(b watched) bool { return b.key == w.key })
		if i >= 0 {
			had = before[i].scenes
		}
		own.watched = append(own.watched, w)
		if !s.sawBefore(c, w.key) && (i < 0 || c.Moved || !slices.Equal(had, w.scenes)) {
			s.tellWatch(c, w.key, had, w.scenes)
		}
		for _, sc := range w.scenes {
			s.addWatcher(sc)
		}
	}
	for _, b := range before {
		if !slices.ContainsFunc(own.watched, func(w watched) bool { return w.key == b.key }) {
			s.tellWatch(c, b.key, b.scenes, nil)
		}
		s.unwatch(b.scenes)
	}
}

func (s *State) addWatcher(sc *scene) {
	if sc.watchers == 0 {
		sc.large = sc.count > s.maxMembers(sc)
	}
	sc.watchers++
	s.stats.Watching++
}

func (s *State) unwatch(scenes []*scene) {
	s.stats.Watching -= len(scenes)
	for _, sc := range scenes {
		if sc.watchers--; sc.watchers == 0 {
			sc.news, sc.owed = nil, false
			s.markIdle(&sc.all)
		}
	}
}

// tellWatch has a page be told which scenes it sees of a key, and which it does not see any more.
func (s *State) tellWatch(c Conn, key string, before, scenes []*scene) {
	w := Watch{To: c.Address, ID: c.ID, Key: key}
	for _, sc := range before {
		if !slices.Contains(scenes, sc) {
			w.Ended = append(w.Ended, sc.id.Value)
		}
	}
	for _, sc := range scenes {
		w.Values = append(w.Values, sc.id.Value)
		w.Scenes = append(w.Scenes, sc.id)
	}
	of := watchKey{c.ID, key}
	if i, asked := s.watchOf[of]; asked { // of several changes at once only the last one counts
		for _, value := range s.watches[i].Ended {
			if !slices.Contains(w.Ended, value) && !slices.Contains(w.Values, value) {
				w.Ended = append(w.Ended, value)
			}
		}
		s.watches[i] = w
		return
	}
	s.watchOf[of] = len(s.watches)
	s.watches = append(s.watches, w)
}
