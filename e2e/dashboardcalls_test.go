package e2e_test

import (
	_ "embed"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"scenecast/bench/viewer"
)

//go:embed testdata/calls.js
var recordCalls string

// The calls that package viewer replays are those that the tab makes, with the same times between them.
func TestDashboardCalls(t *testing.T) {
	t.Parallel()
	b := startDashboard(t, nil)
	b.join(url.Values{"page": {"home"}})
	d := openDashboard(t, b, profile{language: "en"})
	d.look(look{1280, "light"})
	d.run(recordCalls)
	d.login(operatorKey)
	const audience = `input[role=combobox]`
	for _, s := range viewer.Screens {
		d.screen(s.Name)
		if s.Name == "push" { // the audience is kept while one looks at another screen, so that what completes it while it is typed is not counted
			d.typeInto(audience, `page == "home"`)
			d.wait(`e2e.calls.push?.some(({path}) => path === "v1/audience")`)
			d.screen("history")
			d.run(`e2e.calls.push = []`)
			d.run(`location.hash = "#/push"`)
		}
		var want []map[string]any // whose names JSON has in order
		for _, c := range slices.SortedFunc(slices.Values(s.Calls), func(a, b viewer.Call) int { return strings.Compare(a.Path, b.Path) }) {
			want = append(want, map[string]any{"method": c.Method, "path": c.Path, "body": c.Body, "every": c.Every / time.Millisecond, "streams": c.Streams})
		}
		d.waitFor(`e2e.called("`+s.Name+`")`, want)
	}
	for _, s := range viewer.Screens { // nothing has come later
		d.expect(`e2e.called("`+s.Name+`").length`, len(s.Calls))
	}
}
