package session_test

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"scenecast"
	"scenecast/hub/receipt"
	"scenecast/hub/session"
	"scenecast/label"
)

func key(id any) session.Key { return session.NewKey("app", fmt.Sprint(id), "") }

func labels(value string) label.Set { return label.New(label.Label{Key: "order", Value: value}) }

func delivered(seqs ...uint64) session.State {
	return session.State{Delivered: seqs}
}

// leaving is a page of which nothing that it had got before lasts.
func leaving(left session.State, until time.Time, holds bool) session.Leaving {
	return session.Leaving{State: left, DeliveredUntil: until, Lasts: func(uint64) bool { return false }, Holds: holds}
}

// unacked are the copies that pages have left behind which did not acknowledge, by page.
func unacked(pages, pushes int) [][]*receipt.Unacked {
	var pending receipt.Pending
	for i := range pushes {
		r := receipt.New(&scenecast.Push{Position: position(i), Receipt: scenecast.ReceiptAcked, Timeout: time.Hour}, func(scenecast.Tally, bool) {})
		c := pending.Track(r)
		for slot := range uint32(pages) {
			c.Add(slot, true)
		}
		c.Expect()
		for slot := range uint32(pages) {
			c.Done(true)(slot, true)
		}
	}
	left := make([][]*receipt.Unacked, pages)
	for slot := range left {
		left[slot] = pending.Leave(uint32(slot), true)
	}
	return left
}

func position(i int) scenecast.Position { return scenecast.Position{Epoch: 9, Seq: uint64(i+1) << 10} }

func TestKeysDiffer(t *testing.T) {
	keys := []session.Key{session.NewKey("a", "p", ""), session.NewKey("b", "p", ""), session.NewKey("a", "q", ""), session.NewKey("a", "p", "u")}
	for i, k := range keys {
		if slices.Contains(keys[:i], k) {
			t.Errorf("%q is there twice", k)
		}
	}
}

func TestDelivered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := session.New(session.Options{})
		end := time.Now().Add(time.Minute)
		s.Leave(key(1), leaving(delivered(3, 5), end, false))
		s.Leave(key(2), leaving(session.State{}, end, false))
		if left, _ := s.Join(key(1)); !slices.Equal(left.Delivered, []uint64{3, 5}) || s.Len() != 1 {
			t.Errorf("%+v, %d pages", left, s.Len())
		}
		if left, _ := s.Join(key(2)); left.Delivered != nil {
			t.Errorf("a page that left nothing behind: %+v", left)
		}
		s.Leave(key(1), leaving(delivered(5), end, false))
		if left, _ := s.Join(key(1)); !slices.Equal(left.Delivered, []uint64{5}) {
			t.Errorf("when it has left again: %+v", left)
		}
		time.Sleep(time.Minute) // the push has ended
		if s.Leave(key(3), leaving(delivered(6), end.Add(time.Minute), false)); s.Len() != 1 {
			t.Errorf("%d pages, want the one that has just left", s.Len())
		}
	})
}

// TestLabels: what the backend gives a page is kept while the page is there, and for so long when it has left.
func TestLabels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := session.New(session.Options{KeepLabels: time.Minute})
		want := func(when, value string) (holds bool) {
			t.Helper()
			left, holds := s.Join(key(1))
			if got := fmt.Sprint(left.Labels.Values("order")); got != "["+value+"]" || holds != (value != "") {
				t.Errorf("%s: the labels %s, held %v; want %q", when, got, holds, value)
			}
			return holds
		}
		want("at first", "")
		first := s.Relabel(key(1), labels("7"), false)
		time.Sleep(time.Hour)
		second := want("an hour later, before it is known that the first connection is dead", "7")
		s.Leave(key(1), leaving(session.State{Labels: labels("7")}, time.Time{}, first))
		time.Sleep(time.Hour)
		third := want("an hour later, with the second connection there", "7")
		s.Leave(key(1), leaving(session.State{Labels: labels("7")}, time.Time{}, third))
		second = s.Relabel(key(1), labels("8"), second)
		s.Leave(key(1), leaving(session.State{Labels: labels("7")}, time.Time{}, second)) // an older one's labels do not count
		time.Sleep(time.Minute - time.Nanosecond)
		fourth := want("just in time", "8")
		s.Leave(key(1), leaving(session.State{}, time.Time{}, fourth))
		time.Sleep(time.Minute)
		want("too late", "")
		if s.Leave(key(2), leaving(session.State{}, time.Time{}, false)); s.Len() > 1 {
			t.Errorf("%d pages are remembered", s.Len())
		}
	})
}

// TestLabelsAreNotKept where nobody asks for it.
func TestLabelsAreNotKept(t *testing.T) {
	s := session.New(session.Options{})
	if s.Relabel(key(1), labels("7"), false) || !s.IsEmpty() {
		t.Error("a relabelled page is remembered")
	}
	s.Leave(key(1), leaving(session.State{Labels: labels("7")}, time.Time{}, false))
	if left, holds := s.Join(key(1)); left.Labels.Len() > 0 || holds || !s.IsEmpty() {
		t.Errorf("a page that has left: %+v", left)
	}
}

