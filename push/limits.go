package push

import (
	"bytes"
	"time"
	"unicode/utf8"

	"scenecast"
	"scenecast/jsonread"
	"scenecast/problem"
)

// The settings that decide the limits; a problem names the one that it broke.
const (
	SettingTTL         = "push.max_ttl"
	SettingTimeout     = "push.max_timeout"
	SettingOutbox      = "outbox.max_bytes"
	SettingOutboxTotal = "outbox.max_total"
)

// Limits bound how long a push may occupy the server, and how much of an outbox.
type Limits struct {
	TTL     time.Duration // of a push
	Timeout time.Duration // for a receipt
	Frame   int           // bytes of a push's frame, on any wire: a larger one fits no outbox, and would close every page that it is for

	// FrameSetting is the setting that decides Frame.
	FrameSetting string
}

// DefaultLimits are the limits where nothing else is configured.
var DefaultLimits = Limits{TTL: 24 * time.Hour, Timeout: 30 * time.Second, Frame: 1 << 20, FrameSetting: SettingOutbox}

// DefaultTimeout is how long a receipt is waited for where the request does not say.
const DefaultTimeout = 5 * time.Second

// What a push's texts may be.
const (
	MaxEvent = 200 // bytes of the name of an event
	MaxKey   = 128 // bytes of the keys coalesce and retain
	MaxID    = 128 // characters of an ID and of an idempotency key
)

// check returns a problem that says what is wrong with a request.
func (l Limits) check(r Request) error {
	if r.To.IsZero() {
		return problem.New(problem.Invalid, `missing: say which pages, as in {"page":"home"}; everybody is "*"`).At("to")
	}
	for _, text := range []struct {
		field, value string
		max          int
	}{{"event", r.Event, MaxEvent}, {"coalesce", r.Coalesce, MaxKey}, {"retain", r.Retain, MaxKey}} {
		if len(text.value) > text.max || !utf8.ValidString(text.value) {
			return problem.New(problem.Invalid, "a text of at most %d bytes", text.max).At(text.field)
		}
	}
	if err := CheckID(r.ID); err != nil {
		return problem.At(err, "id")
	}
	if err := CheckID(r.IdempotencyKey); err != nil {
		return problem.At(err, IdempotencyHeader)
	}
	if r.ID != "" && r.IdempotencyKey != "" && r.ID != r.IdempotencyKey {
		return problem.New(problem.Invalid, "an id is the idempotency key as well, and another one was given").At("id")
	}
	if err := l.checkTimes(r); err != nil {
		return err
	}
	switch {
	case len(r.Message) == 0 && r.DryRun:
		return nil
	case len(r.Message) == 0:
		return problem.New(problem.Invalid, "missing: any JSON that the pages shall get").At("message")
	case !jsonread.Valid(r.Message):
		return problem.New(problem.Invalid, "not valid JSON in UTF-8").At("message")
	}
	return problem.At(l.checkFrame(messageOf(r), MaxFrame(r.Event, r.Message)), "message")
}

func messageOf(r Request) scenecast.Message {
	return scenecast.Message{Event: r.Event, Data: r.Message}
}

// checkFrame returns a problem if no outbox has room for the frame of a message, of at most n bytes.
func (l Limits) checkFrame(m scenecast.Message, n int) error {
	if n <= l.Frame {
		return nil
	}
	return problem.New(problem.TooLarge, "%d bytes, which with its framing may be %d, and an outbox has room for %d",
		len(m.Data), n, l.Frame).DecidedBy(l.FrameSetting)
}

// escaped is how many bytes a byte of a text may take in JSON.
const escaped = len(`\u0000`)

// MaxFrame is how many bytes the frame of a push may have, at most, by any way of delivery, on any wire that sends a message as the JSON
// that it is. The event stands in JSON, where a byte takes up to six. An event stream begins each line of a message with a field name. The
// rest is for the envelope.
func MaxFrame(event string, message []byte) int {
	const fieldName, envelope = len("data: "), 512
	lines := bytes.Count(message, []byte{'\n'}) + bytes.Count(message, []byte{'\r'})
	return len(message) + fieldName*lines + escaped*len(event) + envelope
}

func (l Limits) checkTimes(r Request) error {
	switch {
	case r.TTL < 0:
		return problem.New(problem.Invalid, "negative").At("ttl")
	case r.TTL > l.TTL:
		return problem.New(problem.LimitExceeded, "%v, and a push may have %v", r.TTL, l.TTL).At("ttl").DecidedBy(SettingTTL)
	case r.Retain != "" && r.TTL == 0:
		return needsTTL()
	case int(r.Receipt) >= len(scenecast.Receipts):
		return problem.New(problem.Invalid, "there is no receipt %d", r.Receipt).At("receipt")
	case r.Timeout < 0:
		return problem.New(problem.Invalid, "negative").At("timeout")
	case r.Timeout > l.Timeout:
		return problem.New(problem.LimitExceeded, "%v, and a receipt may take %v", r.Timeout, l.Timeout).At("timeout").
			DecidedBy(SettingTimeout)
	case r.Timeout > 0 && r.Receipt == scenecast.ReceiptQueued:
		return problem.New(problem.Invalid, "needs a receipt to wait for: written or acked").At("timeout")
	}
	return nil
}

func needsTTL() error {
	return problem.New(problem.Invalid, "needs a ttl, which says how long the value is kept").At("retain")
}

// IdempotencyHeader is the HTTP header that gives a call its idempotency key.
const IdempotencyHeader = "Idempotency-Key"

// CheckID returns a problem if the text can be neither a push's ID nor an idempotency key. Empty is none, which is fine.
func CheckID(id string) error {
	if len(id) > MaxID {
		return problem.New(problem.Invalid, "%d characters, and it may have %d", len(id), MaxID)
	}
	for _, c := range []byte(id) {
		if c <= ' ' || c > '~' {
			return problem.New(problem.Invalid, "takes printable ASCII without spaces")
		}
	}
	return nil
}
