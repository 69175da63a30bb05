package client

import (
	"bufio"
	"bytes"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

func readEvents(r *bufio.Reader) (all []event) {
	for e := (eventReader{r: r}); ; {
		next, err := e.next()
		if err != nil {
			return all
		}
		all = append(all, next)
	}
}

// TestEvents: the examples of the HTML Standard, 9.2.6, and what else may come.
func TestEvents(t *testing.T) {
	for stream, want := range map[string][]event{
		"data: YHOO\ndata: +2\ndata: 10\n\n": {{data: []byte("YHOO\n+2\n10")}},
		": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n": {{id: "1", data: []byte("first event")}, {data: []byte("second event")}, {data: []byte(" third event")}},
		"data\n\ndata\ndata\n\ndata:": {{data: []byte("")}, {data: []byte("\n")}},
		"data:test\n\ndata: test\n\n": {{data: []byte("test")}, {data: []byte("test")}},
		"\ufeffid: 7\r\nevent: e\r\ndata: a\r\rretry: 5\n\nevent: none\n\ndata: b\n\n": {{id: "7", name: "e", data: []byte("a")}, {id: "7", data: []byte("b")}},
		"id: a\x00b\ndata: 1\n\n": {{data: []byte("1")}},
		"data: cut off\n":         nil,
	} {
		if got := readEvents(bufio.NewReader(strings.NewReader(stream))); !reflect.DeepEqual(normal(got), normal(want)) {
			t.Errorf("%q: %q, want %q", stream, got, want)
		}
	}
}

// normal has no data and empty data be the same.
func normal(events []event) (same []event) {
	for _, e := range events {
		e.data = append([]byte{}, e.data...)
		same = append(same, e)
	}
	return same
}

// FuzzEvents: events do not depend on how the stream is cut, nor on the lines' ends, and none has a line end in its name or ID.
func FuzzEvents(f *testing.F) {
	f.Add([]byte("id: 1\nevent: e\ndata: a\ndata: b\n\n:\n"))
	f.Add([]byte("data\r\rdata: \r\n\r\n"))
	f.Add([]byte("\ufeffdata:x\n\nid\x00:\n"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		whole := readEvents(bufio.NewReader(bytes.NewReader(stream)))
		if cut := readEvents(bufio.NewReaderSize(iotest.OneByteReader(bytes.NewReader(stream)), 16)); !reflect.DeepEqual(whole, cut) {
			t.Errorf("whole: %q, byte by byte: %q", whole, cut)
		}
		unix := bytes.ReplaceAll(bytes.ReplaceAll(stream, []byte("\r\n"), []byte("\n")), []byte("\r"), []byte("\n"))
		if same := readEvents(bufio.NewReader(bytes.NewReader(unix))); !reflect.DeepEqual(whole, same) {
			t.Errorf("with its own line ends: %q, with LF: %q", whole, same)
		}
		for _, e := range whole {
			if strings.ContainsAny(e.name+e.id, "\r\n") || bytes.ContainsRune(e.data, '\r') {
				t.Errorf("a line's end within %q", e)
			}
		}
	})
}
