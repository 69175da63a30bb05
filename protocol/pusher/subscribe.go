package pusher

import (
	"encoding/json"
	"slices"

	"scenecast"
	"scenecast/label"
	"scenecast/problem"
	"scenecast/protocol/pusher/app"
	"scenecast/protocol/pusher/channel"
)

const subscribeForm = "pusher:subscribe takes data with channel, auth and channel_data, which are texts, since, which is one, and rewind, a number"

// subscribe has a page subscribe to a channel, or tells it why not.
func (p *Protocol) subscribe(c scenecast.Conn, known *app.App, data json.RawMessage) {
	f, ok := readFields(data)
	if !ok || f.channel == noChannel {
		fail(c, 0, subscribeForm)
		return
	}
	labels := c.Labels()
	if isSubscribed(labels, f.channel) || memberOf(labels, f.channel).channel != "" {
		fail(c, 0, "Existing subscription to channel "+clip(string(f.channel)))
		return
	}
	if err := p.checkSubscription(c, known, labels, &f); err != nil {
		refuseSubscription(c, f.channel, err)
		return
	}
	if f.channel.Presence() {
		enter(c, known, labels, &f)
		return
	}
	p.enterChannel(c, f.channel, historyOf(known, &f), withData(eventSubscribed, f.channel, emptyObject))
}

// checkSubscription finds out whether a page may subscribe.
func (p *Protocol) checkSubscription(c scenecast.Conn, known *app.App, labels label.Set, f *fields) *subscriptionError {
	name := f.channel
	if err := name.Check(known.MaxChannelName, app.SettingChannelName); err != nil {
		return &subscriptionError{typeName, problem.Of(err).Kind.Status(), err.Error()}
	}
	if countChannels(labels) >= known.MaxChannels {
		return limitError(app.SettingChannels, "a connection may have %d channels", known.MaxChannels)
	}
	if user, ok := name.User(); ok && !labels.Contains(scenecast.LabelUser, user) {
		return authError("the channel is that of a user who has signed in")
	}
	if !name.NeedsAuth() {
		return nil
	}
	if !known.Keys.VerifySubscription(f.auth, c.ID().String(), string(name), f.channelData) {
		signed := "<socket_id>:<channel>"
		if name.Presence() {
			signed += ":<channel_data>"
		}
		return authError("auth is not key:signature, where the signature is the HMAC-SHA256, in hexadecimal, of %s with the secret of the key", signed)
	}
	return nil
}

// isSubscribed reports whether a page is subscribed to a channel.
func isSubscribed(labels label.Set, name channel.Name) bool {
	return labels.Contains(channel.Label, string(name))
}

// subscribed gives a page that is subscribed what the channel keeps.
func (p *Protocol) subscribed(c scenecast.Conn, name channel.Name) {
	if !name.Cache() {
		return
	}
	if last := c.Last(name.CacheKey()); last != nil {
		send(c, push(last, name, false))
		return
	}
	send(c, append(appendHead(nil, eventCacheMiss, name), '}'))
	if p.options.Tell != nil {
		p.options.Tell(Event{Kind: app.CacheMiss, App: c.App(), Channel: name})
	}
}

// countChannels is how many channels a page has, with those that it is about to have.
func countChannels(labels label.Set) int {
	n := labels.Of(channel.Label).Len()
	for l := range labels.Of(channel.MemberLabel).All() {
		if !isSubscribed(labels, channel.Name(readMembership(l.Value).channel)) {
			n++
		}
	}
	return n
}

func refuseSubscription(c scenecast.Conn, name channel.Name, e *subscriptionError) {
	send(c, withData(eventSubscribeFailed, name, text(struct {
		Type   string `json:"type"`
		Error  string `json:"error"`
		Status int    `json:"status"`
	}{e.kind, e.text, e.status})))
}

// unsubscribe has a page leave a channel. There is no answer.
func unsubscribe(c scenecast.Conn, data json.RawMessage) {
	f, ok := readFields(data)
	if !ok || f.channel == noChannel {
		fail(c, 0, "pusher:unsubscribe takes data with a channel")
		return
	}
	labels := c.Labels()
	change := make(label.Change, 2)
	if isSubscribed(labels, f.channel) {
		values := labels.Values(channel.Label)
		change[channel.Label] = slices.DeleteFunc(values, func(value string) bool { return value == string(f.channel) })
	}
	if f.channel.Presence() && memberOf(labels, f.channel).channel != "" {
		change[channel.MemberLabel] = withoutMember(labels, f.channel)
	}
	forget(change, labels, f.channel)
	if len(change) > 0 {
		c.Relabel(change)
	}
}

// clip is a text that a page has sent, as much of it as it is told again.
func clip(text string) string {
	const most = 220
	if len(text) > most {
		return text[:most] + "…"
	}
	return text
}
