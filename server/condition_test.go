package server

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"scenecast"
	"scenecast/hook"
	"scenecast/language"
)

// TestProblems: what is told to be wrong, just when it is.
func TestProblems(t *testing.T) {
	well := situation{loopLag: 100 * time.Millisecond, pages: 17_000, files: 20_000, maxPages: 19_000, outboxes: 50 << 20, maxOutboxes: 64 << 20,
		hooks: []hook.Stats{{Name: "orders", App: "shop", Queued: 7, Failures: 3}}}
	for _, c := range []struct {
		change func(*situation)
		want   []string
	}{
		{func(*situation) {}, nil},
		{func(s *situation) { s.files, s.maxPages, s.maxOutboxes = 0, 0, 0 }, nil},
		{func(s *situation) { s.loopLag = lagTooLong }, []string{"a loop was blocked for up to 500ms within the last minute: pushes came late to its pages"}},
		{func(s *situation) { s.pages, s.maxPages = 17_936, 0 }, []string{"the file limit is near: 17936 pages, and 20000 descriptors for them and all else (LimitNOFILE)"}},
		{func(s *situation) { s.pages = 17_100 }, []string{"the limit of pages is near: 17100 of 19000 (limits.connections)"}},
		{func(s *situation) { s.outboxes = 60 << 20 }, []string{"outboxes are nearly full: 60 of 64 MiB (outbox.max_total)"}},
		{func(s *situation) { s.noRegistry = true }, []string{"the Redis of the registry cannot be reached (redis.registry)"}},
		{func(s *situation) { s.hooks[0].Failing = true }, []string{"the hook orders of the app shop is failing; events waiting: 7"}},
	} {
		s := well
		s.hooks = slices.Clone(well.hooks)
		c.change(&s)
		got := scenecast.Condition{Texts: problemsOf(s)}
		got.Problems = englishOf(got.Texts)
		if !slices.Equal(got.Problems, c.want) {
			t.Errorf("%q, want %q", got.Problems, c.want)
		}
		for i, chinese := range got.ProblemsIn(language.Chinese) {
			if chinese == c.want[i] || strings.Contains(chinese, "%!") {
				t.Errorf("in Chinese: %q", chinese)
			}
		}
	}
	many := well
	for i := range 50 {
		many.hooks = append(many.hooks, hook.Stats{Name: fmt.Sprint("hook", i), App: "shop", Failing: true})
	}
	if got := problemsOf(many); len(got) != maxProblems || got[maxProblems-1].Error() != "and 41 more" {
		t.Errorf("of many: %q", got)
	}
}

// englishOf are texts in English.
func englishOf(texts []language.Message) (english []string) {
	for _, text := range texts {
		english = append(english, text.In(language.English))
	}
	return english
}
