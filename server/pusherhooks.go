package server

import (
	"net/http"
	"slices"
	"time"

	"scenecast/config"
	"scenecast/hook"
	"scenecast/hook/webhook"
	"scenecast/presence"
	"scenecast/protocol/pusher"
	"scenecast/protocol/pusher/app"
	"scenecast/protocol/pusher/channel"
	"scenecast/protocol/pusher/signature"
	pusherhook "scenecast/protocol/pusher/webhook"
)

// pusherWebhookPrefix begins the names of webhooks of the Pusher protocol, so that they are no names of hooks.
const pusherWebhookPrefix = "pusher."

// pusherWebhook is what a configuration says of one, with the key that signs.
type pusherWebhook struct {
	config.PusherWebhook
	key config.PusherKey
}

// pusherWebhooks are those of an app. One that is disabled has none.
func pusherWebhooks(a config.App) (list []pusherWebhook) {
	if !a.Pusher.Enabled {
		return nil
	}
	for _, w := range a.Pusher.Webhooks {
		list = append(list, pusherWebhook{w, a.FirstPusherKey()})
	}
	return list
}

func (w pusherWebhook) apply(client *webhook.Options, target *hook.TargetOptions) {
	key := signature.NewKey(w.key.Key, string(w.key.Secret))
	client.URL, client.Timeout = string(w.URL), time.Duration(w.Timeout)
	client.Sign = func(header http.Header, body []byte) { pusherhook.Sign(key, header, body) }
	target.Encode = pusherhook.Encode
	target.Batch, target.MaxWait, target.RetryFor = w.Batch, time.Duration(w.MaxWait), time.Duration(w.RetryFor)
	target.MaxQueue, target.MaxBytes = w.MaxQueue, int(w.MaxQueueBytes)
}

// pusherTarget is a webhook that runs.
type pusherTarget struct {
	*hook.Target
	events config.PusherEvents // nil: all
}

// pusherTargets are those of each app. They do not change.
type pusherTargets map[string][]pusherTarget

func (t pusherTarget) wants(name string) bool {
	return t.events == nil || slices.Contains(t.events, name)
}

// wantsPusher reports whether any webhook of an app is told of events of this name. It may be called concurrently.
func (h *eventHooks) wantsPusher(appName, name string) bool {
	targets := h.pusher.Load()
	return targets != nil && slices.ContainsFunc((*targets)[appName], func(t pusherTarget) bool { return t.wants(name) })
}

// emitPusher tells the webhooks of an app. It does not wait, and may be called concurrently.
func (h *eventHooks) emitPusher(appName string, at time.Time, e pusherhook.Event) {
	targets := h.pusher.Load()
	if targets == nil {
		return
	}
	for _, t := range (*targets)[appName] {
		if t.wants(e.Name) {
			t.Put(at, e)
		}
	}
}

// tellPusher tells the webhooks of what a page has done.
func (h *eventHooks) tellPusher(e pusher.Event) {
	if !h.wantsPusher(e.App, e.Kind) {
		return
	}
	told := pusherhook.Event{Name: e.Kind, Channel: e.Channel}
	if e.Kind == app.ClientEvent {
		data := pusher.TextOf(e.Data)
		told.Event, told.Data, told.SocketID, told.User = e.Event, &data, e.SocketID, e.User
	}
	h.emitPusher(e.App, time.Now(), told)
}

// pusherEventOf is the name of the event of webhooks that an event of presence is; empty: it is none.
func pusherEventOf(key string, kind presence.EventKind) string {
	switch {
	case key == channel.Label && kind == presence.Occupied:
		return app.ChannelOccupied
	case key == channel.Label && kind == presence.Vacated:
		return app.ChannelVacated
	case key == channel.MemberLabel && kind == presence.Joined:
		return app.MemberAdded
	case key == channel.MemberLabel && kind == presence.Left:
		return app.MemberRemoved
	}
	return ""
}

// tellPusherPresence tells the webhooks of what presence tells once in the cluster.
func (h *eventHooks) tellPusherPresence(e presence.Event) {
	name := channel.Name(e.Scene.Value)
	if _, ofUser := name.User(); ofUser {
		return
	}
	if of := pusherEventOf(e.Scene.Key, e.Kind); of != "" {
		h.emitPusher(e.Scene.App, e.At, pusherhook.Event{Name: of, Channel: name, User: e.User})
	}
}

// tellPusherCount tells the webhooks of an app how many subscribers a channel has.
func (h *eventHooks) tellPusherCount(id presence.SceneID, subscribers int) {
	name := channel.Name(id.Value)
	if _, ofUser := name.User(); id.Key == channel.Label && !name.Presence() && !ofUser {
		h.emitPusher(id.App, time.Now(), pusherhook.Event{Name: app.SubscriptionCount, Channel: name, Subscriptions: &subscribers})
	}
}

// wantsPresence reports whether anybody is told of such events of presence.
func (h *eventHooks) wantsPresence(appName string, kind presence.EventKind) bool {
	for _, key := range []string{channel.Label, channel.MemberLabel} {
		if of := pusherEventOf(key, kind); of != "" && h.wantsPusher(appName, of) {
			return true
		}
	}
	return false
}
