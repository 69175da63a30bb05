package websocket_test

import (
	"net/http"
	"strings"
	"testing"

	"scenecast/websocket"
)

const agreed = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"

var offers = []struct {
	lines string // of the header; separated by \n
	want  string // empty: declined
}{
	{"", ""},
	{"permessage-deflate", agreed},
	{"permessage-deflate; client_max_window_bits", agreed}, // Chrome, Firefox
	{"permessage-deflate; client_max_window_bits=10", agreed},
	{`permessage-deflate; client_max_window_bits="8"`, agreed},
	{"permessage-deflate;server_no_context_takeover;client_no_context_takeover", agreed},
	{" \tpermessage-deflate ; server_no_context_takeover\t; client_max_window_bits = 15 ", agreed},
	{"permessage-deflate; server_max_window_bits=15", agreed + "; server_max_window_bits=15"},
	{`permessage-deflate; server_max_window_bits="15"; client_max_window_bits`, agreed + "; server_max_window_bits=15"},
	{"x-webkit-deflate-frame, permessage-deflate", agreed},
	{"permessage-bzip2\npermessage-deflate", agreed},
	{", ,permessage-deflate,", agreed},
	{`foo; x="a, permessage-deflate"`, ""},
	{`foo; x="a\", permessage-deflate; y=\"", permessage-deflate`, agreed},
	{"permessage-deflate; server_max_window_bits=10, permessage-deflate", agreed},
	{"permessage-deflate; server_max_window_bits=10\npermessage-deflate; server_max_window_bits=15", agreed + "; server_max_window_bits=15"},

	{"permessage-deflate2", ""},
	{"permessage-deflate; server_max_window_bits=10", ""},
	{"permessage-deflate; server_max_window_bits=8", ""},
	{"permessage-deflate; server_max_window_bits=16", ""},
	{"permessage-deflate; server_max_window_bits=015", ""},
	{"permessage-deflate; server_max_window_bits", ""},
	{"permessage-deflate; server_max_window_bits=", ""},
	{"permessage-deflate; client_max_window_bits=7", ""},
	{"permessage-deflate; client_max_window_bits=16", ""},
	{"permessage-deflate; client_max_window_bits=08", ""},
	{"permessage-deflate; client_max_window_bits=", ""},
	{`permessage-deflate; client_max_window_bits=""`, ""},
	{`permessage-deflate; client_max_window_bits="9`, ""},
	{`permessage-deflate; client_max_window_bits=9"`, ""},
	{`permessage-deflate; client_max_window_bits="`, ""},
	{"permessage-deflate; client_max_window_bits=+9", ""},
	{"permessage-deflate; client_max_window_bits=9; client_max_window_bits=9", ""},
	{"permessage-deflate; client_max_window_bits; client_max_window_bits", ""},
	{"permessage-deflate; server_no_context_takeover=1", ""},
	{"permessage-deflate; server_no_context_takeover=", ""},
	{"permessage-deflate; client_no_context_takeover=true", ""},
	{"permessage-deflate; server_no_context_takeover; server_no_context_takeover", ""},
	{"permessage-deflate; unknown", ""},
	{"permessage-deflate; unknown=15", ""},
	{"permessage-deflate;", ""},
	{"permessage-deflate; ; client_max_window_bits", ""},
	{"permessage-deflate; =15", ""},
	{"permessage-deflate client_max_window_bits", ""},
	{"permessage-deflate=15", ""},
	{`"permessage-deflate"`, ""},
}

func offered(lines string) http.Header {
	return http.Header{"Sec-Websocket-Extensions": strings.Split(lines, "\n")}
}

func TestAcceptDeflate(t *testing.T) {
	for _, c := range offers {
		if got, ok := websocket.AcceptDeflate(offered(c.lines)); got != c.want || ok != (c.want != "") {
			t.Errorf("offered %q: answered %q, %v, want %q", c.lines, got, ok, c.want)
		}
	}
	if got, ok := websocket.AcceptDeflate(http.Header{}); ok {
		t.Errorf("offered nothing: answered %q", got)
	}
}

// FuzzAcceptDeflate: there are two answers and a refusal, and what is accepted is accepted behind other offers as well.
func FuzzAcceptDeflate(f *testing.F) {
	for _, c := range offers {
		f.Add(c.lines)
		f.Add(c.lines[:len(c.lines)/2])
	}
	f.Fuzz(func(t *testing.T, lines string) {
		got, ok := websocket.AcceptDeflate(offered(lines))
		if ok != (got != "") || ok && got != agreed && got != agreed+"; server_max_window_bits=15" {
			t.Errorf("offered %q: answered %q, %v", lines, got, ok)
		}
		if behind, _ := websocket.AcceptDeflate(offered("x; y=\",\", " + lines)); behind != got {
			t.Errorf("offered %q: answered %q, but %q behind another offer", lines, got, behind)
		}
	})
}
