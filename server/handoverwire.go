package server

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"

	"scenecast"
	"scenecast/audience"
	"scenecast/config"
	"scenecast/engine/cluster"
	"scenecast/handover"
	"scenecast/handover/value"
	"scenecast/label"
	"scenecast/problem"
)

// What the two processes of a handover tell each other besides what parts of the server encode themselves.

// Of the welcome.
var (
	fieldFormat     = handover.Required(1)
	fieldNode       = handover.Required(2)
	fieldLoops      = handover.Required(3)
	fieldHasDebug   = handover.Required(4)
	fieldOldVersion = handover.Optional(5)
	fieldPID        = handover.Optional(6)
	fieldLogEpoch   = handover.Required(7)
	fieldLogNumber  = handover.Required(8)

	fieldHasDashboard = handover.Required(9) // only where the hello has asked for it
)

// welcome is what the old process says when it agrees.
type welcome struct {
	format   uint64
	node     scenecast.NodeID
	loops    int
	hasDebug bool
	version  string
	pid      int
	place    cluster.Place // of the engine of a cluster

	hasDashboard bool // a port of its own
}

func (w *welcome) encode() []byte {
	var e handover.Encoder
	e.Uint(fieldFormat, w.format)
	e.Uint(fieldNode, uint64(w.node))
	e.Uint(fieldLoops, uint64(w.loops))
	e.Bool(fieldHasDebug, w.hasDebug)
	e.Text(fieldOldVersion, w.version)
	e.Uint(fieldPID, uint64(w.pid))
	if w.place != (cluster.Place{}) {
		e.Uint(fieldLogEpoch, w.place.Epoch)
		e.Uint(fieldLogNumber, w.place.Number)
	}
	e.Bool(fieldHasDashboard, w.hasDashboard)
	return e.Encoded()
}

// settingsDigest tells settings from others, without their secrets.
func settingsDigest(c config.Config) []byte {
	digest := sha256.Sum256([]byte(config.Print(c)))
	return digest[:]
}

// maxLoops bounds what a hostile welcome can ask for.
const maxLoops = 4096

func decodeWelcome(record []byte) (w welcome, err error) {
	err = handover.Decode(record, func(f handover.Field, v *handover.Value) bool {
		switch f {
		case fieldFormat:
			w.format = v.Uint()
		case fieldNode:
			w.node = scenecast.NodeID(v.Uint())
		case fieldLoops:
			w.loops = v.Count()
		case fieldHasDebug:
			w.hasDebug = v.Bool()
		case fieldHasDashboard:
			w.hasDashboard = v.Bool()
		case fieldOldVersion:
			w.version = v.Text()
		case fieldPID:
			w.pid = v.Count()
		case fieldLogEpoch:
			w.place.Epoch = v.Uint()
		case fieldLogNumber:
			w.place.Number = v.Uint()
		default:
			return false
		}
		return true
	})
	if err == nil && (w.format < handover.Oldest || w.format > handover.Newest || w.loops < 1 || w.loops > maxLoops || w.node == 0) {
		err = fmt.Errorf("%w: a welcome with format %d and %d loops", handover.ErrMalformed, w.format, w.loops)
	}
	return w, err
}

// Of what is no loop's.
var (
	fieldLog         = handover.Required(1)
	fieldHub         = handover.Required(2)
	fieldPresence    = handover.Required(3)
	fieldRevocations = handover.Required(4)
	fieldFrozenAt    = handover.Required(5)
	fieldFeed        = handover.Required(6)
)

// Of a loop, and of pages.
var (
	fieldLoop        = handover.Required(1)
	fieldGenerations = handover.Required(2)
	fieldShard       = handover.Required(3)
	fieldItem        = handover.Required(4)
)

// Of the end.
var (
	fieldPages    = handover.Required(1)
	fieldVisitors = handover.Required(2)
)

// Of calls that the old process finishes, and of what has become of pushes.
var (
	fieldCallID    = handover.Required(1)
	fieldCallPush  = handover.Required(2)
	fieldCallQuery = handover.Required(3)
	fieldCallError = handover.Required(4)
	fieldErrorText = handover.Required(5)
	fieldQueued    = handover.Required(6)
	fieldPosition  = handover.Required(7)
	fieldTally     = handover.Required(8)
	fieldKnown     = handover.Required(9)
	fieldReplayed  = handover.Required(10)
	fieldReply     = handover.Required(11)
	fieldPushID    = handover.Required(12)
	fieldSeq       = handover.Required(13)
	fieldLateCall  = handover.Required(14)
	fieldCallLoop  = handover.Required(15)

	fieldProblemKind    = handover.Optional(16)
	fieldProblemDetail  = handover.Optional(17)
	fieldProblemWhere   = handover.Optional(18)
	fieldProblemSetting = handover.Optional(19)
)

