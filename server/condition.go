package server

import (
	"sync/atomic"
	"time"

	"scenecast"
	"scenecast/api"
	"scenecast/histogram"
	"scenecast/hook"
	"scenecast/language"
)

// condition samples the node's health. The recorder takes a sample every five seconds, so that answering another node costs nothing.
type condition struct {
	latest atomic.Pointer[conditionSample]

	// The recorder's goroutine only.
	waits []histogram.Snapshot      // of each loop, at the last sample
	lags  [lagSamples]time.Duration // the loops' lag at each sample of the last minute, a ring
	next  int                       // index into lags
}

// conditionSample is what one sample has found. Nobody changes it.
type conditionSample struct {
	loopLag  time.Duration // the longest of the last minute
	problems []language.Message
}

const (
	// lagSamples is the number of samples over which the loops' lag is the maximum: those of the last minute.
	lagSamples = int(time.Minute / (5 * time.Second))
	// lagTooLong is a lag of a loop that pages notice.
	lagTooLong = 500 * time.Millisecond
	// nearly is how much of a limit, in percent, may be taken before that is told.
	nearly = 90
	// maxProblems bounds how many problems a node tells of.
	maxProblems = 10
)

// nodeCondition is this node's condition: its engine, the latest sample, and whether it drains. It may be called concurrently.
func (s *Server) nodeCondition() scenecast.Condition {
	c := scenecast.Condition{Engine: s.options.Config.EngineName()}
	if latest := s.condition.latest.Load(); latest != nil {
		c.LoopLag, c.Texts = latest.loopLag, latest.problems
		for _, text := range latest.problems {
			c.Problems = append(c.Problems, text.In(language.English))
		}
	}
	if d := s.Draining(); d.State != api.DrainServing {
		c.Draining, c.DrainingSince = string(d.State), *d.Since
	} else if s.draining.Load() {
		c.Draining, c.DrainingSince = string(api.DrainClosing), *s.stopsSince.Load()
	}
	return c
}

// sampleCondition takes a sample. The recorder's goroutine only.
func (s *Server) sampleCondition() {
	c := &s.condition
	var lag time.Duration // since the last sample
	outboxes := 0
	for i, loop := range s.loops {
		now := loop.Stats()
		if i == len(c.waits) {
			c.waits = append(c.waits, now.Waits)
		}
		since := now.Waits.Since(c.waits[i])
		if bound, ok := since.Quantile(1); ok {
			lag = max(lag, bound)
		} else if n := len(since.Bounds); n > 0 && since.Count() > 0 {
			lag = max(lag, since.Bounds[n-1])
		}
		lag = max(lag, now.Waiting, now.Stalled)
		c.waits[i] = now.Waits
		outboxes += s.loops[i].OutboxBytes()
	}
	c.lags[c.next] = lag
	c.next = (c.next + 1) % lagSamples
	for _, before := range c.lags {
		lag = max(lag, before)
	}
	files, _ := fileLimit()
	c.latest.Store(&conditionSample{lag, problemsOf(situation{
		loopLag:  lag,
		pages:    s.Connections(),
		files:    files,
		maxPages: s.reload.config().Limits.Connections,
		outboxes: outboxes, maxOutboxes: int(s.options.Config.Outbox.MaxTotal),
		hooks:      s.hooks.stats(""),
		noRegistry: s.registry != nil && !s.registry.Stats().Up,

		certificates: certificateProblems(s.certificates(), time.Now()),
	})})
}

// situation is what problemsOf judges.
type situation struct {
	loopLag               time.Duration
	pages                 int
	files                 uint64 // descriptors that the process may have; 0: it is not known
	maxPages              int    // 0: any number
	outboxes, maxOutboxes int    // bytes
	hooks                 []hook.Stats
	noRegistry            bool
	certificates          []language.Message // what is wrong with them
}

// problemsOf are what is wrong, or soon will be, in words. Why a node is not ready is none of it: that is told by itself.
func problemsOf(s situation) (problems []language.Message) {
	say := func(text language.Text) { problems = append(problems, text.Message()) }
	isNear := func(n, limit int) bool { return limit > 0 && n >= limit/100*nearly+limit%100*nearly/100 }
	if s.loopLag >= lagTooLong {
		say(language.Textf("a loop was blocked for up to %v within the last minute: pushes came late to its pages", s.loopLag.Round(time.Millisecond)))
	}
	if isNear(s.pages+ownFiles, int(s.files)) {
		say(language.Textf("the file limit is near: %d pages, and %d descriptors for them and all else (LimitNOFILE)", s.pages, s.files))
	}
	if isNear(s.pages, s.maxPages) {
		say(language.Textf("the limit of pages is near: %d of %d (limits.connections)", s.pages, s.maxPages))
	}
	if isNear(s.outboxes, s.maxOutboxes) {
		say(language.Textf("outboxes are nearly full: %d of %d MiB (outbox.max_total)", s.outboxes>>20, s.maxOutboxes>>20))
	}
	if s.noRegistry {
		say(language.Textf("the Redis of the registry cannot be reached (redis.registry)"))
	}
	problems = append(problems, s.certificates...)
	for _, h := range s.hooks {
		if h.Failing {
			say(language.Textf("the hook %s of the app %s is failing; events waiting: %d", h.Name, h.App, h.Queued))
		}
	}
	if n := len(problems); n > maxProblems {
		problems = append(problems[:maxProblems-1:maxProblems-1], language.Textf("and %d more", n-maxProblems+1).Message())
	}
	return problems
}
