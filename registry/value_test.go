package registry

import (
	"encoding/json"
	"testing"
	"time"

	"scenecast"
	"scenecast/label"
)

func TestAppendValue(t *testing.T) {
	since := time.Date(2026, 3, 4, 5, 6, 7, 8, time.FixedZone("", 3600))
	for want, labels := range map[string]label.Set{
		`{"fd":"5203.17","node":5203,"app":"default","since":"2026-03-04T04:06:07Z","labels":{}}`: {},
		`{"fd":"5203.17","node":5203,"page":"home","app":"default","user":"42","since":"2026-03-04T04:06:07Z",` +
			`"labels":{"@id":"5203.17","@user":"42","page":"home"}}`: label.New(
			label.Label{Key: "page", Value: "home"}, label.Label{Key: "@user", Value: "42"}, label.Label{Key: "@id", Value: "5203.17"}),
		// What a page claims takes the place of nothing.
		`{"fd":"5203.17","node":5203,"app":"default","since":"2026-03-04T04:06:07Z",` +
			`"labels":{"app":"x","fd":"1","labels":"x","node":"7","since":"x","user":"42"}}`: label.New(
			label.Label{Key: "user", Value: "42"}, label.Label{Key: "fd", Value: "1"}, label.Label{Key: "node", Value: "7"},
			label.Label{Key: "app", Value: "x"}, label.Label{Key: "since", Value: "x"}, label.Label{Key: "labels", Value: "x"}),
		`{"fd":"5203.17","node":5203,"a":"","tag":["\n","\"1\"","页"],"z":"1","app":"default","since":"2026-03-04T04:06:07Z",` +
			`"labels":{"a":"","tag":["\n","\"1\"","页"],"z":"1"}}`: label.New(
			label.Label{Key: "tag", Value: "\n"}, label.Label{Key: "tag", Value: "页"}, label.Label{Key: "tag", Value: `"1"`},
			label.Label{Key: "z", Value: "1"}, label.Label{Key: "a", Value: ""}),
	} {
		c := connection{id: scenecast.ConnID{Node: 5203, Seq: 17}, app: scenecast.DefaultApp, labels: labels, since: since}
		got := string(appendValue(nil, 5203, c))
		if got != want {
			t.Errorf("the value is\n\t%s, want\n\t%s", got, want)
		}
		if node, ok := ownerOf(got); node != "5203" || !ok {
			t.Errorf("the owner of %s is %q, %v", got, node, ok)
		}
		var decoded struct{ Labels label.Set }
		if err := json.Unmarshal([]byte(got), &decoded); err != nil || !decoded.Labels.Equal(labels) {
			t.Errorf("%s has the labels %v, %v, want %v", got, decoded.Labels, err, labels)
		}
	}
}

// TestOwnerOf: what is not the registry's own has no owner.
func TestOwnerOf(t *testing.T) {
	for _, value := range []string{
		"", "{}", "1", `{"page":"home","fd":5}`, `{"fd":"5"}`, `{"fd":"5","node":`, `{"fd":"5","node":7`, `{"fd":"5","node":"7","a":1}`,
		`{"fd":"5","node":x,"a":1}`, `{"fd":"5","node":-1,"a":1}`, `{"page":"{\"fd\":\"5\",\"node\":7,"}`,
	} {
		if node, ok := ownerOf(value); ok {
			t.Errorf("the owner of %s is %q", value, node)
		}
	}
}
