package redis

import (
	"context"

	"github.com/redis/rueidis"

	"scenecast/redisclient"
)

// servers are those of which one keeps the log. With Sentinels, which one that is is looked up here, as the library asks one of them at a
// time, and believes it.
type servers struct {
	client    rueidis.Client         // nil: there are Sentinels
	sentinels *redisclient.Sentinels // nil: there are none
}

// connection is one to the server that kept the log when it was opened.
type connection struct {
	rueidis.DedicatedClient
	master string         // with Sentinels: the server
	client rueidis.Client // … and the client that has no other connection
}

// connectServers connects to Redis, and with Sentinels to them. Changed is called when they name another master.
func connectServers(ctx context.Context, o rueidis.ClientOption, changed func()) (*servers, error) {
	if o.Sentinel.MasterSet == "" {
		client, err := redisclient.Connect(o)
		return &servers{client: client}, err
	}
	s := redisclient.WatchSentinels(o, changed)
	err := s.Await(ctx)
	if err == nil {
		var client rueidis.Client
		if client, err = redisclient.Connect(s.ServerOption(s.Master())); err == nil {
			client.Close()
		}
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return &servers{sentinels: s}, nil
}

func (s *servers) connect() (*connection, error) {
	if s.sentinels == nil {
		c, _ := s.client.Dedicate()
		return &connection{DedicatedClient: c}, nil
	}
	master := s.sentinels.Master()
	client, err := redisclient.Connect(s.sentinels.ServerOption(master))
	if err != nil {
		return nil, err
	}
	c, _ := client.Dedicate()
	return &connection{c, master, client}, nil
}

// isCurrent reports whether a connection leads to the server that is the master by now. Without Sentinels, the server itself says when it
// is none.
func (s *servers) isCurrent(c *connection) bool {
	return s.sentinels == nil || s.sentinels.Master() == c.master
}

func (s *servers) close() {
	if s.sentinels != nil {
		s.sentinels.Close()
	} else {
		s.client.Close()
	}
}

// Close closes the connection, also under whoever uses it.
func (c *connection) Close() {
	c.DedicatedClient.Close()
	if c.client != nil {
		c.client.Close()
	}
}
