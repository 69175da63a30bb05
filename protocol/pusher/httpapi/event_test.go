package httpapi

import (
	"encoding/json"
	"strings"
	"testing"

	"scenecast/jsonread"
	"scenecast/problem"
	"scenecast/protocol/pusher"
	"scenecast/protocol/pusher/app"
	"scenecast/protocol/pusher/channel"
)

var someApp = &app.App{MaxEvent: 100, MaxEventName: 20, MaxChannelName: 20, MaxEventChannels: 3, MaxBatch: 2}

// FuzzEvent: a body is an event, and what it says is what encoding/json reads; or it is a problem that says what is wrong, and a batch of
// it is as well.
func FuzzEvent(f *testing.F) {
	for _, body := range []string{
		`{"name":"e","channels":["a","b"],"data":"{\"a\":1}","socket_id":"1.2","info":"user_count"}`,
		`{"name":"e","channel":"private-encrypted-a","data":""}`, `{"name":"e","channels":["a"`, `{"name":"\ud800","channel":"a","data":"1"}`,
		`{"name":"e","name":"f"}`, `{"data":7}`, `{"socket_id":null,"x":{"y":[]}}`, `[]`, ``, `{"channels":[`, `{"channel":"#server-to-user-7","name":"e","data":"\"x\""}`,
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		reader := jsonread.New([]byte(body))
		defer reader.Free()
		var e event
		err := e.read(reader, someApp)
		if err == nil && !reader.End() {
			err = badBody([]byte(body))
		}
		if err == nil {
			err = e.check()
		}
		batch, batchErr := readBatch([]byte(`{"batch":[`+body+`]}`), someApp)
		if err != nil {
			if p := problem.Of(err); p.Kind != problem.Invalid && p.Kind != problem.LimitExceeded && p.Kind != problem.TooLarge {
				t.Errorf("%q: %v", body, err)
			}
			if batchErr == nil && len(batch) == 1 {
				t.Errorf("%q: %v, and it is taken in a batch", body, err)
			}
			return
		}
		if (batchErr == nil) != (len(e.channels) == 1) {
			t.Errorf("%q of %d channels in a batch: %v", body, len(e.channels), batchErr)
		}
		var want struct {
			Name, Data, Channel string
			Channels            []string
			SocketID            string `json:"socket_id"`
		}
		if err := json.Unmarshal([]byte(body), &want); err != nil {
			t.Skip(err) // members of other cases, which encoding/json takes for these
		}
		if hasOtherCase(body) {
			t.Skip()
		}
		if e.name != want.Name || e.socketID != want.SocketID || pusher.TextOf(e.data) != want.Data {
			t.Errorf("%q is read as %+v", body, e)
		}
		names := want.Channels
		if want.Channel != "" {
			names = append(names, want.Channel)
		}
		seen := make(map[channel.Name]bool)
		for _, name := range names {
			seen[channel.Name(name)] = true
		}
		if len(seen) != len(e.channels) {
			t.Errorf("%q: the channels are %q, want %q", body, e.channels, names)
		}
		for _, name := range e.channels {
			if !seen[name] {
				t.Errorf("%q: the channels are %q, want %q", body, e.channels, names)
			}
			request, err := e.push(name, channel.CacheTTL)
			if err != nil || !jsonread.Valid(request.Message) || request.To.IsZero() {
				t.Errorf("%q in %q: %+v, %v", body, name, request, err)
			}
		}
	})
}

// hasOtherCase reports whether a member is spelled as encoding/json alone takes it for one that is known.
func hasOtherCase(body string) bool {
	var members map[string]json.RawMessage
	_ = json.Unmarshal([]byte(body), &members)
	for name := range members {
		for _, known := range []string{"name", "data", "channel", "channels", "socket_id"} {
			if name != known && strings.EqualFold(name, known) {
				return true
			}
		}
	}
	return false
}
