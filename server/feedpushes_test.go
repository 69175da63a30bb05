package server_test

import (
	"encoding/json"
	"testing"
)

// toldPush is an event of a push.
type toldPush struct {
	Type string
	Data struct {
		App, Push, To, Event, Position string
		Node                           json.Number
		Labels                         map[string]any
	}
}

func (s *feedStream) push() (p toldPush) {
	s.t.Helper()
	name, data := s.next()
	if err := json.Unmarshal([]byte(data), &p); err != nil || name != "push" || p.Type != "push" {
		s.t.Fatalf("%s %s", name, data)
	}
	return p
}

// TestFeedOfPushes: who names pushes is told of those of its app, or of its confinement, and nobody else.
func TestFeedOfPushes(t *testing.T) {
	s := start(t, map[string]string{"api_keys": "[{name: all, key: " + apiKey + "}, {name: seven, key: " + tenantKey + `, within: 'tenant == "7"'}]`}, nil)
	all, seven := s.feed(apiKey, "events=push,connected", ""), s.feed(tenantKey, "events=push", "")
	others := s.feed(apiKey, "", "")
	for _, stream := range []*feedStream{all, seven, others} {
		stream.ready()
	}
	s.publish(`{"to":{"page":"home"},"id":"a","event":"news","message":"not to be told"}`)
	if status, answer := s.call("POST", "/v1/push", tenantKey, "", `{"to":"*","id":"b","message":1}`); status != 200 {
		t.Fatal(answer)
	}
	s.page("page=home")
	first, second := all.push(), all.push()
	if d := first.Data; d.App != "default" || d.Push != "a" || d.To != `page == "home"` || d.Event != "news" || d.Position != s.epoch()+"-1" || d.Node != "" || d.Labels != nil {
		t.Errorf("the first push: %+v", d)
	}
	if d := second.Data; d.Push != "b" || d.To != `tenant == "7"` || d.Position != s.epoch()+"-2" {
		t.Errorf("the second push: %+v", d)
	}
	if d := seven.push().Data; d.Push != "b" || d.To != `tenant == "7"` || d.Position != "" {
		t.Errorf("the confined key is told %+v", d)
	}
	for _, stream := range []*feedStream{all, others} { // which has not named pushes
		if name, data := stream.next(); name != "connected" {
			t.Errorf("told of %s %s", name, data)
		}
	}
}
