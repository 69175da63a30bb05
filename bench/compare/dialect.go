package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"scenecast/bench/load"
)

// plain is the dialect of servers that are written for this comparison: a page's query are its labels, messages come as
// they were published, and POST /pub?key=value publishes the body to the pages with that label.
type plain struct {
	page string // the path of pages
}

var _ load.Dialect = plain{}

func (p plain) Target(labels url.Values) string { return p.page + "?" + labels.Encode() }

func (plain) Subprotocol() string { return "" }

func (plain) Begin() (say []byte, open bool) { return nil, true }

func (plain) Hear(text []byte) (h load.Heard, rest []byte) {
	return load.Heard{Kind: load.Pushed, Data: text}, nil
}

func (plain) Push(to load.Audience, message []byte) load.Call {
	return load.Call{Path: "/pub?" + url.Values{to.Key: {to.Value}}.Encode(), Header: []string{"Content-Type: application/json"}, Body: message}
}

// Answer: what was matched was sent, as far as these servers know.
func (plain) Answer(status int, body []byte) (load.Answer, error) {
	var a struct{ Matched *int }
	if err := json.Unmarshal(body, &a); status != http.StatusOK || err != nil || a.Matched == nil {
		return load.Answer{}, fmt.Errorf("the server answers %d: %.200q", status, body)
	}
	return load.Answer{Matched: *a.Matched, Queued: *a.Matched}, nil
}

// nchan is the dialect of Nchan, where a label is a channel key=value.
type nchan struct{ plain }

func (nchan) Push(to load.Audience, message []byte) load.Call {
	return load.Call{
		Path:   "/pub?" + to.Key + "=" + to.Value,
		Header: []string{"Content-Type: application/json", "Accept: application/json"}, // of the answer, too
		Body:   message,
	}
}

// Answer: 202 means that there were no subscribers, 201 that there were.
func (nchan) Answer(status int, body []byte) (load.Answer, error) {
	var a struct{ Subscribers int }
	if err := json.Unmarshal(body, &a); status != http.StatusCreated && status != http.StatusAccepted || err != nil {
		return load.Answer{}, fmt.Errorf("the server answers %d: %.200q", status, body)
	}
	return load.Answer{Matched: a.Subscribers, Queued: a.Subscribers}, nil
}

// socketIO is the dialect of Socket.IO 4: packets of its protocol in packets of Engine.IO 4, over WebSocket alone.
type socketIO struct{ plain }

func (s socketIO) Target(labels url.Values) string {
	return s.plain.Target(labels) + "&EIO=4&transport=websocket"
}

func (socketIO) Begin() (say []byte, open bool) { return nil, false }

func (socketIO) Hear(text []byte) (h load.Heard, rest []byte) {
	event := []byte(`42["m",`)
	switch {
	case bytes.HasPrefix(text, event) && text[len(text)-1] == ']':
		return load.Heard{Kind: load.Pushed, Data: text[len(event) : len(text)-1]}, nil
	case bytes.HasPrefix(text, []byte("0{")): // Engine.IO is open; Socket.IO wants to be asked
		return load.Heard{Kind: load.Chatter, Reply: []byte("40")}, nil
	case bytes.HasPrefix(text, []byte("40{")):
		return load.Heard{Kind: load.Welcome}, nil
	case string(text) == "2": // a ping
		return load.Heard{Kind: load.Chatter, Reply: []byte("3")}, nil
	}
	return load.Heard{}, nil
}

// centrifuge is the dialect of the centrifuge library: JSON, a line each, and several lines in a message.
type centrifuge struct{ plain }

func (centrifuge) Begin() (say []byte, open bool) { return []byte(`{"id":1,"connect":{}}`), false }

func (centrifuge) Hear(text []byte) (h load.Heard, rest []byte) {
	line, rest, _ := bytes.Cut(text, []byte("\n"))
	_, data, found := bytes.Cut(line, []byte(`,"pub":{"data":`))
	switch {
	case found && bytes.HasPrefix(line, []byte(`{"push":{`)) && bytes.HasSuffix(data, []byte("}}}")):
		return load.Heard{Kind: load.Pushed, Data: data[:len(data)-3]}, rest
	case bytes.HasPrefix(line, []byte(`{"id":1,"connect":{`)):
		return load.Heard{Kind: load.Welcome}, rest
	case string(line) == "{}": // a ping
		return load.Heard{Kind: load.Chatter, Reply: []byte("{}")}, rest
	}
	return load.Heard{}, rest
}
