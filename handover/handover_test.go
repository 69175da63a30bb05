package handover_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"scenecast/handover"
)

// everything is a record with a field of each kind.
type everything struct {
	uint     uint64
	int      int64
	flag     bool
	duration time.Duration
	at       time.Time
	text     string
	bytes    []byte
	inner    []string
	uints    []uint64
	texts    []string
}

func (r *everything) encode() []byte {
	var e handover.Encoder
	e.Uint(handover.Required(1), r.uint)
	e.Int(handover.Required(2), r.int)
	e.Bool(handover.Required(3), r.flag)
	e.Duration(handover.Required(4), r.duration)
	e.Time(handover.Required(5), r.at)
	e.Text(handover.Required(6), r.text)
	e.Bytes(handover.Required(7), r.bytes)
	for _, text := range r.inner {
		e.Record(handover.Required(8), func(e *handover.Encoder) { e.Text(handover.Optional(1), text) })
	}
	e.Uints(handover.Required(9), r.uints)
	e.Texts(handover.Required(10), r.texts)
	return e.Encoded()
}

func decode(record []byte) (r everything, err error) {
	err = handover.Decode(record, func(f handover.Field, v *handover.Value) bool {
		switch f {
		case handover.Required(1):
			r.uint = v.Uint()
		case handover.Required(2):
			r.int = v.Int()
		case handover.Required(3):
			r.flag = v.Bool()
		case handover.Required(4):
			r.duration = v.Duration()
		case handover.Required(5):
			r.at = v.Time()
		case handover.Required(6):
			r.text = v.Text()
		case handover.Required(7):
			r.bytes = bytes.Clone(v.Bytes())
		case handover.Required(8):
			v.Record(func(f handover.Field, v *handover.Value) bool {
				if text := v.Text(); f == handover.Optional(1) && text != "" {
					r.inner = append(r.inner, text)
				}
				return f == handover.Optional(1)
			})
		case handover.Required(9):
			r.uints = v.Uints()
		case handover.Required(10):
			r.texts = v.Texts()
		default:
			return false
		}
		return true
	})
	return r, err
}

// TestRecords compares records of all kinds of fields with what they were made of, also where they are longer than a length of one byte.
func TestRecords(t *testing.T) {
	for _, want := range []everything{
		{},
		{uint: math.MaxUint64, int: math.MinInt64, flag: true, duration: -time.Second, at: time.Unix(0, 1), text: "ä", bytes: []byte{0}},
		{int: -1, inner: []string{"a", strings.Repeat("b", 127), strings.Repeat("c", 128), strings.Repeat("d", 1<<16)}},
		{uints: []uint64{0, 1, math.MaxUint64}, texts: []string{"", "x", strings.Repeat("y", 300)}},
	} {
		got, err := decode(want.encode())
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, %v; want %+v", got, err, want)
		}
	}
}

// TestBytes holds the form itself: other versions read it.
func TestBytes(t *testing.T) {
	var e handover.Encoder
	e.Uint(handover.Required(1), 300)
	e.Uint(handover.Required(2), 0) // left out
	e.Text(handover.Optional(3), "hi")
	e.Record(handover.Required(4), func(e *handover.Encoder) { e.Int(handover.Required(1), -2) })
	if want := "\x02\x02\xac\x02" + "\x07\x02hi" + "\x08\x03\x02\x01\x03"; string(e.Encoded()) != want {
		t.Errorf("%q, want %q", e.Encoded(), want)
	}
	if head := handover.AppendHead(nil, handover.KindPages, 258); string(head) != "\x0a\x00\x00\x01\x02" {
		t.Errorf("a head is %q", head)
	}
}

