package pusher

import (
	"slices"
	"strconv"
	"strings"

	"scenecast"
	"scenecast/label"
	"scenecast/protocol/pusher/app"
	"scenecast/protocol/pusher/channel"
)

// labelHistory is what pages want to have of the past of presence channels that they are entering: the channel and the text of a history, each
// on a line.
const labelHistory = "@history"

// history is what a page wants to have of the past of a channel. The zero value is nothing.
type history struct {
	since  string // behind this position
	rewind int    // the newest, so many
}

// historyOf is what a page gets of the past of a channel, of what it asks for: what the app allows.
func historyOf(known *app.App, f *fields) (h history) {
	switch {
	case f.since != "" && known.Resume:
		h.since = f.since
	case f.rewind > 0 && !f.channel.Cache(): // a cache channel has its own event for those who subscribe
		h.rewind = min(f.rewind, known.Rewind)
	}
	return h
}

func (h history) isZero() bool { return h == history{} }

func (h history) value(name channel.Name) string {
	return string(name) + "\n" + h.since + "\n" + strconv.Itoa(h.rewind)
}

// takeHistory is what a page that has been entering a channel wants of its past, and the labels without it.
func takeHistory(labels label.Set, name channel.Name) (h history, left []string) {
	for _, value := range labels.Values(labelHistory) {
		rest, ok := strings.CutPrefix(value, string(name)+"\n")
		if !ok {
			left = append(left, value)
			continue
		}
		since, rewind, _ := strings.Cut(rest, "\n")
		h.since = since
		h.rewind, _ = strconv.Atoi(rewind)
	}
	return h, left
}

// forget takes what a page wants of a channel's past out of its labels.
func forget(change label.Change, labels label.Set, name channel.Name) {
	if before := labels.Values(labelHistory); len(before) > 0 {
		if _, left := takeHistory(labels, name); !slices.Equal(left, before) {
			change[labelHistory] = left
		}
	}
}

// enterChannel has a page be subscribed to a channel, and tells it so by a message, unless that is nil. What it wants of the past comes behind.
func (p *Protocol) enterChannel(c scenecast.Conn, name channel.Name, h history, message []byte) {
	labels := c.Labels()
	change := label.Change{channel.Label: append(labels.Values(channel.Label), string(name))}
	forget(change, labels, name)
	from, at, malformed := scenecast.History{Last: h.rewind}, c.Position(), false
	if h.since != "" {
		if since, err := scenecast.ParsePosition(h.since); err == nil {
			from.After, at = since, since
		} else {
			h, malformed = history{}, true
		}
	}
	if h.isZero() {
		c.Relabel(change)
	} else {
		c.RelabelFrom(change, from)
	}
	if message != nil {
		if p.positions && h.rewind == 0 {
			message = withPosition(message, at)
		}
		send(c, message)
	}
	if encode := p.traits.EncodeGap; malformed && encode != nil {
		c.Send(encode(scenecast.GapNotice{Reason: scenecast.GapPosition}))
	}
	if h.since == "" {
		p.subscribed(c, name)
	}
}
