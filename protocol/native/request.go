package native

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"

	"scenecast"
	"scenecast/label"
	"scenecast/problem"
)

// maxRequestID bounds the id that a page gives a request, in bytes of JSON.
const maxRequestID = 64

// request is a message from a page.
type request struct {
	Type   string          `json:"type"`
	ID     json.RawMessage `json:"id"`     // any number or text; its answer carries it
	Labels label.Change    `json:"labels"` // of set
	Token  *string         `json:"token"`  // of token
	Key    string          `json:"key"`    // of watch and unwatch
	Method *string         `json:"method"` // of call
	Data   json.RawMessage `json:"data"`   // of call

	Position scenecast.Position `json:"-"`        // of ack
	At       *string            `json:"position"` // … as it is written
}

// parseRequest reads a message. The error's text goes into the close frame.
func parseRequest(m scenecast.Inbound) (r request, err error) {
	if !m.Text {
		return r, errors.New("a message is a text frame, not a binary one")
	}
	d := json.NewDecoder(bytes.NewReader(m.Data))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		var p *problem.Problem
		if errors.As(err, &p) {
			return r, problem.At(p, "labels")
		}
		return r, errors.New("a message is a JSON object with type, id, labels, position, token, key, method and data")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return r, errors.New("the message goes on behind its JSON object")
	}
	switch {
	case !slices.Contains([]string{"set", "ack", "call", "token", "ping", "watch", "unwatch"}, r.Type):
		return r, errors.New("unknown type: there are set, ack, call, token, ping, watch and unwatch")
	case (r.Type == "ack") != (r.At != nil):
		return r, errors.New("a position belongs to ack, and ack needs one")
	case (r.Type == "set") != (r.Labels != nil):
		return r, errors.New("labels belong to set, and set needs them")
	case (r.Type == "token") != (r.Token != nil):
		return r, errors.New("a token belongs to token, and token needs one")
	case (r.Type == "watch" || r.Type == "unwatch") != (r.Key != ""):
		return r, errors.New("a key belongs to watch and unwatch, and they need one")
	case len(r.ID) > maxRequestID || len(r.ID) > 0 && (r.ID[0] == '{' || r.ID[0] == '['):
		return r, errors.New("an id is a number or a short text")
	}
	if err := r.checkCall(); err != nil {
		return r, err
	}
	if r.At != nil {
		r.Position, err = scenecast.ParsePosition(*r.At)
	}
	return r, err
}
