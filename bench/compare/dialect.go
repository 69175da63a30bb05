package main

import (
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
