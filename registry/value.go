package registry

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"scenecast"
	"scenecast/label"
)

// connection is what there is to tell of one.
type connection struct {
	id     scenecast.ConnID
	app    string
	labels label.Set
	since  time.Time
}

// reserved are the members of a value whose place no label takes.
var reserved = []string{"fd", "node", "app", "user", "since", "labels"}

// appendValue appends what the hash has of a connection: an object with its ID as fd, the node that it is on, its labels that are not the
// server's, its app, its trusted user where it has one, since when it is connected, and all its labels as the API shows them. The labels
// are there twice because the tutorial's PHP code reads them beside fd: $aContent['page'].
//
// It begins with fd and node, in this order, so that ownerOf need not decode it.
func appendValue(b []byte, node scenecast.NodeID, c connection) []byte {
	b = append(b, `{"fd":"`...)
	b = append(b, c.id.String()...)
	b = append(b, `","node":`...)
	b = strconv.AppendUint(b, uint64(node), 10)
	b = appendLabels(b, c.labels, func(key string) bool { return !strings.HasPrefix(key, "@") && !slices.Contains(reserved, key) })
	b = append(b, `,"app":`...)
	b = appendText(b, c.app)
	for l := range c.labels.Of(scenecast.LabelUser).All() { // one, or none
		b = append(b, `,"user":`...)
		b = appendText(b, l.Value)
	}
	b = append(b, `,"since":"`...)
	b = c.since.UTC().AppendFormat(b, time.RFC3339)
	b = append(b, `","labels":{`...)
	start := len(b)
	b = appendLabels(b, c.labels, func(string) bool { return true })
	if len(b) > start {
		b = slices.Delete(b, start, start+1) // the first comma
	}
	return append(b, '}', '}')
}

// appendLabels appends the labels whose keys are wanted as members of an object, a comma before each. As label.Set prints itself, a key
// with one value has a text, one with several an array.
func appendLabels(b []byte, s label.Set, wanted func(key string) bool) []byte {
	var last string
	for l := range s.All() {
		if l.Key == last || !wanted(l.Key) {
			continue
		}
		last = l.Key
		b = append(appendText(append(b, ','), l.Key), ':')
		values := s.Of(l.Key)
		if values.Len() == 1 {
			b = appendText(b, l.Value)
			continue
		}
		separator := byte('[')
		for l := range values.All() {
			b = appendText(append(b, separator), l.Value)
			separator = ','
		}
		b = append(b, ']')
	}
	return b
}

func appendText(b []byte, text string) []byte {
	b, _ = jsontext.AppendQuote(b, text) // the error is that bytes were no UTF-8, which no label has
	return b
}

// ownerOf is the node that a value tells of. Values that are not the registry's have none.
func ownerOf(value string) (node string, ok bool) {
	rest, ok := strings.CutPrefix(value, `{"fd":"`)
	if !ok {
		return "", false
	}
	_, rest, ok = strings.Cut(rest, `","node":`)
	if !ok {
		return "", false
	}
	node, _, ok = strings.Cut(rest, ",")
	if _, err := strconv.ParseUint(node, 10, 64); err != nil {
		return "", false
	}
	return node, ok
}
