package pusher

import (
	"encoding/json"
	"strconv"

	"scenecast/jsonread"
	"scenecast/protocol/pusher/channel"
)

// message is what a page sends. Its texts are copies; data is a part of the message.
type message struct {
	event   string
	channel channel.Name
	data    json.RawMessage // nil: there is none
}

// readMessage reads a message. It is false where that is no object with a name.
func readMessage(text []byte) (m message, ok bool) {
	r := jsonread.New(text)
	defer r.Free()
	if r.Peek() != '{' {
		return m, false
	}
	r.Enter()
	ok = true
	for r.More('}') {
		switch r.Name() {
		case "event":
			m.event, ok = readText(r, ok)
		case "channel":
			var name string
			name, ok = readText(r, ok)
			m.channel = channel.Name(name)
		case "data":
			m.data = r.Value()
		default:
			r.Value()
		}
	}
	r.Leave()
	return m, r.End() && ok && m.event != ""
}

// readText reads a value that is to be a string. Null is none.
func readText(r *jsonread.Reader, ok bool) (string, bool) {
	text, isText := r.Text()
	if isText {
		return text, ok
	}
	return "", string(r.Value()) == "null" && ok
}

// readCount reads a value that is to be a number, not below 0. Null is 0.
func readCount(value []byte, ok bool) (int, bool) {
	if string(value) == "null" {
		return 0, ok
	}
	n, err := strconv.ParseUint(string(value), 10, 31)
	return int(n), ok && err == nil
}

// fields is the data of a message that asks for something. Clients send it as an object, and some as a text of one.
type fields struct {
	channel     channel.Name
	auth        string
	channelData string // the exact text that is signed
	userData    string // … of a sign-in
	since       string // an extension: a position
	rewind      int    // … how many events of the past
}

// readFields reads the data of a message. It is false where that is no object, or a field is no text.
func readFields(data json.RawMessage) (f fields, ok bool) {
	if isString(data) {
		var text string
		if json.Unmarshal(data, &text) != nil {
			return f, false
		}
		data = json.RawMessage(text)
	}
	r := jsonread.New(data)
	defer r.Free()
	if r.Peek() != '{' {
		return f, false
	}
	r.Enter()
	ok = true
	for r.More('}') {
		switch r.Name() {
		case "channel":
			var name string
			name, ok = readText(r, ok)
			f.channel = channel.Name(name)
		case "auth":
			f.auth, ok = readText(r, ok)
		case "channel_data":
			f.channelData, ok = readText(r, ok)
		case "user_data":
			f.userData, ok = readText(r, ok)
		case "since":
			f.since, ok = readText(r, ok)
		case "rewind":
			f.rewind, ok = readCount(r.Value(), ok)
		default:
			r.Value()
		}
	}
	r.Leave()
	return f, r.End() && ok
}
