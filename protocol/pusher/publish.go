package pusher

import (
	"crypto/rand"
	"encoding/json"
	"strings"

	"scenecast"
	"scenecast/audience"
	"scenecast/problem"
	"scenecast/protocol/pusher/app"
	"scenecast/protocol/pusher/channel"
)

// clientPrefix is that of events which pages send each other.
const clientPrefix = "client-"

// audiences of events.
var (
	subscribers = mustTemplate(channel.Label + " == $channel")
	others      = mustTemplate(channel.Label + " == $channel && " + scenecast.LabelID + " != $id")
)

// mustTemplate parses a text of this package.
func mustTemplate(text string) audience.Template {
	t, err := audience.ParseTemplate(text)
	if err != nil {
		panic(err)
	}
	return t
}

// Audience is whom an event of a channel is for: its subscribers, without the connection that is excepted, if there is one.
func Audience(name channel.Name, except string) (audience.Expr, error) {
	if except == "" {
		return subscribers.Bind(map[string]string{"channel": string(name)})
	}
	return others.Bind(map[string]string{"channel": string(name), "id": except})
}

// publish sends an event of a page to the others of its channel.
func (p *Protocol) publish(c scenecast.Conn, known *app.App, m message) {
	if err := checkClientEvent(known, m); err != nil {
		fail(c, 0, "Client event rejected - "+err.Error())
		return
	}
	labels := c.Labels()
	if !isSubscribed(labels, m.channel) {
		fail(c, 0, "Client event rejected - you are not subscribed to the channel")
		return
	}
	if !c.Publishes(known.ClientEventRate) {
		fail(c, codeClientEventRate, "Client event rejected - more than the events per second that a connection may send (setting: pusher.client_event_rate)")
		return
	}
	to, err := Audience(m.channel, c.ID().String())
	if err != nil {
		fail(c, 0, "Client event rejected - "+problem.Of(err).Error())
		return
	}
	event := scenecast.Message{Event: m.event, Data: clientData(m.data)}
	if m.channel.Presence() {
		event.User = memberOf(labels, m.channel).user
	}
	err = p.options.Publish(scenecast.Push{ID: strings.ToLower(rand.Text()), App: c.App(), To: to, Message: event})
	if large := problem.Of(err); large != nil && large.Kind == problem.TooLarge {
		fail(c, 0, "Client event rejected - "+large.At("data").Error())
		return
	}
	if err != nil {
		fail(c, 0, "Client event rejected - the server cannot publish now; try again")
		return
	}
	if p.options.Tell != nil {
		p.options.Tell(Event{
			Kind: app.ClientEvent, App: c.App(), Channel: m.channel,
			Event: m.event, Data: event.Data, SocketID: c.ID().String(), User: event.User,
		})
	}
}

// clientData is the message of a push for the data of a client event, which is JSON, or a text that mostly is of JSON. It is a copy.
func clientData(data json.RawMessage) json.RawMessage {
	var text string
	switch {
	case data == nil:
		return json.RawMessage("null")
	case !isString(data), json.Unmarshal(data, &text) != nil:
		return append(json.RawMessage(nil), data...)
	}
	return DataOf(text)
}

func checkClientEvent(known *app.App, m message) error {
	switch {
	case !strings.HasPrefix(m.event, clientPrefix):
		return problem.New(problem.Invalid, "the event %.64q is not known, and that of a client begins with client-", m.event)
	case !known.ClientEvents:
		return problem.New(problem.Forbidden, "the app takes no client events").DecidedBy("pusher.client_events")
	case m.channel == noChannel:
		return problem.New(problem.Invalid, "the message has no channel")
	case m.channel.Encrypted():
		return problem.New(problem.Forbidden, "not supported on encrypted channels")
	case !m.channel.NeedsAuth():
		return problem.New(problem.Forbidden, "only supported on private and presence channels")
	case len(m.event) > known.MaxEventName:
		return problem.New(problem.LimitExceeded, "the name of the event has %d bytes, and may have %d", len(m.event), known.MaxEventName).DecidedBy(app.SettingEventName)
	case len(m.data) > known.MaxEvent:
		return problem.New(problem.TooLarge, "the data has %d bytes, and may have %d", len(m.data), known.MaxEvent).DecidedBy(app.SettingEvent)
	}
	return nil
}
