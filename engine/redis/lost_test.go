package redis_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"scenecast"
	"scenecast/engine/redis"
	"scenecast/redisclient"
	"scenecast/redisclient/redistest"
)

const (
	logKey  = "{scenecast:scenecast}:log"
	headKey = "{scenecast:scenecast}:head"
	allKey  = "{scenecast:scenecast}:all"
)

// TestLogIsLost: what Redis has of the log is removed or set back under running nodes. An epoch begins, once for all of them; what was
// acknowledged within the last 15 s is in the log again, and comes to no page twice; positions of what was lost are told as a gap.
func TestLogIsLost(t *testing.T) {
	script, err := os.ReadFile("log.lua")
	if err != nil {
		t.Fatal(err)
	}
	dump := func(t *testing.T, c rueidis.Client, key string) string {
		answer := redistest.Do(t, c, "DUMP", key)
		text, _ := answer.ToString()
		return text
	}
	// restore sets both keys back in one step, and appends as many records besides.
	restore := func(t *testing.T, c rueidis.Client, log, head string, records int) {
		t.Helper()
		first := redistest.Do(t, c, "XRANGE", logKey, "-", "+", "COUNT", "2")
		entries, _ := first.AsXRange()
		words := [][]string{{"MULTI"}, {"RESTORE", logKey, "0", log, "REPLACE"}, {"RESTORE", headKey, "0", head, "REPLACE"}}
		for i := range records {
			words = append(words, []string{"EVAL", string(script), "2", logKey, headKey, "0", "1", "", "0", "", "0", fmt.Sprint("foreign", i), entries[1].FieldValues["r"]})
		}
		conn, release := c.Dedicate()
		defer release()
		for _, w := range append(words, []string{"EXEC"}) {
			if err := conn.Do(t.Context(), conn.B().Arbitrary(w...).Build()).Error(); err != nil {
				t.Fatalf("%.60q: %v", w, err)
			}
		}
	}
	for _, c := range []struct {
		name string
		lose func(t *testing.T, c rueidis.Client, log, head string)
		fits bool // what was read before log and head were dumped is in the log still
	}{
		{"flushed", func(t *testing.T, c rueidis.Client, _, _ string) { do(t, c, "FLUSHALL") }, false},
		{"the log is evicted", func(t *testing.T, c rueidis.Client, _, _ string) { do(t, c, "DEL "+logKey) }, false},
		{"its head is evicted", func(t *testing.T, c rueidis.Client, _, _ string) { do(t, c, "DEL "+headKey) }, true},
		{"a backup is restored", func(t *testing.T, c rueidis.Client, log, head string) { restore(t, c, log, head, 0) }, true},
		{"a backup is restored, and grows as long as the log was", func(t *testing.T, c rueidis.Client, log, head string) { restore(t, c, log, head, 6) }, false},
		{"a backup is restored, and grows longer", func(t *testing.T, c rueidis.Client, log, head string) { restore(t, c, log, head, 9) }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := redistest.Start(t)
			f := startFleet(t, 3, client(t, redisclient.Options{URL: "redis://" + s.Addr}))
			control := s.Client()
			for i := range 6 {
				f.publish(t, i%3, fmt.Sprint("kept ", i))
			}
			f.check(t)
			kept := f.engines[0].Newest()
			log, head := dump(t, control, logKey), dump(t, control, headKey)
			for i := range 6 {
				f.publish(t, i%3, fmt.Sprint("lost ", i))
			}
			f.check(t)
			lost := f.engines[0].Newest()
			c.lose(t, control, log, head)
			until(t, func() bool { return f.engines[1].Newest().Epoch != kept.Epoch })
			f.publish(t, 2, "after")
			f.check(t)
			until(t, func() bool {
				return f.engines[0].Newest() == f.engines[1].Newest() && f.engines[0].Newest() == f.engines[2].Newest()
			})
			if epoch := f.engines[0].Newest().Epoch; epoch == kept.Epoch {
				t.Error("the epoch is the same")
			}
			f.start(t)
			f.check(t)
			for node, e := range f.engines {
				for _, p := range []scenecast.Position{kept, lost} {
					isGap := !c.fits || p == lost && c.name != "its head is evicted"
					var gap *scenecast.GapError
					if got, err := e.After(t.Context(), p, 100); isGap != errors.As(err, &gap) {
						t.Errorf("behind %v node %d has %d pushes, %v", p, node, len(got), err)
					}
				}
			}
			checkOneEpoch(t, control, kept.Epoch)
		})
	}
}

// checkOneEpoch holds that one epoch has begun since an old one.
func checkOneEpoch(t *testing.T, c rueidis.Client, old uint64) {
	t.Helper()
	answer := redistest.Do(t, c, "XRANGE", logKey, "-", "+")
	entries, err := answer.AsXRange()
	if err != nil {
		t.Fatal(err)
	}
	begun := 0
	for _, e := range entries {
		if _, isRecord := e.FieldValues["r"]; !isRecord && !strings.HasPrefix(e.FieldValues["h"], fmt.Sprint(old, " ")) {
			begun++
		}
	}
	if begun != 1 {
		t.Errorf("%d epochs have begun", begun)
	}
}

