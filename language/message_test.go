package language

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"
)

// TestMessage: a text that has gone to another process as JSON is there what it would have been here, in each language.
func TestMessage(t *testing.T) {
	inner := Errorf("%.40q is no position: it has the form epoch-seq, as in k3x9a-17", "x")
	for _, err := range []error{
		inner,
		NewError("this node is drained (POST /v1/drain)"),
		Errorf("takes %s", Textf("a whole number from 0 to %d", 7)),
		Errorf("%d of %d nodes have answered, and the connection %s is not on those", 1, 3, "5.7"),
		Errorf("%d, %06.2f of %[1]d within %[3]v", 255, 1.5, time.Second),
		Errorf("%s cannot be read: %w", "/proc", inner),
		fmt.Errorf("dial: %w (%w)", inner, io.EOF),
		errors.Join(inner, io.EOF, inner),
		Join("; ", []error{inner, io.EOF}),
		fmt.Errorf("a: %w", errors.Join(fmt.Errorf("b: %w", inner))),
		io.EOF,
		Errorf("%s%%", "7"),
	} {
		body, failed := json.Marshal(MessageOf(err))
		var got Message
		if failed != nil || json.Unmarshal(body, &got) != nil {
			t.Fatal(err, string(body), failed)
		}
		for _, tag := range []Tag{English, Chinese} {
			if in := got.In(tag); in != Error(err, tag) {
				t.Errorf("%s, in %s: %q, want %q", body, tag, in, Error(err, tag))
			}
		}
	}
}

// TestMessageOfOthers: whatever another process sends prints as something.
func TestMessageOfOthers(t *testing.T) {
	for body, want := range map[string]string{
		`{}`:                              "",
		`{"text":"a %d"}`:                 "a %d",
		`{"id":"of a newer version: %d"}`: "of a newer version: %d",
		`{"id":"%d and %s","args":[{"text":"1"}]}`:                              "1 and %!s(MISSING)",
		`{"id":"%d","args":[{"text":"1"},{"text":"2"}]}`:                        "1%!(EXTRA language.printed=2)",
		`{"id":"takes %s","args":[{"id":"%q of %w","args":[{"text":"a"},{}]}]}`: "takes a of ",
		`{"text":"a","args":[{"text":"b"},{"id":"c"}],"newer":1}`:               "abc",
	} {
		var m Message
		if err := json.Unmarshal([]byte(body), &m); err != nil || m.Error() != want || m.IsZero() != (want == "") {
			t.Errorf("%s: %v, %q, want %q", body, err, m, want)
		}
	}
}
