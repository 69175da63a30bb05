package presence

import "hash/maphash"

// users are the members of a scene by user, also such as are not present any more and not yet swept. Most scenes have few: these are found
// by going through their hashes, which is less work than a map's, and takes less memory.
type users struct {
	few  []hashedUser
	many map[string]*member // nil: they are few
}

type hashedUser struct {
	hash uint64
	m    *member
}

// fewUsers is how many are few.
const fewUsers = 32

var userSeed = maphash.MakeSeed()

func (u *users) len() int { return len(u.few) + len(u.many) }

// find is a user's member, and the user's hash where they are few; nil: there is none.
func (u *users) find(user string) (m *member, hash uint64) {
	if u.many != nil {
		return u.many[user], 0
	}
	hash = maphash.String(userSeed, user)
	for i := range u.few {
		if u.few[i].hash == hash && u.few[i].m.user == user {
			return u.few[i].m, hash
		}
	}
	return nil, hash
}

// add adds a member whom find has not found, with the hash that it has returned.
func (u *users) add(m *member, hash uint64) {
	if u.many == nil && len(u.few) < fewUsers {
		u.few = append(u.few, hashedUser{hash, m})
		return
	}
	if u.many == nil {
		u.many = make(map[string]*member, 2*fewUsers)
		for _, f := range u.few {
			u.many[f.m.user] = f.m
		}
		u.few = nil
	}
	u.many[m.user] = m
}

// remove removes a member that is there.
func (u *users) remove(m *member) {
	if u.many != nil {
		if delete(u.many, m.user); len(u.many) == 0 {
			u.many = nil
		}
		return
	}
	last := len(u.few) - 1
	for i := range u.few {
		if u.few[i].m == m {
			u.few[i] = u.few[last]
			u.few[last] = hashedUser{}
			u.few = u.few[:last]
			return
		}
	}
}

// all ranges over the members, in no order.
func (u *users) all(yield func(m *member) bool) {
	for _, f := range u.few {
		if !yield(f.m) {
			return
		}
	}
	for _, m := range u.many {
		if !yield(m) {
			return
		}
	}
}
