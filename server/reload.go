package server

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	"strings"
	"sync"

	"scenecast/api"
	"scenecast/config"
	"scenecast/language"
	"scenecast/problem"
)

// reloading has reloads come one after the other.
type reloading struct {
	turn chan struct{} // holds one value while nobody reloads

	mu      sync.Mutex
	inForce config.Config // what the server runs with: of settings that need a restart, as they were at the start
}

func newReloading(c config.Config) *reloading {
	r := &reloading{turn: make(chan struct{}, 1), inForce: c}
	r.turn <- struct{}{}
	return r
}

// config is the configuration in force.
func (r *reloading) config() config.Config {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.inForce
}

func (r *reloading) setConfig(c config.Config) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.inForce = c
}

// ReloadConfiguration reads the configuration anew, by Options.Load, and is Reload then. What was decided is logged, too.
func (s *Server) ReloadConfiguration(ctx context.Context) (api.Reloaded, error) {
	s.access.Reopen() // as other logs: whoever has renamed its file sends SIGHUP
	if s.options.Load == nil {
		return api.Reloaded{}, problem.New(problem.NotFound, "the program that this server is part of has no configuration that could be read anew")
	}
	return s.reloadBy(ctx, s.options.Load)
}

// Reload puts the live settings of another configuration in force (config.IsLive), all of them or, with an error, none. Settings that
// differ and need a restart are named in the result and stay as they are. Pages whose app or token is gone are closed with
// CloseUnauthorized before it returns; others do not notice. Reloads come one after the other; while the server drains they are refused.
// It may be called from any goroutine but those of the server's own callbacks.
func (s *Server) Reload(ctx context.Context, c config.Config) (api.Reloaded, error) {
	return s.reloadBy(ctx, func() (*config.Loaded, error) { return &config.Loaded{Config: c}, nil })
}

func (s *Server) reloadBy(ctx context.Context, load func() (*config.Loaded, error)) (result api.Reloaded, err error) {
	defer func() { s.logReload(result, err) }()
	select {
	case <-s.reload.turn:
		defer func() { s.reload.turn <- struct{}{} }()
	case <-ctx.Done():
		return result, problem.New(problem.Unavailable, "another reload has not ended yet")
	}
	if s.draining.Load() {
		return result, problem.New(problem.Unavailable, "the server is going away, and reads no configuration any more")
	}
	loaded, err := load()
	if err != nil {
		return result, mistaken(err)
	}
	for _, w := range loaded.Warnings {
		result.Warnings = append(result.Warnings, w)
	}
	next := s.reload.config()
	result.Applied, result.Restart = s.split(config.Changed(next, loaded.Config), next, loaded.Config)
	next.Adopt(loaded.Config, result.Applied)
	put, err := s.prepare(next)
	if err != nil {
		return result, mistaken(err)
	}
	result.Applied = append(result.Applied, put()...)
	s.reload.setConfig(next)
	result.Closed = s.hub.CloseOutdated()
	return result, nil
}

// split says which of the settings that differ can be applied, and which need a restart.
func (s *Server) split(changed []string, from, to config.Config) (live, restart []string) {
	for _, key := range changed {
		switch {
		case !config.IsLive(key), key == "log.level" && s.options.LogLevel == nil, isTLS(key) && tlsNeedsRestart(from.TLS, to.TLS):
			restart = append(restart, key)
		default:
			live = append(live, key)
		}
	}
	return live, restart
}

// prepare makes everything of a configuration that can fail. What it returns puts that in force, and cannot fail; it tells the settings
// that are the same and name files that are not.
func (s *Server) prepare(c config.Config) (put func() (besides []string), err error) {
	defer func() {
		if err != nil {
			s.keySets.Keep(s.apps.Load().signed) // and none that only this configuration names
		}
	}()
	next, err := newApps(c, s.options, &s.keySets)
	if err != nil {
		return nil, err
	}
	putHooks, err := s.hooks.prepare(c)
	if err != nil {
		return nil, err
	}
	secure := (*servedTLS)(nil)
	if s.tls != nil { // also where no setting has changed: the files may have
		if secure, err = s.tls.load(c.TLS); err != nil {
			return nil, err
		}
	}
	return func() (besides []string) {
		if secure != nil {
			if before := s.tls.current.Swap(secure); !sameCertificates(before, secure) && reflect.DeepEqual(s.reload.config().TLS, c.TLS) {
				besides = append(besides, "tls")
			}
		}
		before := s.apps.Load()
		next.after(before)
		if reflect.DeepEqual(before.presence, next.presence) {
			s.apps.Store(next)
		} else {
			s.presence.ChangeKeys(func() { s.apps.Store(next) })
		}
		s.keySets.Keep(next.signed)
		s.quota.SetLimits(next.quota)
		s.hub.SetLimits(next.labels)
		putHooks()
		s.applyTracing(c)
		s.backends.put(c)
		s.listener.SetAcceptRate(c.Limits.AcceptRate)
		if s.options.LogLevel != nil {
			var level slog.Level
			_ = level.UnmarshalText([]byte(c.Log.Level)) // it has been checked
			s.options.LogLevel.Set(level)
		}
		return besides
	}, nil
}

// mistaken is the problem with a configuration that cannot be taken, with each of its mistakes.
func mistaken(err error) error {
	if p := new(problem.Problem); errors.As(err, &p) {
		return err
	}
	mistakes := leaves(err)
	detail := language.Textf("the configuration has 1 mistake")
	if n := len(mistakes); n > 1 {
		detail = language.Textf("the configuration has %d mistakes", n)
	}
	p := problem.New(problem.InvalidConfiguration, "%s, so nothing has changed: %s", detail, language.Join("; ", mistakes))
	p.Mistakes = mistakes
	return p
}

// leaves are the errors that are joined in one.
func leaves(err error) (all []error) {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	for _, each := range joined.Unwrap() {
		all = append(all, leaves(each)...)
	}
	return all
}

func (s *Server) logReload(r api.Reloaded, err error) {
	for _, warning := range r.Warnings {
		s.log.Warn("configuration: " + warning.Error())
	}
	if err == nil {
		s.log.Info("configuration reloaded", "applied", names(r.Applied), "need_restart", names(r.Restart), "pages_closed", r.Closed)
		return
	}
	p := problem.Of(err)
	if len(p.Mistakes) == 0 {
		s.log.Warn("the configuration was not reloaded, and nothing has changed", "why", p.Detail)
	}
	for _, mistake := range p.Mistakes {
		s.log.Error("the configuration was not reloaded, and nothing has changed", "mistake", mistake)
	}
}

// names are settings as a log line has them.
func names(keys []string) string {
	if len(keys) == 0 {
		return "none"
	}
	return strings.Join(keys, ",")
}
