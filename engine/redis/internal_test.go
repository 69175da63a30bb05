package redis

import (
	"testing"
	"time"

	"github.com/redis/rueidis"
)

// TestRetention: entries are kept for as long, and as many bytes of them, as is set; time goes by this node's clock.
func TestRetention(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	t.Run("age", func(t *testing.T) {
		r := retention{maxAge: 10 * time.Second, maxBytes: 1 << 40}
		for s := range 30 { // entries 10s+1 to 10s+10 at each second
			for n := range 10 {
				r.note(uint64(10*s+n+1), 100, at(s))
			}
			want := uint64(0)
			if s >= 10 {
				want = uint64(10*(s-10) + 1) // the first that was read in the second which is too old
			}
			if got := r.dropBelow(at(s)); got != want {
				t.Errorf("at %d s: below %d, want %d", s, got, want)
			}
		}
		if got := r.dropBelow(at(1000)); got != 291 {
			t.Errorf("long after the last entry: below %d", got)
		}
		if n := len(r.samples); n > 0 {
			t.Errorf("%d samples are left", n)
		}
	})
	t.Run("bytes", func(t *testing.T) {
		r := retention{maxAge: time.Hour, maxBytes: 8 << 20}
		for n := range uint64(32) { // of 1 MiB each, within a second
			r.note(n+1, 1<<20, at(0))
			if got, kept := r.dropBelow(at(0)), max(8, n)-8; got > kept+1 || got+1 < kept {
				t.Errorf("with %d entries: below %d", n+1, got)
			}
		}
	})
}

// TestMailboxCompare: of a stream that was lost the last two seconds are read, in whichever way its new IDs are.
func TestMailboxCompare(t *testing.T) {
	for _, c := range []struct{ last, newest, want string }{
		{"", "", "0-0"}, // at the start
		{"", "5-1", "5-1"},
		{"5-1", "5-1", "5-1"},
		{"5-1", "7-0", "5-1"},
		{"5-1", "5-0", "0-0"},
		{"10-1", "9-7", "0-0"},
		{"1700000010000-1", "1700000009000-7", "1700000007000-0"},
		{"10-1", "", "0-0"},
	} {
		m := mailbox{last: c.last}
		var entries []rueidis.XRangeEntry
		if c.newest != "" {
			entries = append(entries, rueidis.XRangeEntry{ID: c.newest})
		}
		if m.compare(entries); m.last != c.want {
			t.Errorf("%s read, %s there: read from %s, want %s", c.last, c.newest, m.last, c.want)
		}
	}
}

// FuzzParseEntry: whatever is in the stream is an entry, or none, and no panic.
func FuzzParseEntry(f *testing.F) {
	f.Add("5-0", "7 abc def", "r", "record")
	f.Add("5-0", "7 abc -", "ended", "4")
	f.Add("5-0", "7 abc -", "voids", "4")
	f.Add("5-1", "", "", "")
	f.Add("18446744073709551616-0", "7 abc", "ended", "-1")
	f.Fuzz(func(t *testing.T, id, head, field, value string) {
		e, err := parseEntry(rueidis.XRangeEntry{ID: id, FieldValues: map[string]string{"h": head, field: value}})
		if err == nil && (e.identity == "" || e.previous == "" || e.begins == (field == "r" && field != "h")) {
			t.Errorf("%q %q %q %q is %+v", id, head, field, value, e)
		}
	})
}

// TestFields reads what INFO answers.
func TestFields(t *testing.T) {
	got := fields("# Replication\r\nrole:master\r\nslave0:ip=::1,port=1,state=online\r\n\r\nbroken\r\n")
	if len(got) != 2 || got["role"] != "master" || got["slave0"] != "ip=::1,port=1,state=online" {
		t.Errorf("got %q", got)
	}
}

// TestLag is in records of the log, whatever lies between the numbers of two epochs.
func TestLag(t *testing.T) {
	b := New(Options{})
	for _, c := range []struct{ begin, newest, read, want uint64 }{
		{5 << 20, 5<<20 + 7, 5<<20 + 7, 0},
		{5 << 20, 5<<20 + 7, 5<<20 + 4, 3},
		{5 << 20, 5<<20 + 7, 4 << 20, 7},
		{5 << 20, 5 << 20, 4 << 20, 1},
		{5 << 20, 5<<20 + 7, 0, 7},
	} {
		b.read.Store(c.read)
		b.report.told(standing{begin: c.begin, newest: mark{number: c.newest}}, c.read, "slave0:ip=::1,state=online\r\nslave1:ip=::2,state=wait_bgsave\r\n")
		if log, lag, _ := b.LogInfo(); lag.Records != c.want || log.InSync != 2 {
			t.Errorf("%+v: %+v, %+v", c, log, lag)
		}
	}
	_ = b.Close()
}
