package jsonread_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"scenecast/jsonread"
)

// members reads an object; ok says that the text was one.
func members(text []byte) (_ map[string]string, ok bool) {
	r := jsonread.New(text)
	defer r.Free()
	if r.Peek() != '{' {
		return nil, false
	}
	read := make(map[string]string)
	for r.Enter(); r.More('}'); {
		name := r.Name()
		read[name] = string(r.Value())
	}
	r.Leave()
	return read, r.End()
}

// elements reads an array; ok says that the text was one.
func elements(text []byte) (read []string, ok bool) {
	r := jsonread.New(text)
	defer r.Free()
	if r.Peek() != '[' {
		return nil, false
	}
	for r.Enter(); r.More(']'); {
		read = append(read, string(r.Value()))
	}
	r.Leave()
	return read, r.End()
}

func TestReader(t *testing.T) {
	got, ok := members([]byte(` {"a" : {"b": [1.10, "\u4e2d"]} , "":null,"\u0061b":"]}","a":-1} ` + "\n"))
	if want := map[string]string{"a": `-1`, "": `null`, "ab": `"]}"`}; !ok || !maps.Equal(got, want) {
		t.Errorf("%q, %v, want %q", got, ok, want)
	}
	list, ok := elements([]byte("[1,[2, 3],\"]\",{}\n]"))
	if want := []string{`1`, `[2, 3]`, `"]"`, `{}`}; !ok || !slices.Equal(list, want) {
		t.Errorf("%q, %v, want %q", list, ok, want)
	}
}

// TestText: a string is read, and what is none stays to be read.
func TestText(t *testing.T) {
	r := jsonread.New([]byte(`["a\"\u4e2d",7,"\ud83d\ude00"]`))
	defer r.Free()
	r.Enter()
	first, ok := r.Text()
	_, number := r.Text()
	value := r.Value()
	last, last2 := r.Text()
	r.Leave()
	if first != `a"中` || !ok || number || string(value) != "7" || last != "😀" || !last2 || !r.End() {
		t.Errorf("%q %v, %v %q, %q %v", first, ok, number, value, last, last2)
	}
}

// A value has no room behind it: who appends to one changes no other.
func TestValueHasNoRoomBehindIt(t *testing.T) {
	text := []byte(`[1,2]`)
	r := jsonread.New(text)
	defer r.Free()
	r.Enter()
	_ = append(r.Value(), "xx"...)
	if string(text) != `[1,2]` {
		t.Errorf("the text is %q", text)
	}
}

// FuzzReader: a reader takes what encoding/json takes and is UTF-8, and reads the same.
func FuzzReader(f *testing.F) {
	for _, text := range []string{
		``, `{}`, `[]`, `{"a":1,"a":2}`, `[1]`, `{} {}`, `[1}`, `{"a":]`, "{\n\"a\":\"\xff\"}", `{"a":}`, `{,}`, `[1,]`, `7`, `"{"`, `[1] x`,
		`{"a":"\ud800"}`, `{"\ud800":1,"\udfff":2}`, `[01]`, `[1e5,-0,1.]`, strings.Repeat(`[`, 300), strings.Repeat(`{"a":`, 100) + strings.Repeat(`}`, 100),
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		before := bytes.Clone(text)
		var object map[string]json.RawMessage
		isObject := utf8.Valid(text) && json.Unmarshal(text, &object) == nil && object != nil
		got, ok := members(text)
		if ok != isObject || ok && !maps.EqualFunc(got, object, func(a string, b json.RawMessage) bool { return a == string(b) }) {
			t.Errorf("%q is read as %q, %v, and encoding/json says %q, %v", text, got, ok, object, isObject)
		}
		var array []json.RawMessage
		isArray := utf8.Valid(text) && json.Unmarshal(text, &array) == nil && array != nil
		list, ok := elements(text)
		if ok != isArray || ok && !slices.EqualFunc(list, array, func(a string, b json.RawMessage) bool { return a == string(b) }) {
			t.Errorf("%q is read as %q, %v, and encoding/json says %q, %v", text, list, ok, array, isArray)
		}
		if got, want := jsonread.Valid(text), utf8.Valid(text) && json.Valid(text); got != want {
			t.Errorf("Valid(%q) = %v, want %v", text, got, want)
		}
		if !bytes.Equal(text, before) {
			t.Errorf("%q has become %q", before, text)
		}
	})
}
