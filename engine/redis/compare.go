package redis

import (
	"sort"

	"github.com/redis/rueidis"
)

// remember notes an entry that was read. What was read behind the end of an epoch is not in the log any more.
func (f *follower) remember(e entry) {
	if e.begins {
		f.recent = f.recent[:f.remembered(e.ended+1)]
	}
	if len(f.recent) >= 2*recentEntries {
		f.recent = append(f.recent[:0], f.recent[len(f.recent)-recentEntries:]...)
	}
	f.recent = append(f.recent, e.mark)
	f.last = e.mark
	f.Backend.read.Store(e.number)
}

// remembered is the place of the first entry in recent with this number or a higher one.
func (f *follower) remembered(number uint64) int {
	return sort.Search(len(f.recent), func(i int) bool { return f.recent[i].number >= number })
}

// hasBegunHere reports whether an epoch goes on from an entry that this node has read: the newest, or an earlier one, behind which the
// log has lost what was there.
func (f *follower) hasBegunHere(e entry) bool {
	switch {
	case e.ended > f.last.number:
		return false
	case e.ended == 0:
		return true // the log was empty
	}
	i := f.remembered(e.ended)
	if i < len(f.recent) && f.recent[i].number == e.ended {
		return f.recent[i].identity == e.previous
	}
	return i == 0 // it is so old that it is not remembered
}

// compare finds out why an entry does not follow the newest that was read. Where the log has dropped what was between, or somebody has
// removed it, this node has missed it, and goes on with the entry. Where the log is another one than was read, an epoch begins, and the
// follower has jumped to its beginning.
func (f *follower) compare(e entry) (jumped bool, err error) {
	first, _, err := f.entryAt("-")
	if err != nil {
		return false, err
	}
	if first.number <= f.last.number {
		fits, err := f.fits(first.number)
		switch {
		case err != nil:
			return false, err
		case fits != f.last:
			return true, f.beginAnew(e.epoch, fits)
		}
	}
	upTo := e.number - 1
	if e.begins {
		upTo = e.ended
	} else if e.epoch != f.epoch {
		f.adopt(e)
	}
	f.log.Warn("engine: the log does not have any more what is between", "read", f.last.number, "next", e.number)
	f.on.Missed(upTo)
	return false, nil
}

// misfits is compare where the newest entries of the log and of what was read have one number.
func (f *follower) misfits(epoch uint64) error {
	first, _, err := f.entryAt("-")
	if err != nil {
		return err
	}
	fits, err := f.fits(first.number)
	if err != nil {
		return err
	}
	return f.beginAnew(epoch, fits)
}

// beginAnew has an epoch begin in place of one that does not go on from what was read, unless another node has been faster: then that
// node's epoch is looked at next. What the log has before it is void.
func (f *follower) beginAnew(epoch uint64, fits mark) error {
	s, err := f.look(f.link, f.last.number, misfit{epoch, fits})
	if err != nil {
		return err
	}
	f.log.Error("engine: the log is not the one that was read; it begins anew", "read", f.last.number, "fits", fits.number, "begins", s.begin)
	f.position = id(s.begin - 1)
	return nil
}

// fits is the newest entry that was read and that the log, whose first entry has this number, has still in its place.
func (f *follower) fits(first uint64) (mark, error) {
	begin := f.remembered(first)
	marks := f.recent[begin:]
	var failed error
	n := sort.Search(len(marks), func(i int) bool { // the first that the log does not have
		e, ok, err := f.entryAt(id(marks[i].number))
		if err != nil {
			failed = err
		}
		return err != nil || !ok || e.mark != marks[i]
	})
	switch {
	case failed != nil:
		return mark{}, failed
	case n == 0:
		return origin, nil
	}
	return marks[n-1], nil
}

// entryAt reads the entry with an ID, or the first one: "-".
func (f *follower) entryAt(id string) (e entry, ok bool, err error) {
	end := id
	if id == "-" {
		end = "+"
	}
	answers, err := f.link.do(answerTimeout, func(c rueidis.Builder) rueidis.Completed {
		return c.Xrange().Key(f.keys.log).Start(id).End(end).Count(1).Build()
	})
	if err != nil {
		return e, false, err
	}
	entries, err := answers[0].AsXRange()
	if err != nil || len(entries) == 0 {
		return e, false, err
	}
	e, err = parseEntry(entries[0])
	return e, err == nil, err
}
