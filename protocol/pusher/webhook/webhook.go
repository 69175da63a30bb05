// Package webhook is what backends are told of channels, in the form of webhooks of the Pusher protocol.
// https://pusher.com/docs/channels/server_api/webhooks
package webhook

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"scenecast/protocol/pusher/channel"
	"scenecast/protocol/pusher/signature"
)

// Event is one thing that has happened.
type Event struct {
	Name    string       `json:"name"` // one of app.WebhookEvents
	Channel channel.Name `json:"channel"`

	Event    string  `json:"event,omitempty"` // of a client event: its name
	Data     *string `json:"data,omitempty"`  // … its data
	SocketID string  `json:"socket_id,omitempty"`
	User     string  `json:"user_id,omitempty"` // of a client event in a presence channel, and of members

	Subscriptions *int `json:"subscription_count,omitempty"`
}

// Size implements hook.Sized.
func (e Event) Size() int {
	size := len(`{"name":"","channel":""}`) + len(e.Name) + len(e.Channel) + len(e.Event) + len(e.SocketID) + len(e.User)
	if e.Data != nil {
		size += len(*e.Data)
	}
	return size
}

// The headers of a call.
const (
	headerKey       = "X-Pusher-Key"
	headerSignature = "X-Pusher-Signature"
)

// Sign sets the headers of a call with this body.
func Sign(key *signature.Key, header http.Header, body []byte) {
	header.Set(headerKey, key.Name)
	header.Set(headerSignature, key.Sign(body))
}

// Encode makes the body of a call: {"time_ms":…,"events":[…]}. A call has no ID.
func Encode(events []json.RawMessage) (id string, body []byte, err error) {
	body = strconv.AppendInt([]byte(`{"time_ms":`), time.Now().UnixMilli(), 10)
	body = append(body, `,"events":[`...)
	for i, e := range events {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, e...)
	}
	return "", append(body, "]}"...), nil
}
