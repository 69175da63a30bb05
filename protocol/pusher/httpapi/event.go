package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"scenecast/jsonread"
	"scenecast/problem"
	"scenecast/protocol/pusher"
	"scenecast/protocol/pusher/app"
	"scenecast/protocol/pusher/channel"
)

// readBody reads the body, and compares it with what is signed of it.
func (a *API) readBody(r *request) error {
	var body bytes.Buffer
	if n := r.ContentLength; n > 0 && n <= a.o.MaxBody {
		body.Grow(int(n) + bytes.MinRead)
	}
	_, err := body.ReadFrom(http.MaxBytesReader(r.w, r.Body, a.o.MaxBody))
	if p := problem.OfBody(err); p != nil {
		return p
	}
	if err != nil {
		return problem.New(problem.Invalid, "the body broke off")
	}
	r.body = body.Bytes()
	if err := r.query.CheckBody(r.body); err != nil {
		return a.refused(r, err)
	}
	return nil
}

// event is what is published.
type event struct {
	name     string
	data     json.RawMessage
	channels []channel.Name // each once
	socketID string         // of the page that is left out; empty: none
	info     info
}

// read reads an event of an app at a place of the body, which is an object. Members that are not known are ignored.
func (e *event) read(r *jsonread.Reader, of *app.App) error {
	if r.Peek() != '{' {
		return problem.New(problem.Invalid, "takes a JSON object")
	}
	seen := make(map[string]bool, 6)
	for r.Enter(); r.More('}'); {
		name := r.Name()
		if seen[name] {
			return problem.New(problem.Invalid, "there twice").At(name)
		}
		seen[name] = true
		if err := e.readMember(r, name, of); err != nil {
			return problem.At(err, name)
		}
	}
	r.Leave()
	return nil
}

func (e *event) readMember(r *jsonread.Reader, name string, of *app.App) (err error) {
	switch name {
	case "name":
		if e.name, err = readText(r); err == nil && len(e.name) > of.MaxEventName {
			return problem.New(problem.LimitExceeded, "has %d bytes, and %d are allowed", len(e.name), of.MaxEventName).DecidedBy(app.SettingEventName)
		}
		return err
	case "data":
		return e.readData(r, of)
	case "channel", "channels":
		if e.channels != nil {
			return problem.New(problem.Invalid, "an event has either channel or channels")
		}
		return e.readChannels(r, name == "channels", of)
	case "socket_id":
		if isNull(r) {
			return nil
		}
		if e.socketID, err = readText(r); err == nil && !isSocketID(e.socketID) {
			return problem.New(problem.Invalid, "%.40q is no socket_id: it has the form 123.456", e.socketID)
		}
		return err
	case "info":
		if isNull(r) {
			return nil
		}
		text, err := readText(r)
		if err != nil {
			return err
		}
		e.info, err = parseInfo(text, infoUsers|infoSubscriptions)
		return err
	}
	r.Value()
	return nil
}

// isNull takes a value that is null: some libraries send it for what an event does not have.
func isNull(r *jsonread.Reader) bool {
	if r.Peek() != 'n' {
		return false
	}
	r.Value()
	return true
}

func readText(r *jsonread.Reader) (string, error) {
	text, ok := r.Text()
	if !ok && r.Peek() != 0 {
		return "", problem.New(problem.Invalid, "takes a text")
	}
	return text, nil
}

func (e *event) readData(r *jsonread.Reader, of *app.App) error {
	text, ok := r.Text()
	switch {
	case !ok && r.Peek() == 0:
		return nil // the end tells what is wrong
	case !ok:
		return problem.New(problem.Invalid, "takes a text, such as JSON in a text")
	case len(text) > of.MaxEvent:
		return problem.New(problem.TooLarge, "has %d bytes, and %d are allowed", len(text), of.MaxEvent).DecidedBy(app.SettingEvent)
	}
	e.data = pusher.DataOf(text)
	return nil
}

func (e *event) readChannels(r *jsonread.Reader, several bool, of *app.App) error {
	e.channels = make([]channel.Name, 0, 1)
	if !several {
		return e.addChannel(r, of)
	}
	if r.Peek() != '[' {
		if r.Peek() == 0 {
			return nil
		}
		return problem.New(problem.Invalid, "takes a list of texts")
	}
	n := 0
	for r.Enter(); r.More(']'); n++ {
		if n == of.MaxEventChannels {
			return problem.New(problem.LimitExceeded, "an event may have %d channels", of.MaxEventChannels).DecidedBy(app.SettingEventChannels)
		}
		if err := e.addChannel(r, of); err != nil {
			return problem.At(err, fmt.Sprint(n))
		}
	}
	r.Leave()
	return nil
}

func (e *event) addChannel(r *jsonread.Reader, of *app.App) error {
	text, err := readText(r)
	if err != nil {
		return err
	}
	name := channel.Name(text)
	for _, other := range e.channels {
		if other == name {
			return nil // once is enough
		}
	}
	if err := name.Check(of.MaxChannelName, app.SettingChannelName); err != nil {
		return err
	}
	e.channels = append(e.channels, name)
	return nil
}

// check finds what an event lacks, and what does not go together.
func (e *event) check() error {
	switch {
	case e.name == "":
		return problem.New(problem.Invalid, "an event needs a name").At("name")
	case e.data == nil:
		return problem.New(problem.Invalid, "an event needs data, a text").At("data")
	case len(e.channels) == 0:
		return problem.New(problem.Invalid, "an event needs a channel").At("channels")
	}
	for _, name := range e.channels {
		if name.Encrypted() && len(e.channels) > 1 {
			return problem.New(problem.Invalid, "what is for an encrypted channel can be read in no other, and there are %d", len(e.channels)).At("channels")
		}
	}
	return nil
}

// isSocketID reports whether a text has the form 123.456.
func isSocketID(text string) bool {
	before, after, ok := strings.Cut(text, ".")
	return ok && isDigits(before) && isDigits(after)
}

func isDigits(text string) bool {
	return text != "" && len(text) <= 20 && strings.Trim(text, "0123456789") == ""
}

// badBody is why a body cannot be read as JSON.
func badBody(body []byte) error {
	d := json.NewDecoder(bytes.NewReader(body))
	var value json.RawMessage
	if err := d.Decode(&value); err != nil && err != io.EOF {
		return problem.New(problem.Invalid, "the body is not valid JSON: %v", err)
	}
	return problem.New(problem.Invalid, "the body is not one JSON value in UTF-8")
}
