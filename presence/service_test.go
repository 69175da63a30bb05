package presence_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"scenecast/audience"
	"scenecast/hub"
	"scenecast/presence"
)

// noHub has no connections.
type noHub struct{}

func (noHub) Notify(string, audience.Expr, *hub.Notice) {}
func (noHub) Walk(func(hub.Member))                     {}

// TestUnusedServiceIsSilent: a node tells the others nothing, and does not even look who they are, until any node has told of a member. From
// then on it looks after them, also when that member has left.
func TestUnusedServiceIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told, looked := 0, 0
		s := presence.NewService(presence.Options{
			Node:      1,
			Keys:      func(string) []presence.Key { return []presence.Key{{Name: "order", MaxMembers: 1000}} },
			Hub:       func() presence.Hub { return noHub{} },
			Broadcast: func([]byte) { told++ },
			Nodes:     func() []presence.Node { looked++; return []presence.Node{{ID: 1}, {ID: 2}} },
		})
		s.Start()
		defer s.Close()
		time.Sleep(time.Hour)
		synctest.Wait()
		if told > 0 || looked > 1 {
			t.Errorf("%d messages, and the nodes were looked at %d times", told, looked)
		}
		s.Received([]byte(`{"presence":{"from":2,"changes":{"seq":1,"scenes":[{"app":"shop","key":"order","value":"7","records":[{"since":1},{"user":"1","n":1,"since":1}]}]}}}`))
		time.Sleep(time.Second)
		synctest.Wait()
		if members, _ := s.Scene(presence.SceneID{App: "shop", Key: "order", Value: "7"}, "", 10); len(members) != 1 || members[0].User != "1" || looked < 3 {
			t.Errorf("members %v, and the nodes were looked at %d times", members, looked)
		}
		if told > 0 {
			t.Errorf("%d messages of a node that has nothing to tell", told)
		}
	})
}

// TestServiceAnswersAndAsks: a node that has told of nothing answers who asks, and asks for what it has missed.
func TestServiceAnswersAndAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		s := presence.NewService(presence.Options{
			Node:      1,
			Keys:      func(string) []presence.Key { return nil },
			Hub:       func() presence.Hub { return noHub{} },
			Broadcast: func(m []byte) { told = append(told, string(m)) },
			Nodes:     func() []presence.Node { return []presence.Node{{ID: 1}, {ID: 2}} },
		})
		s.Start()
		defer s.Close()
		// Node 2 asks for a snapshot of a node that has nothing, and then misses a message.
		s.Received([]byte(`{"presence":{"from":2,"want":{"node":1}}}`))
		time.Sleep(time.Second)
		s.Received([]byte(`{"presence":{"from":2,"digest":{"seq":3}}}`))
		time.Sleep(time.Second)
		synctest.Wait()
		if got, want := strings.Join(told, "\n"), `{"presence":{"from":1,"snapshot":{"seq":0,"part":0,"last":true,"scenes":null}}}`+"\n"+
			`{"presence":{"from":1,"want":{"node":2}}}`; got != want {
			t.Errorf("told\n%s\nwant\n%s", got, want)
		}
	})
}
