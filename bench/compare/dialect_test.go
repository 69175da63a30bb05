package main

import (
	"net/url"
	"strings"
	"testing"

	"scenecast/bench/load"
)

func TestHear(t *testing.T) {
	for _, c := range []struct {
		dialect load.Dialect
		said    string
		want    []string // kind, data and reply of each
	}{
		{plain{}, `{"n":1}`, []string{`pushed {"n":1} `}},
		{socketIO{}, `0{"sid":"x"}`, []string{"chatter  40"}},
		{socketIO{}, `40{"sid":"x"}`, []string{"welcome  "}},
		{socketIO{}, `2`, []string{"chatter  3"}},
		{socketIO{}, `42["m",{"n":1}]`, []string{`pushed {"n":1} `}},
		{socketIO{}, `42["m",`, []string{"strange  "}},
		{socketIO{}, `42["x",1]`, []string{"strange  "}},
		{centrifuge{}, `{"id":1,"connect":{"client":"x","ping":25,"pong":true}}`, []string{"welcome  "}},
		{centrifuge{}, `{}`, []string{"chatter  {}"}},
		{centrifuge{}, `{"push":{"channel":"run:x","pub":{"data":{"n":1}}}}` + "\n{}\n" + `{"push":{"channel":"a","pub":{"data":2}}}`,
			[]string{`pushed {"n":1} `, "chatter  {}", "pushed 2 "}},
		{centrifuge{}, `{"push":{"channel":"run:x","join":{}}}`, []string{"strange  "}},
		{centrifuge{}, `{"push":{"channel":"run:x","pub":{"data":1`, []string{"strange  "}},
	} {
		kinds := map[load.Kind]string{load.Strange: "strange", load.Chatter: "chatter", load.Welcome: "welcome", load.Pushed: "pushed"}
		var got []string
		for rest := []byte(c.said); len(rest) > 0; {
			var h load.Heard
			h, rest = c.dialect.Hear(rest)
			got = append(got, kinds[h.Kind]+" "+string(h.Data)+" "+string(h.Reply))
		}
		if strings.Join(got, "|") != strings.Join(c.want, "|") {
			t.Errorf("%T: %s: got %q, want %q", c.dialect, c.said, got, c.want)
		}
	}
}

func TestCalls(t *testing.T) {
	to := load.Audience{Key: "group", Value: "x-1"}
	for _, c := range []struct {
		dialect      load.Dialect
		target, path string
		status       int
		answer       string
		want         load.Answer
		err          string
	}{
		{plain{"/ws"}, "/ws?page=home", "/pub?group=x-1", 200, `{"matched":3}`, load.Answer{Matched: 3, Queued: 3}, ""},
		{plain{"/"}, "/?page=home", "/pub?group=x-1", 200, `{}`, load.Answer{}, "the server answers 200: "},
		{plain{"/"}, "/?page=home", "/pub?group=x-1", 500, `{"matched":3}`, load.Answer{}, "the server answers 500: "},
		{socketIO{plain{"/s/"}}, "/s/?page=home&EIO=4&transport=websocket", "/pub?group=x-1", 200, `x`, load.Answer{}, "the server answers 200: "},
		{nchan{plain{"/ws"}}, "/ws?page=home", "/pub?group=x-1", 201, `{"messages": 1, "subscribers": 3}`, load.Answer{Matched: 3, Queued: 3}, ""},
		{nchan{plain{"/ws"}}, "/ws?page=home", "/pub?group=x-1", 202, `{"messages": 1, "subscribers": 0}`, load.Answer{}, ""},
		{nchan{plain{"/ws"}}, "/ws?page=home", "/pub?group=x-1", 403, `{}`, load.Answer{}, "the server answers 403: "},
	} {
		if got := c.dialect.Target(url.Values{"page": {"home"}}); got != c.target {
			t.Errorf("%T: target %s, want %s", c.dialect, got, c.target)
		}
		if got := c.dialect.Push(to, []byte("{}")); got.Path != c.path || string(got.Body) != "{}" {
			t.Errorf("%T: got %+v, want %s", c.dialect, got, c.path)
		}
		got, err := c.dialect.Answer(c.status, []byte(c.answer))
		check(t, c.answer, got, c.want, err, c.err)
	}
}