// TestScriptsAreFlushed: nobody notices.
func TestScriptsAreFlushed(t *testing.T) {
	s := redistest.Start(t)
	f := startFleet(t, 2, client(t, redisclient.Options{URL: "redis://" + s.Addr}))
	c := s.Client()
	for i := range 10 {
		do(t, c, "SCRIPT FLUSH")
		if err := f.attempt(i%2, fmt.Sprint(i)); err != nil {
			t.Errorf("attempt %d: %v", i, err)
		}
	}
	f.check(t)
}

// TestClockOfRedisGoesBack: where a stream of messages is lost, and the clock of whoever makes it anew is behind, its IDs are lower than
// those that were read. Messages come all the same.
func TestClockOfRedisGoesBack(t *testing.T) {
	s := redistest.Start(t)
	f := startFleet(t, 2, client(t, redisclient.Options{URL: "redis://" + s.Addr}))
	c := s.Client()
	do(t, c, "XADD "+allKey+" 99999999999999-0 m ahead")
	f.publish(t, 0, "ahead")
	do(t, c, "DEL "+allKey)
	until(t, func() bool { // nodes that hear nothing of each other forget each other
		f.publish(t, 1, fmt.Sprint(time.Now()))
		return length(t, c) > 40
	})
	until(t, func() bool { return f.acked[len(f.acked)-1].Known == 2 })
	f.publish(t, 0, "behind")
	if last := f.acked[len(f.acked)-1]; last.Known != 2 || last.Tally.Nodes != 2 {
		t.Errorf("got %+v", last)
	}
}

// TestNodeIsAwayForLong: what the log has dropped while a node was cut off, the node has missed, and its pages are told so; it goes on
// with what follows.
func TestNodeIsAwayForLong(t *testing.T) {
	s := redistest.Start(t)
	o := client(t, redisclient.Options{URL: "redis://" + s.Addr})
	f := startFleet(t, 1, o)
	network := throughProxies(t, &o, []*redistest.Server{s})
	f.options.Client = o
	_, away := f.start(t)
	f.publish(t, 0, "before")
	f.check(t)
	network.Cut(true)
	for i := range 5 {
		f.publish(t, 0, fmt.Sprint("missed ", i))
	}
	do(t, s.Client(), "XTRIM "+logKey+" MAXLEN = 1")
	away.mu.Lock()
	away.gaps = nil
	away.mu.Unlock()
	network.Cut(false)
	until(t, func() bool { return len(away.ids()) > 1 })
	if got := fmt.Sprint(away.ids()); got != "[before missed 4]" {
		t.Errorf("the node got %s", got)
	}
	away.mu.Lock()
	defer away.mu.Unlock()
	if len(away.gaps) != 1 || away.gaps[0].Reason != scenecast.GapRetention {
		t.Errorf("its pages were told %+v", away.gaps)
	}
}

// TestForeignEntry: somebody writes into the log what is no record. It is passed over.
func TestForeignEntry(t *testing.T) {
	s := redistest.Start(t)
	f := startFleet(t, 2, client(t, redisclient.Options{URL: "redis://" + s.Addr}))
	f.publish(t, 0, "before")
	do(t, s.Client(), "XADD "+logKey+" * some thing")
	f.publish(t, 1, "after")
	f.check(t)
	do(t, s.Client(), "XADD "+logKey+" * some thing", "DEL "+headKey) // an epoch goes on from the entry before it
	f.publish(t, 0, "in a new epoch")
	f.check(t)
	f.start(t)
	f.check(t)
	if _, err := f.engines[1].After(t.Context(), f.acked[0].Position, 10); err != nil {
		t.Errorf("behind the first push: %v", err)
	}
}

// lines takes what is logged.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// TestEvictionIsWarnedOf, where the policy of the server can evict the log.
func TestEvictionIsWarnedOf(t *testing.T) {
	for _, c := range []struct {
		args []string
		want bool
	}{
		{[]string{"--maxmemory", "1gb", "--maxmemory-policy", "allkeys-lru"}, true},
		{[]string{"--maxmemory", "1gb", "--maxmemory-policy", "volatile-lru"}, false},
		{[]string{"--maxmemory-policy", "allkeys-lru"}, false},
	} {
		s := redistest.Start(t, c.args...)
		var log lines
		f := startFleet(t, 1, client(t, redisclient.Options{URL: "redis://" + s.Addr}), func(o *redis.Options) {
			o.Logger = slog.New(slog.NewTextHandler(&log, nil))
		})
		f.publish(t, 0, "one")
		if got := strings.Contains(log.String(), "Redis may evict the log"); got != c.want {
			t.Errorf("%q: logged %s", c.args, log.String())
		}
	}
}

// TestStreamsExpireAfterAFlush: when Redis has lost everything, the streams of messages, which are made anew, are told again how long to stay:
// those of nodes that are gone are not there for ever.
func TestStreamsExpireAfterAFlush(t *testing.T) {
	s := redistest.Start(t)
	f := startFleet(t, 2, client(t, redisclient.Options{URL: "redis://" + s.Addr}))
	control := s.Client()
	f.publish(t, 0, "before")
	do(t, control, "FLUSHALL")
	until(t, func() bool { // some seconds of beats, and less than those after which they are told without a cause
		answer := redistest.Do(t, control, "XLEN", allKey)
		n, _ := answer.AsInt64()
		return n >= 8
	})
	answer := redistest.Do(t, control, "PTTL", allKey)
	if ms, _ := answer.AsInt64(); ms <= 0 {
		t.Error("the stream stays for ever")
	}
}
