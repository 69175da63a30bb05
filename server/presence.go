package server

import (
	"scenecast"
	"scenecast/hook/event"
	"scenecast/hook/feed"
	"scenecast/hub"
	"scenecast/presence"
	"scenecast/sockjs"
	"scenecast/tracing"
)

// newPresence makes what knows who is in which scene. The hub, which it tells pages by, is made later.
func (s *Server) newPresence(id scenecast.NodeID, broadcast func(message []byte)) {
	s.presence = presence.NewService(presence.Options{
		Node:      id,
		Keys:      s.apps.presence,
		Hub:       func() presence.Hub { return s.hub },
		Broadcast: broadcast,
		Nodes:     s.presenceNodes,
		Logger:    s.log,

		Counted: s.hooks.tellPusherCount,
		Events:  s.hooks.tellPresence,
		WantsEvents: func(app string, kind presence.EventKind) bool {
			return s.hooks.Wants(app, event.Type(kind)) || s.hooks.wantsPresence(app, kind)
		},
	})
}

// nodeIDs are the nodes that the engine knows.
func (s *Server) nodeIDs() (ids []scenecast.NodeID) {
	if lister, ok := s.engine.(scenecast.NodeLister); ok {
		for _, n := range lister.Nodes().Nodes {
			ids = append(ids, n.ID)
		}
	}
	return ids
}

// presenceNodes are the nodes that the engine knows, for presence.
func (s *Server) presenceNodes() (nodes []presence.Node) {
	if lister, ok := s.engine.(scenecast.NodeLister); ok {
		for _, n := range lister.Nodes().Nodes {
			nodes = append(nodes, presence.Node{ID: n.ID, Started: n.Started})
		}
	}
	return nodes
}

// node is this process's end of the engine: the hub, and what other nodes tell presence, the feed and sessions.
type node struct {
	*hub.Hub
	presence *presence.Service
	feed     *feed.Feed
	sessions *sockjs.Sessions
	tracing  *tracing.Tracing
	server   *Server
}

var _ scenecast.Node = node{}

// Answer implements scenecast.Node.
func (n node) Answer(q scenecast.Query, report func(scenecast.Reply)) {
	if q.Stats != nil {
		n.server.answerStats(q, report)
		return
	}
	n.Hub.Answer(q, report)
}

// Received implements scenecast.Node.
func (n node) Received(message []byte) {
	switch {
	case presence.IsMessage(message):
		n.presence.Received(message)
	case feed.IsMessage(message):
		n.feed.Received(message)
	case sockjs.IsMessage(message):
		n.sessions.Received(message)
	default:
		n.Hub.Received(message)
	}
}
