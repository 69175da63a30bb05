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
	"sync/atomic"
	"time"

	"scenecast"
	"scenecast/config"
	"scenecast/hook"
	"scenecast/hook/feed"
	"scenecast/hook/queue"
	"scenecast/hook/webhook"
	"scenecast/language"
	"scenecast/metrics"
	"scenecast/tracing"
)

// eventHooks are the backends that are told of events, as the configuration in force has them.
type eventHooks struct {
	*hook.Hooks
	feed    *feed.Feed
	version string
	tracing *tracing.Tracing
	log     *slog.Logger
	file    *queue.File // nil: queues are in memory
	pusher  atomic.Pointer[pusherTargets]

	mu      sync.Mutex
	targets map[string]eventTarget // by queueName
}

// eventTarget is one of them.
type eventTarget struct {
	*hook.Target
	declared declaredTarget
	client   *webhook.Client
	queue    queue.Queue
}

// declaredTarget is what a configuration says of one.
type declaredTarget struct {
	app, name   string
	denyPrivate bool
	settings    any // config.EventHook or pusherWebhook
}

func (d declaredTarget) queueName() string { return queueName(d.app, d.name) }

// declaredTargets are those of a configuration, with names that no two of an app have.
func declaredTargets(c config.Config) (list []declaredTarget) {
	for _, app := range c.Apps() {
		for _, h := range app.Hooks.Events {
			list = append(list, declaredTarget{app.Name, h.Name, app.Hooks.DenyPrivate, h})
		}
		for _, h := range pusherWebhooks(app) {
			list = append(list, declaredTarget{app.Name, pusherWebhookPrefix + h.Name, app.Hooks.DenyPrivate, h})
		}
	}
	return list
}

// hooksFile is the name of the file of queues in data_dir.
const hooksFile = "hooks.db"

// openEventHooks makes the targets of a configuration. Where there is a data_dir, what could not be delivered before the process ended is
// delivered now.
func openEventHooks(c config.Config, node scenecast.NodeID, version string, f *feed.Feed, t *tracing.Tracing, log *slog.Logger) (_ *eventHooks, err error) {
	h := &eventHooks{Hooks: hook.New(node), feed: f, version: version, tracing: t, log: log, targets: make(map[string]eventTarget)}
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
			return nil, language.Errorf("data_dir: %s is in use by another scenecast: each has a directory of its own (%w)", c.DataDir, err)
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
	for _, d := range declaredTargets(c) {
		name := d.queueName()
		if old, known := h.targets[name]; known {
			queues[name] = old.queue
		} else if queues[name], err = h.openQueue(name); err != nil {
			return nil, fmt.Errorf("hooks: %w", err)
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
	pusher := make(pusherTargets)
	for _, d := range declaredTargets(c) {
		name := d.queueName()
		t, known := before[name]
		delete(before, name)
		if !known || !reflect.DeepEqual(t.declared, d) {
			t = h.newTarget(d, queues[name], t)
		}
		h.targets[name] = t
		if w, ok := d.settings.(pusherWebhook); ok {
			pusher[d.app] = append(pusher[d.app], pusherTarget{t.Target, w.Events})
		} else {
			sinks = append(sinks, t)
		}
	}
	h.SetSinks(sinks)
	h.pusher.Store(&pusher)
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
func (h *eventHooks) newTarget(d declaredTarget, q queue.Queue, before eventTarget) eventTarget {
	client, options := webhook.Options{DenyPrivate: d.denyPrivate, StatusOnly: true, UserAgent: userAgent(h.version)}, hook.TargetOptions{}
	switch settings := d.settings.(type) {
	case config.EventHook:
		client.URL, client.Secrets, client.Timeout = string(settings.URL), settings.Secret.Parsed(), time.Duration(settings.Timeout)
		options = hook.TargetOptions{
			Types:    settings.Events,
			To:       settings.To.Expr,
			Batch:    settings.Batch,
			MaxWait:  time.Duration(settings.MaxWait),
			RetryFor: time.Duration(settings.RetryFor),
			MaxQueue: settings.MaxQueue,
			MaxBytes: int(settings.MaxQueueBytes),
		}
	case pusherWebhook:
		settings.apply(&client, &options)
	}
	client.Transport = h.tracing.Hook("events", d.app)
	calls := webhook.NewClient(client)
	options.Name, options.App, options.Queue, options.Logger = d.name, d.app, q, h.log
	options.Post = func(ctx context.Context, id string, body []byte) error {
		_, err := calls.Post(h.tracing.FromEvents(ctx, body), id, body)
		return err
	}
	var target *hook.Target
	if before.Target == nil {
		target = hook.NewTarget(options)
	} else {
		target = before.Replace(options)
		before.client.Close()
	}
	return eventTarget{target, d, calls, q}
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
		h := metrics.Hook{Queued: s.Queued, Delivered: s.Delivered, Dropped: s.Dropped, CallsTaken: s.Calls, CallsFailed: s.Failures}
		if !s.Oldest.IsZero() {
			h.Oldest = max(0, time.Since(s.Oldest))
		}
		figures[queueName(s.App, s.Name)] = h
	}
	return figures
}