// TestUnknownFields: an optional field is passed over, a required one refuses, also within a record.
func TestUnknownFields(t *testing.T) {
	for _, c := range []struct {
		name string
		fill func(e *handover.Encoder)
		want error
	}{
		{"optional", func(e *handover.Encoder) { e.Text(handover.Optional(99), "new") }, nil},
		{"required", func(e *handover.Encoder) { e.Text(handover.Required(99), "new") }, handover.ErrUnknown},
		{"within", func(e *handover.Encoder) {
			e.Record(handover.Required(8), func(e *handover.Encoder) { e.Uint(handover.Required(7), 1) })
		}, handover.ErrUnknown},
	} {
		var e handover.Encoder
		e.Uint(handover.Required(1), 7)
		c.fill(&e)
		got, err := decode(e.Encoded())
		if !errors.Is(err, c.want) || got.uint != 7 {
			t.Errorf("%s: %v, %d; want %v", c.name, err, got.uint, c.want)
		}
	}
}

// TestAgree: formats that overlap go by the newest that both know; others are refused in words.
func TestAgree(t *testing.T) {
	for _, c := range []struct {
		newest, oldest uint64
		want           uint64 // 0: refused
	}{
		{handover.Newest, handover.Oldest, handover.Newest},
		{handover.Newest + 1, handover.Newest, handover.Newest},
		{handover.Newest + 5, handover.Newest + 1, 0},
		{handover.Oldest - 1, handover.Oldest - 1, 0},
	} {
		h := handover.Hello{Newest: c.newest, Oldest: c.oldest, Version: "v9", Listen: ":1", Loops: 3, Settings: []byte{1}}
		decoded, err := handover.DecodeHello(h.Encode())
		if err != nil || !reflect.DeepEqual(decoded, h) {
			t.Errorf("%+v, %v; want %+v", decoded, err, h)
		}
		format, err := handover.Agree(decoded)
		if format != c.want || (err != nil) != (c.want == 0) || err != nil && !strings.Contains(err.Error(), "v9") {
			t.Errorf("formats %d to %d: %d, %v; want %d", c.oldest, c.newest, format, err, c.want)
		}
	}
}

// TestHelloOfANewerVersion has fields that are not known, required ones too: the formats decide.
func TestHelloOfANewerVersion(t *testing.T) {
	h := handover.Hello{Newest: 9, Oldest: 9}
	var e handover.Encoder
	e.Append(h.Encode())
	e.Text(handover.Required(77), "new")
	if got, err := handover.DecodeHello(e.Encoded()); err != nil || got.Newest != 9 {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestMessageThatLies about its length costs no more memory than its bytes, and is refused where it is too long.
func TestMessageThatLies(t *testing.T) {
	head := handover.AppendHead(nil, handover.KindLog, handover.MaxMessage)
	if _, _, err := handover.ReadMessage(bytes.NewReader(append(head, 1, 2, 3))); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("cut off: %v", err)
	}
	allocated := testing.AllocsPerRun(1, func() {
		_, _, _ = handover.ReadMessage(bytes.NewReader(append(head, 1, 2, 3)))
	})
	if allocated > 20 {
		t.Errorf("%v allocations", allocated)
	}
	for _, head := range [][]byte{handover.AppendHead(nil, handover.KindLog, handover.MaxMessage+1), {0, 0, 0, 0, 0}, {200, 0, 0, 0, 0}} {
		if _, _, err := handover.ReadMessage(bytes.NewReader(head)); !errors.Is(err, handover.ErrMalformed) {
			t.Errorf("%x: %v", head, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	whole := (&everything{uint: 1, int: -1, text: "t", inner: []string{"a"}, uints: []uint64{1}, texts: []string{"b"}}).encode()
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, record []byte) {
		r, err := decode(record)
		if err != nil {
			return
		}
		again, err := decode(r.encode())
		if err != nil || !bytes.Equal(again.encode(), r.encode()) {
			t.Errorf("%+v is %+v when it is encoded again, %v", r, again, err)
		}
	})
}

func FuzzReadMessage(f *testing.F) {
	f.Add(append(handover.AppendHead(nil, handover.KindKeys, 2), 1, 2))
	f.Add([]byte{1, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, stream []byte) {
		r := bytes.NewReader(stream)
		for {
			k, payload, err := handover.ReadMessage(r)
			if err != nil {
				return
			}
			if k == handover.KindNone || len(payload) > len(stream) {
				t.Fatalf("kind %d, %d bytes of %d", k, len(payload), len(stream))
			}
		}
	})
}
