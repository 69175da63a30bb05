package pusher

import (
	"encoding/json"
	"strconv"

	"scenecast"
	"scenecast/protocol/pusher/channel"
)

// The events that the server sends.
const (
	eventEstablished     = "pusher:connection_established"
	eventError           = "pusher:error"
	eventPong            = "pusher:pong"
	eventPing            = "pusher:ping"
	eventCacheMiss       = "pusher:cache_miss"
	eventSigninSuccess   = "pusher:signin_success"
	eventSubscribeFailed = "pusher:subscription_error"
	eventSubscribed      = "pusher_internal:subscription_succeeded"
	eventMemberAdded     = "pusher_internal:member_added"
	eventMemberRemoved   = "pusher_internal:member_removed"
	eventSubscriptions   = "pusher_internal:subscription_count"
	eventGap             = "scenecast:gap"
	eventPosition        = "scenecast:position"
	eventWatchlist       = "pusher_internal:watchlist_events"
	defaultEvent         = "message" // of a push without a name
	activityTimeout      = 120       // seconds of silence after which a client pings
	envelopeBytes        = 64        // of a message beside its texts, about
	maxEnvelope          = 256       // of a frame beside its texts, at most
	emptyObject          = "{}"
	noChannel            = channel.Name("")
)

// EscapedBytes is how many bytes a byte of a text may take in JSON.
const EscapedBytes = len(`\u0000`)

// appendHead begins a message: {"event":…,"channel":…. A message without a channel concerns the connection.
func appendHead(b []byte, event string, name channel.Name) []byte {
	b = appendString(append(b, `{"event":`...), event)
	if name != noChannel {
		b = appendString(append(b, `,"channel":`...), string(name))
	}
	return b
}

// withData is a message whose data is a text, of JSON.
func withData(event string, name channel.Name, data string) []byte {
	b := appendHead(make([]byte, 0, len(event)+len(name)+len(data)+envelopeBytes), event, name)
	return append(appendString(append(b, `,"data":`...), data), '}')
}

// withPosition adds to a message where in the log it is. Clients that know nothing of it do not look at it.
func withPosition(message []byte, at scenecast.Position) []byte {
	b := append(message[:len(message)-1], `,"position":"`...)
	return append(append(b, at.String()...), '"', '}')
}

// gap tells a page that it has missed something. The event is none of Pusher's.
func gap(n scenecast.GapNotice) []byte {
	return withData(eventGap, noChannel, `{"reason":"`+string(n.Reason)+`"}`)
}

// established greets a connection.
func established(id scenecast.ConnID) []byte {
	data := `{"socket_id":"` + id.String() + `","activity_timeout":` + strconv.Itoa(activityTimeout) + `}`
	return withData(eventEstablished, noChannel, data)
}

// pong answers a ping, in the form in which Pusher does.
var pong = []byte(`{"event":"` + eventPong + `","data":{}}`)

// failure is pusher:error, whose data is an object. A code of 0 is null: the message breaks no rule that has one.
func failure(code scenecast.CloseCode, text string) []byte {
	number := "null"
	if code != 0 {
		number = strconv.Itoa(int(code))
	}
	b := append([]byte(`{"event":"`+eventError+`","data":{"code":`), number...)
	return append(appendString(append(b, `,"message":`...), text), '}', '}')
}

// push is an event as the pages of a channel get it; without a channel it is for those that bind to all events.
func push(m *scenecast.Push, name channel.Name, position bool) []byte {
	event := m.Message.Event
	if event == "" {
		event = defaultEvent
	}
	b := make([]byte, 0, len(event)+len(name)+len(m.Message.User)+2*len(m.Message.Data)+envelopeBytes)
	b = AppendText(append(appendHead(b, event, name), `,"data":`...), m.Message.Data)
	if m.Message.User != "" {
		b = appendString(append(b, `,"user_id":`...), m.Message.User)
	}
	if b = append(b, '}'); position {
		b = withPosition(b, m.Position)
	}
	return b
}

// MaxFrame is how many bytes the frame of a message may have, at most, to a channel whose name takes up to so many bytes in JSON. Data is a
// text on this wire, in which quotes, backslashes and line breaks take two bytes. They are counted only where the data, twice as large,
// would not fit into room.
func MaxFrame(m scenecast.Message, channelBytes, room int) int {
	rest := EscapedBytes*(max(len(m.Event), len(defaultEvent))+len(m.User)) + channelBytes + maxEnvelope
	if n := rest + 2*len(m.Data); n <= room {
		return n
	}
	return rest + len(AppendText(make([]byte, 0, 2*len(m.Data)+2), m.Data))
}

// text is JSON as a text. What it gets are texts and numbers, which always encode.
func text(value any) string {
	b, _ := json.Marshal(value)
	return string(b)
}