// TestAcknowledge: once, by the page itself, also when it has left twice without it.
func TestAcknowledge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := session.New(session.Options{})
		left := unacked(2, 3)
		s.Leave(key(1), leaving(session.State{Unacked: left[0][1:]}, time.Time{}, false))
		s.Leave(key(1), leaving(session.State{Unacked: left[0][:1]}, time.Time{}, false))
		s.Leave(key(2), leaving(session.State{Unacked: left[1]}, time.Time{}, false))
		for _, c := range []struct {
			key  session.Key
			at   scenecast.Position
			want bool
		}{
			{key(3), position(0), false}, {key(1), position(3), false}, {key(1), scenecast.Position{Epoch: 8, Seq: position(0).Seq}, false},
			{key(1), position(0), true}, {key(1), position(0), false}, {key(1), position(2), true}, {key(2), position(2), true},
		} {
			if got := s.Acknowledge(c.key, c.at); got != c.want {
				t.Errorf("%q acknowledges %v: %v, want %v", c.key, c.at, got, c.want)
			}
		}
		s.Leave(key(1), leaving(delivered(1), time.Now().Add(time.Hour), false)) // what it has not acknowledged is no newer for that
		time.Sleep(receipt.MaxAge)
		s.Leave(key(3), leaving(delivered(1), time.Now().Add(time.Hour), false))
		if s.Acknowledge(key(1), position(1)) || s.Len() != 2 {
			t.Errorf("after %v: %d pages", receipt.MaxAge, s.Len())
		}
	})
}

// TestBounds: the pages that have left first are forgotten, and nothing is waited for from them.
func TestBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := session.New(session.Options{MaxPages: 10, KeepLabels: time.Minute})
		holds := s.Relabel(key("relabelled"), labels("1"), false)
		for i := range 100 {
			s.Leave(key(i), leaving(delivered(1), time.Now().Add(time.Hour), false))
		}
		if left, _ := s.Join(key(89)); s.Len() != 10 || len(left.Delivered) > 0 {
			t.Errorf("%d pages, among them number 89: %+v", s.Len(), left)
		}
		// The one that was there all the while has its labels all the same.
		s.Leave(key("relabelled"), leaving(session.State{Labels: labels("1")}, time.Time{}, holds))
		if left, _ := s.Join(key("relabelled")); left.Labels.Len() != 1 {
			t.Errorf("a page that was forgotten while it was there has left %+v", left)
		}

		var told scenecast.Tally
		r := receipt.New(&scenecast.Push{Receipt: scenecast.ReceiptAcked, Timeout: time.Hour}, func(t scenecast.Tally, done bool) {
			if told.Add(t); done {
				told.Nodes++
			}
		})
		var pending receipt.Pending
		c := pending.Track(r)
		c.Add(0, true)
		c.Expect()
		c.Done(true)(0, true)
		r.Begin(scenecast.Tally{})
		s.Leave(key("unacked"), leaving(session.State{Unacked: pending.Leave(0, true)}, time.Time{}, false))
		for i := range 20 {
			s.Leave(key(i), leaving(delivered(1), time.Now().Add(time.Hour), false))
		}
		if want := (scenecast.Tally{Written: 1, Nodes: 1}); told != want {
			t.Errorf("the receipt of a page that was forgotten: %+v, want %+v", told, want)
		}
	})
}

// heap is how many bytes are in use.
func heap() int {
	runtime.GC()
	runtime.GC() // what the first one has freed is swept by the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// TestBytes holds what the store counts, and so its bound, to the heap. In the last row pages leave 500 pushes each unacknowledged: once,
// 4,000 of such took 125 MB.
func TestBytes(t *testing.T) {
	end := time.Now().Add(time.Hour)
	for _, c := range []struct {
		name    string
		pages   int
		leave   func(s *session.Store, pages int)
		bounded bool
	}{
		{"labels", 20_000, func(s *session.Store, pages int) {
			for i := range pages {
				s.Leave(key(i), leaving(session.State{Labels: labels(fmt.Sprintf("%020d", i))}, end, false))
			}
		}, false},
		{"delivered", 10_000, func(s *session.Store, pages int) {
			for i := range pages {
				s.Leave(key(i), leaving(delivered(make([]uint64, 20)...), end, false))
			}
		}, false},
		{"unacknowledged, each of another push", 1, func(s *session.Store, _ int) {
			for i := range 10_000 {
				s.Leave(key(i), leaving(session.State{Unacked: unacked(1, 1)[0]}, end, false))
			}
		}, false},
		{"unacknowledged", 500, func(s *session.Store, pages int) {
			for i, u := range unacked(pages, 500) {
				s.Leave(key(i), leaving(session.State{Unacked: u}, end, false))
			}
		}, false},
		{"unacknowledged by many", 1000, func(s *session.Store, pages int) {
			for i, u := range unacked(pages, 500) {
				s.Leave(key(i), leaving(session.State{Unacked: u}, end, false))
			}
		}, true},
	} {
		before := heap()
		s := session.New(session.Options{KeepLabels: time.Hour, MaxBytes: 8 << 20})
		c.leave(s, c.pages)
		used, counted := heap()-before, s.Bytes()
		t.Logf("%s: %d pages, %d bytes on the heap, %d counted", c.name, s.Len(), used, counted)
		if ratio := float64(counted) / float64(used); ratio < 0.85 || ratio > 1.15 {
			t.Errorf("%s: the store counts %d bytes, and the heap has grown by %d", c.name, counted, used)
		}
		if c.bounded && (counted > 8<<20 || counted < 8<<20*9/10) {
			t.Errorf("%s: %d bytes are held, and %d are allowed", c.name, counted, 8<<20)
		}
		runtime.KeepAlive(s)
	}
}
