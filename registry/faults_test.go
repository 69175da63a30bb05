package registry_test

import (
	"log/slog"
	"strings"
	"testing"

	"scenecast/redisclient/redistest"
	"scenecast/registry"
)

// TestSomebodyDeletesTheHash: each node writes its fields anew, also where none changes.
func TestSomebodyDeletesTheHash(t *testing.T) {
	s := redistest.Start(t)
	a, b := start(t, s.URL(), 1, patient(s)), start(t, s.URL(), 2, patient(s))
	for range 1200 {
		a.join(page("home"))
	}
	b.join(page("list"))
	settles(t, s.Client(), a, b)
	redistest.Do(t, s.Client(), "DEL", hash)
	settles(t, s.Client(), a, b)
	if a, b := a.Stats().Rebuilds, b.Stats().Rebuilds; a != 1 || b != 1 {
		t.Errorf("the nodes have written their fields anew %d and %d times, want once", a, b)
	}
	a.stop(t)
	b.stop(t)
}

// TestKeyOfSomebodyElse: a key of another type is left as it is, does not expire, and counts as a Redis that cannot be used until it is gone.
func TestKeyOfSomebodyElse(t *testing.T) {
	s := redistest.Start(t)
	c := s.Client()
	redistest.Do(t, c, "SADD", hash, "member")
	var log strings.Builder
	n := start(t, s.URL(), 1, func(o *registry.Options) { o.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	n.join(page("home"))
	eventually(t, "it is tried again", func() bool {
		answer := redistest.Do(t, c, "INFO", "errorstats")
		text, _ := answer.ToString()
		return strings.Contains(text, "errorstat_WRONGTYPE") && !strings.Contains(text, "errorstat_WRONGTYPE:count=1\r")
	})
	if n.Stats().Up {
		t.Error("Redis counts as up")
	}
	answer := redistest.Do(t, c, "PTTL", hash)
	if ttl, _ := answer.AsInt64(); ttl != -1 {
		t.Errorf("the key of somebody else expires in %d ms", ttl)
	}
	if keys := keysOf(t, c); keys != "["+hash+"]" {
		t.Errorf("there are the keys %s", keys)
	}
	redistest.Do(t, c, "DEL", hash)
	settles(t, c, n)
	n.stop(t)
	if !strings.Contains(log.String(), "writing "+hash+": WRONGTYPE") {
		t.Errorf("the log does not say why: %s", &log)
	}
}

// TestPasswordIsChanged: the log says so, though a closed connection is what shows first.
func TestPasswordIsChanged(t *testing.T) {
	s := redistest.Start(t)
	c := s.Client()
	var log lines
	n := start(t, s.URL(), 1, patient(s), func(o *registry.Options) { o.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	n.join(page("home"))
	settles(t, c, n)
	redistest.Do(t, c, "ACL", "SETUSER", "default", "resetpass", ">changed")
	redistest.Do(t, c, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
	eventually(t, "the log says why", func() bool { return strings.Contains(log.String(), "NOAUTH") })
	redistest.Do(t, c, "ACL", "SETUSER", "default", "nopass")
	n.join(page("list"))
	settles(t, c, n)
	n.stop(t)
	if lines := strings.Count(log.String(), "Redis cannot be used"); lines > 2 {
		t.Errorf("it was told %d times", lines)
	}
}
