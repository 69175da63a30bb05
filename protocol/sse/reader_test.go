package sse_test

import (
	"slices"
	"strconv"
	"strings"
)

// received is an event as a page gets it.
type received struct{ name, data, id string }

// reader reads an event stream to the letter of the HTML Standard, 9.2.6, "Interpreting an event stream".
type reader struct {
	lastID string
	retry  int
	events []received
}

func (r *reader) read(stream string) {
	stream = strings.TrimPrefix(stream, "\ufeff")
	var name, data string
	var hasData bool
	for len(stream) > 0 {
		end := strings.IndexAny(stream, "\r\n")
		if end < 0 {
			return // a block that is not ended is discarded
		}
		line := stream[:end]
		if strings.HasPrefix(stream[end:], "\r\n") {
			end++
		}
		stream = stream[end+1:]
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "":
			if hasData {
				r.events = append(r.events, received{name, strings.TrimSuffix(data, "\n"), r.lastID})
			}
			name, data, hasData = "", "", false
		case field == "event":
			name = value
		case field == "data":
			data += value + "\n"
			hasData = true
		case field == "id" && !strings.Contains(value, "\x00"):
			r.lastID = value
		case field == "retry":
			if n, err := strconv.Atoi(value); err == nil && !slices.ContainsFunc([]byte(value), func(c byte) bool { return c < '0' || c > '9' }) {
				r.retry = n
			}
		}
	}
}
