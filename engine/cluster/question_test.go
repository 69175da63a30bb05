package cluster

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"scenecast"
	"scenecast/audience"
	"scenecast/label"
	"scenecast/problem"
)

// TestQuestionThatIsNotCarried: where the backend does not carry a question, no node is asked, this one neither, and none is taken for
// late.
func TestQuestionThatIsNotCarried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 2, 1, faults{})
		defer c.close()
		time.Sleep(2 * time.Second) // both have beaten
		c.backs[0].carries = 4096
		all := scenecast.Query{App: "app", To: audience.Everybody()}
		tooLong := all
		tooLong.Relabel = &scenecast.Relabel{Change: label.Change{"page": {strings.Repeat("v", 4096)}}}
		begun := time.Now()
		_, err := c.engines[0].Ask(t.Context(), tooLong)
		if of := problem.Of(err); of == nil || of.Kind != problem.TooLarge || time.Since(begun) != 0 {
			t.Errorf("%v after %v; want too_large at once", err, time.Since(begun))
		}
		for i, s := range c.sinks {
			if asked := s.asked(); len(asked) != 0 {
				t.Errorf("node %d was asked %v", i, asked)
			}
		}
		if r, err := c.engines[0].Ask(t.Context(), all); err != nil || r.Tally.Nodes != 2 || time.Since(begun) != 0 {
			t.Errorf("%+v, %v, after %v; want 2 nodes at once", r, err, time.Since(begun))
		}
	})
}
