package server

import (
	"context"
	"time"

	"github.com/redis/rueidis"

	"scenecast"
	"scenecast/config"
	"scenecast/hub"
	"scenecast/metrics"
	"scenecast/redisclient"
	"scenecast/registry"
)

// newRegistry makes the registry of connections, where one is asked for. Redis need not be there, but its settings must be right.
func (s *Server) newRegistry(c config.Redis, id scenecast.NodeID, succeeds bool) error {
	if !c.Registry {
		return nil
	}
	o := RedisClientOptions(c)
	o.Name = "scenecast-registry"
	option, err := redisclient.Option(o)
	if err != nil {
		return err
	}
	option.PipelineMultiplex = -1 // one connection is enough for it
	s.registry = registry.New(registry.Options{
		Connect: func() (rueidis.Client, error) { return redisclient.Connect(option) },
		Key:     c.RegistryHash(),
		Node:    id,

		Succeeds: succeeds,
		Logger:   s.log,
	})
	return nil
}

// observers are who is told what changes among the connections.
func (s *Server) observers() []hub.Observer {
	all := []hub.Observer{s.hooks, s.presence}
	if s.registry != nil {
		all = append(all, s.registry)
	}
	if s.access != nil {
		s.accessPages = &accessPages{log: s.access, pages: make(map[scenecast.ConnID]accessPage)}
		all = append(all, s.accessPages)
	}
	return all
}

// registryTime is how long the registry may take, when all pages have left, to delete what it has of them. What it then leaves behind,
// other nodes delete, or it expires.
const registryTime = 2 * time.Second

func (s *Server) closeRegistry() {
	if s.registry == nil {
		return
	}
	select {
	case <-s.handovers.left: // another process keeps what the registry has
		s.registry.Abandon()
		return
	default:
	}
	ctx, cancel := context.WithTimeout(context.Background(), registryTime)
	defer cancel()
	s.registry.Close(ctx)
}

// registryFigures are the registry's.
func (s *Server) registryFigures() metrics.Registry {
	if s.registry == nil {
		return metrics.Registry{}
	}
	f := s.registry.Stats()
	return metrics.Registry{On: true, Up: f.Up, Connections: f.Connections, Rebuilds: f.Rebuilds}
}
