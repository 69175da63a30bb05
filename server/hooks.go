package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sync"
	"time"

	"scenecast"
	"scenecast/config"
	"scenecast/hook"
	"scenecast/hook/feed"
	"scenecast/hook/queue"
	"scenecast/hook/webhook"
	"scenecast/metrics"
)

// eventHooks are the backends that are told of events, as the configuration in force has them.
type eventHooks struct {
	*hook.Hooks
	feed    *feed.Feed
	version string
	log     *slog.Logger
	file    *queue.File // nil: queues are in memory

	mu      sync.Mutex
	targets map[string]eventTarget // by queueName
}

// eventTarget is one of them.
type eventTarget struct {
	*hook.Target
	settings    config.EventHook
	denyPrivate bool
	client      *webhook.Client
	queue       queue.Queue
}

// hooksFile is the name of the file of queues in data_dir.
const hooksFile = "hooks.db"

// openEventHooks makes the targets of a configuration. Where there is a data_dir, what could not be delivered before the process ended is
// delivered now.
func openEventHooks(c config.Config, node scenecast.NodeID, version string, f *feed.Feed, log *slog.Logger) (_ *eventHooks, err error) {
	h := &eventHooks{Hooks: hook.New(node), feed: f, version: version, log: log, targets: make(map[string]eventTarget)}
	defer func() {
		if err != nil {
			h.close(context.Background())
		}
	}()
	if c.DataDir != "" {
		err := os.MkdirAll(c.DataDir, 0o700)
		if err != nil {
			return nil, fmt.Errorf("data_dir: %w", err)
		}
		if h.file, err = queue.Open(filepath.Join(c.DataDir, hooksFile)); errors.Is(err, queue.ErrInUse) {
			return nil, fmt.Errorf("data_dir: %s is in use by another scenecast: each has a directory of its own (%w)", c.DataDir, err)
		} else if err != nil {
			return nil, fmt.Errorf("hooks: %w", err)
		}
	}
	put, err := h.prepare(c)
	if err != nil {
		return nil, err
	}
	put()
	return h, nil
}

func queueName(app, hook string) string { return app + "/" + hook }

// prepare opens the queues that a configuration needs. What it returns makes the targets those of the configuration: one that is as it was
// goes on, one whose settings are others goes on with its queue.
func (h *eventHooks) prepare(c config.Config) (put func(), err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	queues := make(map[string]queue.Queue)
	for _, app := range c.Apps() {
		for _, settings := range app.Hooks.Events {
			name := queueName(app.Name, settings.Name)
			if old, known := h.targets[name]; known {
				queues[name] = old.queue
			} else if queues[name], err = h.openQueue(name); err != nil {
				return nil, fmt.Errorf("hooks: %w", err)
			}
		}
	}
	return func() { h.put(c, queues) }, nil
}

func (h *eventHooks) put(c config.Config, queues map[string]queue.Queue) {
	h.mu.Lock()
	defer h.mu.Unlock()
	before := h.targets
	h.targets = make(map[string]eventTarget)
	sinks := []hook.Sink{h.feed}
	for _, app := range c.Apps() {
		for _, settings := range app.Hooks.Events {
			name := queueName(app.Name, settings.Name)
			t, known := before[name]
			if known && t.denyPrivate == app.Hooks.DenyPrivate && reflect.DeepEqual(t.settings, settings) {
				delete(before, name)
			} else {
				delete(before, name)
				t = h.newTarget(app, settings, queues[name], t)
			}
			h.targets[name] = t
			sinks = append(sinks, t)
		}
	}
	h.SetSinks(sinks)
	for _, gone := range before {
		gone.stop()
	}
	h.forget(queues)
}

// forget, with mu held, removes the queues that are none of these.
func (h *eventHooks) forget(queues map[string]queue.Queue) {
	if h.file == nil {
		return
	}
	keep := make(map[string]bool)
	for name := range queues {
		keep[name] = true
	}
	removed, err := h.file.Others(keep)
	if err != nil {
		h.log.Error("hooks: queues of hooks that are gone cannot be removed", "err", err)
	}
	for name, n := range removed {
		h.log.Warn("hooks: a hook is not in the settings any more; what waited for it is dropped", "hook", name, "events", n)
	}
}

func (h *eventHooks) openQueue(name string) (queue.Queue, error) {
	if h.file == nil {
		return new(queue.Memory), nil
	}
	return h.file.Queue(name)
}

// newTarget makes a target, in the place of one that was before, if there was one.
func (h *eventHooks) newTarget(app config.App, settings config.EventHook, q queue.Queue, before eventTarget) eventTarget {
	client := webhook.NewClient(webhook.Options{
		URL:         string(settings.URL),
		Secrets:     settings.Secret.Parsed(),
		Timeout:     time.Duration(settings.Timeout),
		DenyPrivate: app.Hooks.DenyPrivate,
		StatusOnly:  true,
		UserAgent:   userAgent(h.version),
	})
	options := hook.TargetOptions{
		Name:     settings.Name,
		App:      app.Name,
		Types:    settings.Events,
		To:       settings.To.Expr,
		Batch:    settings.Batch,
		MaxWait:  time.Duration(settings.MaxWait),
		RetryFor: time.Duration(settings.RetryFor),
		MaxQueue: settings.MaxQueue,
		Queue:    q,
		Post: func(ctx context.Context, id string, body []byte) error {
			_, err := client.Post(ctx, id, body)
			return err
		},
		Logger: h.log,
	}
	var target *hook.Target
	if before.Target == nil {
		target = hook.NewTarget(options)
	} else {
		target = before.Replace(options)
		before.client.Close()
	}
	return eventTarget{target, settings, app.Hooks.DenyPrivate, client, q}
}

func userAgent(version string) string {
	if version == "" {
		return "scenecast"
	}
	return "scenecast/" + version
}

// stop ends a target. What waits stays in its queue.
func (t eventTarget) stop() {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	t.Close(ended)
	t.client.Close()
}

// close tells the targets what waits, until ctx ends. What is left then is lost, unless there is a file.
func (h *eventHooks) close(ctx context.Context) {
	if h == nil { // New has failed before
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.feed.Close()
	var closing sync.WaitGroup
	for _, t := range h.targets {
		closing.Go(func() {
			t.Close(ctx)
			t.client.Close()
			if n := t.queue.Len(); n > 0 && h.file == nil {
				s := t.Stats()
				h.log.Error("hooks: events are lost with the process, which has no data_dir", "hook", s.Name, "app", s.App, "events", n)
			}
		})
	}
	closing.Wait()
	if h.file != nil {
		_ = h.file.Close() // everything in it was synchronized when it was appended
	}
}

// stats say how the hooks of an app stand, in the order of their names; of all apps where it is empty.
func (h *eventHooks) stats(app string) (stats []hook.Stats) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(h.targets)) {
		if s := h.targets[name].Stats(); app == "" || s.App == app {
			stats = append(stats, s)
		}
	}
	return stats
}

// retry has a hook of an app be called at once, if it has failed. It is false where there is no such hook.
func (h *eventHooks) retry(app, name string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	t, ok := h.targets[queueName(app, name)]
	if ok {
		t.Retry()
	}
	return ok
}

// figures are those of all hooks, for metrics.
func (h *eventHooks) figures() map[string]metrics.Hook {
	figures := make(map[string]metrics.Hook)
	for _, s := range h.stats("") {
		figures[queueName(s.App, s.Name)] = metrics.Hook{Queued: s.Queued, Delivered: s.Delivered, Dropped: s.Dropped, Failures: s.Failures}
	}
	return figures
}
