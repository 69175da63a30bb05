package sse

import (
	"bytes"

	"scenecast"
)

// message is an event that is no plain push. Head are whole lines that come before it.
func message(head string, id scenecast.Position, data []byte) []byte {
	return event(head, id, general, data)
}

// event is one event of the stream, with the blank line that ends it (HTML Standard, 9.2.5). Without an ID the page's stays as
// it is, and without a name it is any message's. No name has a line's end in it.
//
// Data may have: each of its lines is a field of its own, so no byte of it can begin another one. The page gets the lines
// joined by LF, whatever ended them; in JSON a line's end is white space, so it means the same.
func event(head string, id scenecast.Position, name string, data []byte) []byte {
	b := make([]byte, 0, len(head)+len(name)+len(data)+80)
	b = append(b, head...)
	if id != (scenecast.Position{}) {
		b = field(b, "id: ", id.String())
	}
	if name != "" {
		b = field(b, "event: ", name)
	}
	for more := true; more; {
		var line []byte
		line, data, more = cutLine(data)
		b = field(b, "data: ", line)
	}
	return append(b, '\n')
}

// field appends a line. The space is the one that readers take away, so a value may begin with one.
func field[T string | []byte](b []byte, name string, value T) []byte {
	b = append(b, name...)
	b = append(b, value...)
	return append(b, '\n')
}

// cutLine cuts the data around the first end of a line, which is CR LF, LF or CR; false: there is none.
func cutLine(data []byte) (line, rest []byte, found bool) {
	i := bytes.IndexAny(data, "\r\n")
	if i < 0 {
		return data, nil, false
	}
	line, rest = data[:i], data[i+1:]
	if data[i] == '\r' && len(rest) > 0 && rest[0] == '\n' {
		rest = rest[1:]
	}
	return line, rest, true
}