// callErrors are the errors that both processes know, by number; others are told as text.
var callErrors = []error{nil, scenecast.ErrKeyReused, scenecast.ErrUnavailable, scenecast.ErrUncertain, scenecast.ErrClosed}

// answer is what the new process says of a push or a query of the old one.
type answer struct {
	id        uint64
	queued    bool // of a push: it is queued, and more is to come
	published scenecast.Published
	reply     []byte // of a query, as JSON
	err       error
}

func (a *answer) encode() []byte {
	var e handover.Encoder
	e.Uint(fieldCallID, a.id)
	e.Bool(fieldQueued, a.queued)
	e.Text(fieldPushID, a.published.ID)
	value.Position(&e, fieldPosition, a.published.Position)
	value.Tally(&e, fieldTally, a.published.Tally)
	e.Uint(fieldKnown, uint64(a.published.Known))
	e.Bool(fieldReplayed, a.published.Replayed)
	e.Bytes(fieldReply, a.reply)
	if a.err != nil {
		number := uint64(0)
		for i, known := range callErrors {
			if known != nil && errors.Is(a.err, known) {
				number = uint64(i)
			}
		}
		e.Uint(fieldCallError, number)
		e.Text(fieldErrorText, a.err.Error())
		var p *problem.Problem
		if errors.As(a.err, &p) {
			e.Text(fieldProblemKind, string(p.Kind))
			e.Text(fieldProblemDetail, p.Detail)
			e.Text(fieldProblemWhere, p.Where)
			e.Text(fieldProblemSetting, p.Setting)
		}
	}
	return e.Encoded()
}

func decodeAnswer(record []byte) (a answer, err error) {
	number, text := 0, ""
	var of problem.Problem
	err = handover.Decode(record, func(f handover.Field, v *handover.Value) bool {
		switch f {
		case fieldCallID:
			a.id = v.Uint()
		case fieldQueued:
			a.queued = v.Bool()
		case fieldPushID:
			a.published.ID = v.Text()
		case fieldPosition:
			a.published.Position = value.DecodePosition(v)
		case fieldTally:
			a.published.Tally = value.DecodeTally(v)
		case fieldKnown:
			a.published.Known = v.Count()
		case fieldReplayed:
			a.published.Replayed = v.Bool()
		case fieldReply:
			a.reply = append([]byte(nil), v.Bytes()...)
		case fieldCallError:
			number = v.Count()
		case fieldErrorText:
			text = v.Text()
		case fieldProblemKind:
			of.Kind = problem.Kind(v.Text())
		case fieldProblemDetail:
			of.Detail = v.Text()
		case fieldProblemWhere:
			of.Where = v.Text()
		case fieldProblemSetting:
			of.Setting = v.Text()
		default:
			return false
		}
		return true
	})
	switch {
	case of.Kind != "":
		a.err = &of
	case number > 0 && number < len(callErrors):
		a.err = callErrors[number]
	case text != "":
		a.err = errors.New(text)
	}
	return a, err
}

// wireQuery is a query as JSON.
type wireQuery struct {
	App        string              `json:"app"`
	To         string              `json:"to"`
	List       *scenecast.List     `json:"list,omitempty"`
	Relabel    map[string][]string `json:"relabel,omitempty"`
	Disconnect *scenecast.Ending   `json:"disconnect,omitempty"`
	Values     *string             `json:"values,omitempty"`
	Scenes     *scenecast.Scenes   `json:"scenes,omitempty"`
	Stats      *scenecast.Stats    `json:"stats,omitempty"`
	Keys       *scenecast.Keys     `json:"keys,omitempty"`
	Endings    *scenecast.Endings  `json:"endings,omitempty"`
}

func encodeQuery(q scenecast.Query) ([]byte, error) {
	w := wireQuery{App: q.App, To: q.To.String(), List: q.List, Scenes: q.Scenes, Stats: q.Stats, Keys: q.Keys, Endings: q.Endings}
	if q.Relabel != nil {
		w.Relabel = q.Relabel.Change
	}
	if q.Disconnect != nil {
		w.Disconnect = &q.Disconnect.Ending
	}
	if q.Values != nil {
		w.Values = &q.Values.Key
	}
	return json.Marshal(w)
}

func decodeQuery(b []byte) (q scenecast.Query, err error) {
	var w wireQuery
	if err := json.Unmarshal(b, &w); err != nil {
		return q, err
	}
	if q.To, err = audience.Parse(w.To); err != nil {
		return q, err
	}
	q.App, q.List, q.Scenes, q.Stats, q.Keys, q.Endings = w.App, w.List, w.Scenes, w.Stats, w.Keys, w.Endings
	if w.Relabel != nil {
		q.Relabel = &scenecast.Relabel{Change: label.Change(w.Relabel)}
	}
	if w.Disconnect != nil {
		q.Disconnect = &scenecast.Disconnect{Ending: *w.Disconnect}
	}
	if w.Values != nil {
		q.Values = &scenecast.Values{Key: *w.Values}
	}
	return q, nil
}
