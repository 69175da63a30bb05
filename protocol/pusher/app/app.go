// Package app is what the settings say of an app of the Pusher protocol, as its sockets and its HTTP API need it.
package app

import (
	"time"

	"scenecast"
	"scenecast/protocol/pusher/signature"
)

// App is an app of the Pusher protocol. It is part of a snapshot of the settings and does not change: whoever needs it asks for it anew.
type App struct {
	Name    string         // of the app of the server
	ID      string         // in /apps/{id}/…
	Keys    signature.Keys // at least one; webhooks are signed with the first
	Enabled bool

	ClientEvents       bool
	ClientEventRate    int  // per second of one page
	SubscriptionCounts bool // pages are told how many a channel has

	Resume bool // pages may be told positions, and be given what is behind one
	Rewind int  // how many events of the past a page may have of a channel as it subscribes

	MaxChannels      int // of one page
	MaxMembers       int // of one presence channel
	MaxUserInfo      int // bytes
	MaxWatchlist     int // users
	MaxEvent         int // bytes of the data of an event
	MaxEventName     int // bytes
	MaxChannelName   int // bytes
	MaxEventChannels int // of one event of the HTTP API
	MaxBatch         int // events

	Linger time.Duration // a member, or a user, stays for so long whose last connection has ended

	PathPrefix string // in front of /apps/ and /app/, where a proxy does not take it away; empty: none
}

// The settings that limits are named by, in errors.
const (
	SettingChannels      = "pusher.max_channels"
	SettingMembers       = "pusher.max_members"
	SettingUserInfo      = "pusher.max_user_info"
	SettingEvent         = "pusher.max_event"
	SettingEventName     = "pusher.max_event_name"
	SettingChannelName   = "pusher.max_channel_name"
	SettingEventChannels = "pusher.max_event_channels"
	SettingBatch         = "pusher.max_batch"
	SettingEnabled       = "pusher.enabled"
	SettingResume        = "pusher.resume"
	SettingRewind        = "pusher.rewind"
)

// Credential is that of pages which connect with a key of the app.
func (a *App) Credential(key string) scenecast.Credential {
	return scenecast.NewCredential("pusher", a.Name, key)
}

// The events of webhooks.
const (
	ChannelOccupied   = "channel_occupied"
	ChannelVacated    = "channel_vacated"
	MemberAdded       = "member_added"
	MemberRemoved     = "member_removed"
	ClientEvent       = "client_event"
	CacheMiss         = "cache_miss"
	SubscriptionCount = "subscription_count"
)

// WebhookEvents are all events of webhooks.
var WebhookEvents = []string{ChannelOccupied, ChannelVacated, MemberAdded, MemberRemoved, ClientEvent, CacheMiss, SubscriptionCount}
