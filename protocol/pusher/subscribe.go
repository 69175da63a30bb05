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

const subscribeForm = "pusher:subscribe takes data with channel, auth and channel_data, which are texts"

// subscribe has a page subscribe to a channel, or tells it why not.
func (p *Protocol) subscribe(c scenecast.Conn, known *app.App, data json.RawMessage) {
	f, ok := readFields(data)
	if !ok || f.channel == noChannel {
		p.fail(c, 0, subscribeForm)
		return
	}
	labels := c.Labels()
	if isSubscribed(labels, f.channel) {
		p.fail(c, 0, "Existing subscription to channel "+clip(string(f.channel)))
		return
	}
	if err := p.checkSubscription(c, known, labels, &f); err != nil {
		p.refuseSubscription(c, f.channel, err)
		return
	}
	p.succeed(c, labels, f.channel)
}

// checkSubscription finds out whether a page may subscribe.
func (p *Protocol) checkSubscription(c scenecast.Conn, known *app.App, labels label.Set, f *fields) *subscriptionError {
	name := f.channel
	if err := name.Check(known.MaxChannelName, app.SettingChannelName); err != nil {
		return &subscriptionError{typeName, problem.Of(err).Kind.Status(), err.Error()}
	}
	if n := labels.Of(channel.Label).Len(); n >= known.MaxChannels {
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

// succeed subscribes a page, and tells it.
func (p *Protocol) succeed(c scenecast.Conn, labels label.Set, name channel.Name) {
	c.Relabel(label.Change{channel.Label: append(labels.Values(channel.Label), string(name))})
	p.send(c, withData(eventSubscribed, name, emptyObject))
}

func (p *Protocol) refuseSubscription(c scenecast.Conn, name channel.Name, e *subscriptionError) {
	p.send(c, withData(eventSubscribeFailed, name, text(struct {
		Type   string `json:"type"`
		Error  string `json:"error"`
		Status int    `json:"status"`
	}{e.kind, e.text, e.status})))
}

// unsubscribe has a page leave a channel. There is no answer.
func (p *Protocol) unsubscribe(c scenecast.Conn, data json.RawMessage) {
	f, ok := readFields(data)
	if !ok || f.channel == noChannel {
		p.fail(c, 0, "pusher:unsubscribe takes data with a channel")
		return
	}
	values := c.Labels().Values(channel.Label)
	if i := slices.Index(values, string(f.channel)); i >= 0 {
		c.Relabel(label.Change{channel.Label: slices.Delete(values, i, i+1)})
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
