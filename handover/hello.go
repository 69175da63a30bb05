package handover

import (
	"cmp"

	"scenecast/language"
)

// Hello is what the new process says first.
type Hello struct {
	Newest, Oldest uint64 // the formats that it knows
	Version        string // of the program
	Listen         string // the port that its settings name
	Loops          int    // how many it would have
	Settings       []byte // a digest of its settings
	Engine         string // empty: memory
	Dashboard      bool   // whether it takes the dashboard's own port
}

// EngineName is the name of the engine, also of a version that knew one only.
func (h *Hello) EngineName() string { return cmp.Or(h.Engine, "memory") }

var (
	fieldNewest    = Required(1)
	fieldOldest    = Required(2)
	fieldVersion   = Optional(3)
	fieldListen    = Optional(4)
	fieldLoops     = Optional(5)
	fieldSettings  = Optional(6)
	fieldEngine    = Optional(7)
	fieldDashboard = Optional(8)
	fieldMessage   = Optional(9)
)

// Encode is the hello as a record.
func (h *Hello) Encode() []byte {
	var e Encoder
	e.Uint(fieldNewest, h.Newest)
	e.Uint(fieldOldest, h.Oldest)
	e.Text(fieldVersion, h.Version)
	e.Text(fieldListen, h.Listen)
	e.Uint(fieldLoops, uint64(h.Loops))
	e.Bytes(fieldSettings, h.Settings)
	e.Text(fieldEngine, h.Engine)
	e.Bool(fieldDashboard, h.Dashboard)
	return e.Encoded()
}

// DecodeHello reads a hello. Of another version it may have fields that are not known: what counts is the formats, so none of them
// refuses it.
func DecodeHello(record []byte) (h Hello, err error) {
	err = Decode(record, func(f Field, v *Value) bool {
		switch f {
		case fieldNewest:
			h.Newest = v.Uint()
		case fieldOldest:
			h.Oldest = v.Uint()
		case fieldVersion:
			h.Version = v.Text()
		case fieldListen:
			h.Listen = v.Text()
		case fieldLoops:
			h.Loops = v.Count()
		case fieldSettings:
			h.Settings = append([]byte(nil), v.Bytes()...)
		case fieldEngine:
			h.Engine = v.Text()
		case fieldDashboard:
			h.Dashboard = v.Bool()
		}
		return true
	})
	return h, err
}

// Agree is the newest format that both know. An error says in words that there is none.
func Agree(h Hello) (format uint64, err error) {
	format = min(h.Newest, Newest)
	if format < max(h.Oldest, Oldest) {
		return 0, language.Errorf("the running process hands over in formats %d to %d, and the new one (%s) takes %d to %d: restart instead",
			Oldest, Newest, h.Version, h.Oldest, h.Newest)
	}
	return format, nil
}

// Refusal is why a process does not go on, as a record: in English, and as JSON in every language, which older versions leave out.
func Refusal(why string, message []byte) []byte {
	var e Encoder
	e.Text(fieldNewest, why)
	e.Bytes(fieldMessage, message)
	return e.Encoded()
}

// DecodeRefusal reads one.
func DecodeRefusal(record []byte) (why string, message []byte, err error) {
	err = Decode(record, func(f Field, v *Value) bool {
		switch f {
		case fieldNewest:
			why = v.Text()
		case fieldMessage:
			message = append([]byte(nil), v.Bytes()...)
		}
		return true
	})
	return why, message, err
}
