package server

import (
	"strings"
	"time"

	"scenecast"
	"scenecast/config"
	"scenecast/hook/event"
	"scenecast/hook/feed"
	"scenecast/label"
	"scenecast/presence"
	"scenecast/protocol/pusher/channel"
	"scenecast/push"
)

// newFeed makes the feed of events.
func (s *Server) newFeed(c config.Feed, id scenecast.NodeID, broadcast func(message []byte)) *feed.Feed {
	return feed.New(feed.Options{
		Node:      id,
		Keep:      time.Duration(c.MaxAge),
		MaxEvents: c.MaxCount,
		MaxBytes:  int64(c.MaxBytes),
		Broadcast: broadcast,
		Nodes:     s.nodeIDs,
		Logger:    s.log,
	})
}

// tellPresence tells the hooks of what presence tells once in the cluster. The scene, and the member's user, are among the labels, so
// that an audience can select them.
func (h *eventHooks) tellPresence(e presence.Event) {
	switch e.Scene.Key {
	case channel.Label, channel.MemberLabel:
		h.tellPusherPresence(e)
		return
	case scenecast.LabelUser: // for the watchlists of the Pusher protocol
		return
	}
	of := event.Type(e.Kind)
	if !h.Wants(e.Scene.App, of) {
		return
	}
	labels := []label.Label{{Key: e.Scene.Key, Value: e.Scene.Value}}
	if e.User != "" {
		labels = append(labels, label.Label{Key: scenecast.LabelUser, Value: e.User})
	}
	h.Emit(event.Event{ID: e.ID, Type: of, At: e.At, Data: event.Data{
		App:     e.Scene.App,
		Key:     e.Scene.Key,
		Value:   e.Scene.Value,
		User:    e.User,
		Version: e.Version,
		Labels:  e.Labels.Union(label.New(labels...)),
	}})
}

// tellTrigger tells the hooks of a trigger that has run.
func (h *eventHooks) tellTrigger(run push.TriggerRun) {
	if !h.Wants(run.Caller.App, event.Triggered) {
		return
	}
	by, _ := strings.CutPrefix(run.Caller.Credential, "key ") // "page" where it was a page's token
	h.Emit(event.Event{Type: event.Triggered, Trace: run.Trace, Data: event.Data{
		App:      run.Caller.App,
		Trigger:  run.Name,
		By:       by,
		Push:     run.Result.ID,
		Matched:  run.Result.Tally.Matched,
		Position: run.Result.Position.String(),
	}})
}
