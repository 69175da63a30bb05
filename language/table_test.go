package language

import (
	"strings"
	"testing"
)

// TestTable: columns begin, or end, below each other on a terminal, where Chinese characters take two columns.
func TestTable(t *testing.T) {
	for _, c := range []struct {
		table Table
		want  string
	}{
		{Table{}, "节点    页面\na       1\n本节点  10，其中\nb\n"},
		{Table{Right: true}, "    节点      页面\n       a         1\n  本节点  10，其中\n       b\n"},
	} {
		c.table.Row("节点", "页面")
		c.table.Row("a", "1")
		c.table.Row("本节点", "10，其中")
		c.table.Row("b")
		var b strings.Builder
		if err := c.table.Write(&b); err != nil || b.String() != c.want {
			t.Errorf("%v\n%s want\n%s", err, b.String(), c.want)
		}
	}
	for text, want := range map[string]int{"": 0, "a–é": 3, "页面": 4, "（1）": 5, "“是”": 4, "、。": 4} {
		if got := Width(text); got != want {
			t.Errorf("%q takes %d columns, not %d", text, got, want)
		}
	}
}
