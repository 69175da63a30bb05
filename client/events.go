package client

import (
	"bufio"
	"bytes"
	"errors"
)

// maxEvent bounds an event of a stream.
const maxEvent = 4 << 20

var errEventTooLong = errors.New("an event of the stream is longer than 4 MiB")

// event is one of an event stream.
type event struct {
	id   string // the last one that the stream has named
	name string // empty: none
	data []byte
}

// eventReader reads an event stream (HTML Standard, 9.2.6).
type eventReader struct {
	r       *bufio.Reader
	begun   bool   // the first line has been read
	afterCR bool   // the last byte was a CR: an LF behind it belongs to it
	id      string // the last one that the stream has named
	line    []byte

	onLine func() // is told of each line, also of comments; nil: nobody
}

// next is the next event. An event that the stream's end cuts off is none.
func (e *eventReader) next() (event, error) {
	var read event
	var data []byte
	has := false
	for {
		line, err := e.readLine()
		if err != nil {
			return event{}, err
		}
		if len(line) == 0 {
			if has {
				read.id, read.data = e.id, data
				return read, nil
			}
			read = event{}
			continue
		}
		field, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(field) {
		case "data":
			if has {
				data = append(data, '\n')
			}
			if data, has = append(data, value...), true; len(data) > maxEvent {
				return event{}, errEventTooLong
			}
		case "event":
			read.name = string(value)
		case "id":
			if !bytes.ContainsRune(value, 0) {
				e.id = string(value)
			}
		}
	}
}

// readLine is the next line, without its end: CR LF, LF or CR. It does not wait for what is behind a CR.
func (e *eventReader) readLine() ([]byte, error) {
	e.line = e.line[:0]
	for {
		c, err := e.r.ReadByte()
		if err != nil {
			return nil, err
		}
		afterCR := e.afterCR
		e.afterCR = c == '\r'
		if c == '\n' && afterCR {
			continue
		}
		if c == '\n' || c == '\r' {
			break
		}
		if e.line = append(e.line, c); len(e.line) > maxEvent {
			return nil, errEventTooLong
		}
	}
	line := e.line
	if !e.begun {
		line, e.begun = bytes.TrimPrefix(line, []byte("\ufeff")), true
	}
	if e.onLine != nil {
		e.onLine()
	}
	return line, nil
}
