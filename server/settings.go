package server

import (
	"context"
	"strings"

	"scenecast/api"
	"scenecast/config"
	"scenecast/language"
	"scenecast/problem"
)

// settings tells what is in force, and what a reload would change: the configuration is read as for one, and nothing else is done.
func (s *Server) settings(ctx context.Context, key string) (told api.Settings, err error) {
	select {
	case <-s.reload.turn:
		defer func() { s.reload.turn <- struct{}{} }()
	case <-ctx.Done():
		return told, problem.New(problem.Unavailable, "a reload has not ended yet")
	}
	inForce := s.reload.config()
	var ok bool
	if told.InForce, ok = config.PrintJSON(inForce, key); !ok {
		return told, problem.New(problem.NotFound, "there is no setting %.100q, or it is too long to be told", key).At("key")
	}
	if s.options.Load == nil {
		return told, nil
	}
	loaded, err := s.options.Load()
	if err != nil {
		p := problem.New(problem.InvalidConfiguration, "a reload would change nothing, because the configuration has mistakes: %s", language.Join("; ", leaves(err)))
		p.Mistakes = leaves(err)
		told.Problem = p
		return told, nil
	}
	live, _ := s.split(config.Changed(inForce, loaded.Config), inForce, loaded.Config)
	isLive := make(map[string]bool)
	for _, k := range live {
		isLive[k] = true
	}
	for _, k := range config.Changed(inForce, loaded.Config) {
		if k != key && key != "" && !strings.HasPrefix(k, key+".") {
			continue
		}
		changed := api.ChangedSetting{Setting: k, Live: isLive[k]}
		changed.InForce, _ = config.ValueJSON(inForce, k)
		changed.InFile, _ = config.ValueJSON(loaded.Config, k)
		told.Changed = append(told.Changed, changed)
	}
	return told, nil
}
