package redis_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"scenecast"
	"scenecast/engine/cluster"
	"scenecast/engine/redis"
	"scenecast/redisclient"
	"scenecast/redisclient/redistest"
)

// TestStartErrors: what waiting does not mend is told at the start, in words.
func TestStartErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sentinel.conf")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	sentinel := redistest.StartSentinel(t, file)
	s := redistest.Start(t, "--requirepass", "s3cret", "--user", "weak", "on", ">weak", "~*", "+@all", "-xadd", "--user", "nothing", "on", ">nothing")
	for o, want := range map[redisclient.Options]string{
		{URL: "redis://:wrong@" + s.Addr}:                           "WRONGPASS",
		{URL: "redis://" + s.Addr}:                                  "NOAUTH",
		{URL: "redis://weak:weak@" + s.Addr}:                        "XADD|xadd|can't run this command",
		{URL: "redis://nothing:nothing@" + s.Addr}:                  "NOPERM",
		{URL: "redis://:s3cret@" + s.Addr + "/99"}:                  "DB index is out of range",
		{URL: "redis://" + sentinel.Addr, SentinelMaster: "nobody"}: "No such master",
		{URL: "redis://:s3cret@" + s.Addr + "," + s.Addr}:           "cluster support disabled",
	} {
		e := cluster.New(redis.New(redis.Options{Client: client(t, o), Logger: logger()}), cluster.Options{ID: scenecast.NewNodeID(), Logger: logger()})
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		err := e.Start(ctx, new(sink))
		cancel()
		if err == nil || strings.Contains(err.Error(), "s3cret") || !containsAny(err.Error(), strings.Split(want, "|")) {
			t.Errorf("%+v: %v, want %s", o, err, want)
		}
		_ = e.Close()
	}
}

func containsAny(text string, words []string) bool {
	for _, w := range words {
		if strings.Contains(text, w) {
			return true
		}
	}
	return false
}

// TestKeyOfSomebodyElse: a key of the engine's that is of another type, at the start and while it runs, is told by its name.
func TestKeyOfSomebodyElse(t *testing.T) {
	s := redistest.Start(t)
	c := s.Client()
	var log lines
	options := redis.Options{Client: client(t, redisclient.Options{URL: s.URL()}), Logger: slog.New(slog.NewTextHandler(&log, nil))}
	const want = "somebody else has set {scenecast:scenecast}:log, or another key with that prefix: WRONGTYPE"
	do(t, c, "SET {scenecast:scenecast}:log mine")
	e := cluster.New(redis.New(options), cluster.Options{ID: scenecast.NewNodeID(), Logger: options.Logger})
	if err := e.Start(t.Context(), new(sink)); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("at the start: %v", err)
	}
	_ = e.Close()
	do(t, c, "DEL {scenecast:scenecast}:log")
	f := startFleet(t, 1, options.Client, func(o *redis.Options) { o.Logger = options.Logger })
	f.publish(t, 0, "before")
	do(t, c, "SET {scenecast:scenecast}:log mine")
	until(t, func() bool { return strings.Contains(log.String(), want) })
	f.awaitFailure(t, 0, "during")
	do(t, c, "DEL {scenecast:scenecast}:log")
	f.publish(t, 0, "after")
	f.check(t)
}

// TestStartWaits for a Redis that is not there yet.
func TestStartWaits(t *testing.T) {
	s := redistest.Start(t)
	s.Kill()
	e := cluster.New(redis.New(redis.Options{Client: client(t, redisclient.Options{URL: "redis://" + s.Addr}), Logger: logger()}), cluster.Options{ID: scenecast.NewNodeID(), Logger: logger()})
	started := make(chan error)
	go func() { started <- e.Start(t.Context(), new(sink)) }()
	select {
	case err := <-started:
		t.Errorf("it has not waited: %v", err)
	case <-time.After(300 * time.Millisecond):
		s.Restart()
		if err := <-started; err != nil {
			t.Error(err)
		}
	}
	_ = e.Close()
}

// TestLeastRights: a user who may no more than docs/cluster.md says.
func TestLeastRights(t *testing.T) {
	s := redistest.Start(t)
	text, err := os.ReadFile("../../docs/cluster.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rule, ok := strings.Cut(string(text), "ACL SETUSER scenecast ")
	rule, _, _ = strings.Cut(rule, "\n")
	if !ok {
		t.Fatal("docs/cluster.md does not say which rights a user needs")
	}
	do(t, s.Client(), "ACL SETUSER scenecast "+strings.ReplaceAll(rule, "PASSWORD", "s3cret"))
	f := startFleet(t, 2, client(t, redisclient.Options{URL: "redis://scenecast:s3cret@" + s.Addr}), func(o *redis.Options) { o.MaxAge = time.Second })
	f.publish(t, 0, "one")
	f.publish(t, 1, "two")
	f.check(t)
	f.checkLog(t)
	c := s.Client()
	until(t, func() bool { // what is too old is dropped, which needs a right of its own
		answer := redistest.Do(t, c, "INFO", "commandstats")
		text, _ := answer.ToString()
		return strings.Contains(text, "cmdstat_xtrim:")
	})
	answer := redistest.Do(t, s.Client(), "ACL", "LOG")
	if denied, _ := answer.ToArray(); len(denied) > 0 {
		t.Errorf("it was denied %v", denied)
	}
}
