package audience

import (
	"testing"

	"scenecast/label"
)

// TestMayMatch: what is told of a connection of which one label is known; whatever else it may have, it is not told that it cannot match where it can.
func TestMayMatch(t *testing.T) {
	home := label.New(label.Label{Key: "page", Value: "home"})
	var none label.Set
	for _, c := range []struct {
		text               string
		home, without, any bool // of a page at home, of one that is nowhere, of one of which nothing is known
	}{
		{`*`, true, true, true},
		{`page == "home"`, true, false, true},
		{`page == "list"`, false, false, true},
		{`page in ["list", "home"]`, true, false, true},
		{`page != "home"`, false, true, true},
		{`has(page)`, true, false, true},
		{`!has(page)`, false, true, true},
		{`page.startsWith("h")`, true, false, true},
		{`page.startsWith("l")`, false, false, true},
		{`order == "7"`, true, true, true},
		{`order != "7"`, true, true, true},
		{`page == "home" && order == "7"`, true, false, true},
		{`page == "list" && order == "7"`, false, false, true},
		{`page == "list" || order == "7"`, true, true, true},
		{`!(page == "home" || order == "7")`, false, true, true},
		{`!(page == "home" && order == "7")`, true, true, true},
		{`order == "7" && order != "7"`, true, true, true}, // as it is told: nothing is assumed of a key that is not known
	} {
		e := mustParse(t, c.text)
		for _, is := range []struct {
			known  []string
			labels label.Set
			want   bool
		}{{[]string{"page"}, home, c.home}, {[]string{"page"}, none, c.without}, {nil, none, c.any}} {
			if got := e.MayMatch(is.known, is.labels); got != is.want {
				t.Errorf("%s may match %v (known are %q): %v", c.text, is.labels, is.known, got)
			}
		}
	}
	if (Expr{}).MayMatch(nil, none) {
		t.Error("nobody may match")
	}
}

// FuzzMayMatch compares it with Match, of connections with some of the labels that the expression speaks of.
func FuzzMayMatch(f *testing.F) {
	for _, s := range seeds {
		f.Add(s, uint64(5), uint64(3))
	}
	f.Fuzz(func(t *testing.T, text string, has, knows uint64) {
		e, err := Parse(text)
		if err != nil {
			return
		}
		var all, some []label.Label
		var known []string
		for i, key := range e.Labels() {
			if knows>>(i%64)&1 != 0 {
				known = append(known, key)
			}
		}
		root := e.Root()
		for i, l := range labelsIn(&root) {
			if has>>(i%64)&1 == 0 {
				continue
			}
			all = append(all, l)
			for _, key := range known {
				if key == l.Key {
					some = append(some, l)
				}
			}
		}
		if e.Match(label.New(all...)) && !e.MayMatch(known, label.New(some...)) {
			t.Errorf("%s matches %v, and may not where %q of it are known", e, all, known)
		}
	})
}

// labelsIn are the labels that an expression speaks of.
func labelsIn(n *Node) (labels []label.Label) {
	for _, v := range n.Values {
		labels = append(labels, label.Label{Key: n.Key, Value: v})
	}
	for i := range n.Children {
		labels = append(labels, labelsIn(&n.Children[i])...)
	}
	return labels
}
