package index

import (
	"fmt"
	"strings"
	"testing"
)

// TestColumns: a member's values of some keys, as they are after each change of the index; in memory that is used again.
func TestColumns(t *testing.T) {
	x := New()
	long := strings.Repeat("long", 50)
	x.Join(3, set("page=home tag=b tag=a order="+long))
	x.Join(700, set(""))
	var c Columns
	of := func(member uint32, keys ...string) string {
		c = x.Columns(keys, c)
		return fmt.Sprintf("%s", c.Of(member))
	}
	for _, step := range []struct{ got, want string }{
		{of(3, "page", "nothing", "tag"), "[[home] [] [a b]]"},
		{of(3, "order"), "[[" + long + "]]"},
		{of(3), "[]"},
		{of(700, "page", "tag"), "[[] []]"},
		{of(3, "page", "page"), "[[home] [home]]"},
	} {
		if step.got != step.want {
			t.Errorf("%s, want %s", step.got, step.want)
		}
	}
	x.Relabel(3, set("tag=c"))
	if got := of(3, "page", "tag"); got != "[[] [c]]" {
		t.Errorf("relabelled: %s", got)
	}
	keys := []string{"page", "tag"}
	if n := testing.AllocsPerRun(100, func() {
		c = x.Columns(keys, c)
		c.Of(3)
	}); n != 0 {
		t.Errorf("it allocates %.0f times", n)
	}
}
