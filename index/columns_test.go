package index

import (
	"fmt"
	"slices"
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
	for _, step := range []struct {
		member uint32
		want   string
	}{{3, "[order page tag]"}, {700, "[]"}} {
		got := x.AppendKeys(step.member, nil)
		if slices.Sort(got); fmt.Sprint(got) != step.want {
			t.Errorf("the keys of %d are %v, want %s", step.member, got, step.want)
		}
	}
	if got := x.AppendKeys(3, []string{"page"}); len(got) != 4 || got[0] != "page" {
		t.Errorf("behind others: %v", got)
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
