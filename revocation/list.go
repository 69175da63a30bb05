// Package revocation keeps which tokens are revoked, on this node: a List, by which every page that comes is checked, and a Keeper, which
// has the list survive restarts.
package revocation

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"scenecast"
	"scenecast/label"
)

// How many revocations may be in force at a time: of an app, and of those besides that are within one confinement. So no app, and nobody who
// is confined, takes the room of others, or learns how much of it they use. Those by audience are gone through for every page that comes.
const (
	MaxRevocations = 10_000
	MaxByAudience  = 200

	MaxConfined           = 1_000
	MaxConfinedByAudience = 20
)

// List is the revocations in force. The zero value is ready for use; its methods may be called concurrently.
type List struct {
	mu         sync.RWMutex
	byName     map[name][]*entry   // of one token or one user; with several, they differ in what they are within
	byAudience map[string][]*entry // by app
	count      int
	used       map[share]used
	changed    func() // called when there is another entry; nil: nobody wants to know
}

// name is what a revocation is found by.
type name struct {
	app, tokenID, user string
}

// share is whose room a revocation takes: of an app, or of those who are confined to an audience in it.
type share struct{ app, within string }

func shareOf(r *scenecast.Revocation) share {
	if r.Within.IsZero() {
		return share{app: r.App}
	}
	return share{r.App, r.Within.String()}
}

// used is how much of a share is taken.
type used struct{ all, byAudience int }

// take counts one revocation more, or one less.
func (l *List) take(r *scenecast.Revocation, n int) {
	s := shareOf(r)
	u := l.used[s]
	u.all += n
	if !r.To.IsZero() {
		u.byAudience += n
	}
	l.count += n
	if l.used[s] = u; u.all == 0 {
		delete(l.used, s)
	}
}

// entry is a revocation and when it was last in the log.
type entry struct {
	scenecast.Revocation
	logged time.Time // zero: it is not known to be there
}

func nameOf(r *scenecast.Revocation) name { return name{r.App, r.TokenID, r.User} }

// replaces reports whether one revocation can stand for another one.
func replaces(r, other *scenecast.Revocation) bool {
	return nameOf(r) == nameOf(other) && r.Within.String() == other.Within.String() && r.To.String() == other.To.String()
}

// Add adds a revocation that was in the log at this time. One of the same tokens becomes one with it, and the later times count.
func (l *List) Add(r scenecast.Revocation, logged time.Time) {
	l.mu.Lock()
	changed := l.add(r, logged)
	told := l.changed
	l.mu.Unlock()
	if changed && told != nil {
		told()
	}
}

func (l *List) add(r scenecast.Revocation, logged time.Time) (changed bool) {
	if !time.Now().Before(r.Until) {
		return false
	}
	if l.byName == nil {
		l.byName, l.byAudience, l.used = make(map[name][]*entry), make(map[string][]*entry), make(map[share]used)
	}
	list := l.byName[nameOf(&r)]
	if !r.To.IsZero() {
		list = l.byAudience[r.App]
	}
	if i := slices.IndexFunc(list, func(e *entry) bool { return replaces(&e.Revocation, &r) }); i >= 0 {
		e := list[i]
		changed = r.Before.After(e.Before) || r.Until.After(e.Until)
		e.Before, e.Until, e.logged = later(e.Before, r.Before), later(e.Until, r.Until), later(e.logged, logged)
		return changed
	}
	list = append(list, &entry{r, logged})
	l.take(&r, 1)
	if r.To.IsZero() {
		l.byName[nameOf(&r)] = list
	} else {
		l.byAudience[r.App] = list
	}
	return true
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// HasRoom reports whether another revocation may be added. One of tokens that are revoked already always may.
func (l *List) HasRoom(r scenecast.Revocation) bool {
	l.Expire()
	l.mu.RLock()
	defer l.mu.RUnlock()
	for _, e := range slices.Concat(l.byName[nameOf(&r)], l.byAudience[r.App]) {
		if replaces(&e.Revocation, &r) {
			return true
		}
	}
	all, byAudience := MaxRevocations, MaxByAudience
	if !r.Within.IsZero() {
		all, byAudience = MaxConfined, MaxConfinedByAudience
	}
	u := l.used[shareOf(&r)]
	return u.all < all && (r.To.IsZero() || u.byAudience < byAudience)
}

// Revoked reports whether a token of an app is revoked that brings these labels.
func (l *List) Revoked(app string, labels label.Set, t scenecast.Token) bool {
	if t.ExpiresAt.IsZero() && t.IssuedAt.IsZero() && t.ID == "" {
		return false // one of the configuration's, which ends when that does
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.count == 0 {
		return false
	}
	now := time.Now()
	revokes := func(entries []*entry) bool {
		return slices.ContainsFunc(entries, func(e *entry) bool { return now.Before(e.Until) && e.Matches(labels, t) })
	}
	if t.ID != "" && revokes(l.byName[name{app: app, tokenID: t.ID}]) {
		return true
	}
	for _, user := range labels.Values(scenecast.LabelUser) {
		if revokes(l.byName[name{app: app, user: user}]) {
			return true
		}
	}
	return revokes(l.byAudience[app])
}

// Expire forgets the revocations whose tokens have all ended.
func (l *List) Expire() {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	over := func(e *entry) bool { return !now.Before(e.Until) }
	without := func(entries []*entry) []*entry {
		for _, e := range entries {
			if over(e) {
				l.take(&e.Revocation, -1)
			}
		}
		return slices.DeleteFunc(entries, over)
	}
	for n, entries := range l.byName {
		if left := without(entries); len(left) < len(entries) {
			if l.byName[n] = left; len(left) == 0 {
				delete(l.byName, n)
			}
		}
	}
	for app, entries := range l.byAudience {
		l.byAudience[app] = without(entries)
	}
}

// Len is how many revocations are kept.
func (l *List) Len() int {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.count
}

// all are copies of the entries, in a stable order.
func (l *List) all() (entries []entry) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	for _, list := range l.byName {
		for _, e := range list {
			entries = append(entries, *e)
		}
	}
	for _, list := range l.byAudience {
		for _, e := range list {
			entries = append(entries, *e)
		}
	}
	slices.SortFunc(entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.App, b.App), cmp.Compare(a.User, b.User), cmp.Compare(a.TokenID, b.TokenID), cmp.Compare(a.To.String(), b.To.String()))
	})
	return entries
}

// onChange has a function called when there is another revocation, or one reaches further.
func (l *List) onChange(changed func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.changed = changed
}
