package api

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"scenecast"
	"scenecast/admission"
	"scenecast/audience"
	"scenecast/language"
	"scenecast/problem"
)

// fields says how each field of an object is read.
type fields map[string]func(raw json.RawMessage) error

// read reads an object's fields; one that is not listed is a problem. They are read in the order of their names, so that of
// two mistakes the same is told every time.
func (f fields) read(object map[string]json.RawMessage) error {
	for _, name := range slices.Sorted(maps.Keys(object)) {
		read, ok := f[name]
		if !ok {
			return problem.New(problem.Invalid, "unknown field; there are %s", strings.Join(slices.Sorted(maps.Keys(f)), ", ")).At(name)
		}
		if err := read(object[name]); err != nil {
			return problem.At(err, name)
		}
	}
	return nil
}

// aText is what most fields take.
var aText = language.Textf("a text")

// as reads JSON of the type that the field has.
func as[T any](field *T, what language.Text) func(json.RawMessage) error {
	return func(raw json.RawMessage) error {
		if string(raw) == "null" || json.Unmarshal(raw, field) != nil {
			return problem.New(problem.Invalid, "takes %s", what)
		}
		return nil
	}
}

// asDuration reads a length of time as Go writes it.
func asDuration(field *time.Duration) func(json.RawMessage) error {
	return func(raw json.RawMessage) error {
		var text string
		if json.Unmarshal(raw, &text) == nil {
			if d, err := time.ParseDuration(text); err == nil && d > 0 {
				*field = d
				return nil
			}
		}
		return problem.New(problem.Invalid, `takes a length of time, as in "90s" or "1h30m"`)
	}
}

// asReceipt reads the name of a receipt.
func asReceipt(field *scenecast.Receipt) func(json.RawMessage) error {
	return func(raw json.RawMessage) error {
		var text string
		_ = json.Unmarshal(raw, &text) // what is no text is no name either
		i := slices.Index(scenecast.Receipts, text)
		if i < 0 {
			return problem.New(problem.Invalid, "takes one of %s", strings.Join(scenecast.Receipts, ", "))
		}
		*field = scenecast.Receipt(i)
		return nil
	}
}

// asAudience reads an audience in either spelling.
func asAudience(field *audience.Expr) func(json.RawMessage) error {
	return func(raw json.RawMessage) (err error) {
		*field, err = audience.ParseJSON(raw)
		return err
	}
}

// asExcept reads an audience, or the ID of one connection.
func asExcept(field *audience.Expr) func(json.RawMessage) error {
	return func(raw json.RawMessage) (err error) {
		var id scenecast.ConnID
		if raw[0] == '"' && json.Unmarshal(raw, &id) == nil { // encoding/json has null leave an ID as it was
			*field = audienceOf(id)
			return nil
		}
		*field, err = audience.ParseJSON(raw)
		return err
	}
}

// audienceOf is the audience of one connection.
func audienceOf(id scenecast.ConnID) audience.Expr {
	one, _ := audience.Parse(scenecast.LabelID + ` == "` + id.String() + `"`) // two numbers and a dot
	return one
}

// missingTo is the problem of a body that does not say which connections.
func missingTo() error {
	return problem.New(problem.Invalid, `missing: say which connections, as in {"page":"home"}; everybody is "*"`).At("to")
}

// parameters are those of a query, each at most once.
type parameters map[string]string

// readParameters reads the query; a parameter that the call does not take is a problem.
func readParameters(r *http.Request, names []string) (parameters, error) {
	query, err := admission.ParseQuery(r)
	if err != nil {
		return nil, err
	}
	p := make(parameters)
	for _, name := range slices.Sorted(maps.Keys(query)) {
		switch {
		case len(names) == 0:
			return nil, problem.New(problem.Invalid, "unknown parameter; this call takes none in its URL").At(name)
		case !slices.Contains(names, name):
			return nil, problem.New(problem.Invalid, "unknown parameter; there are %s", strings.Join(names, ", ")).At(name)
		case len(query[name]) > 1:
			return nil, problem.New(problem.Invalid, "given %d times", len(query[name])).At(name)
		}
		p[name] = query[name][0]
	}
	return p, nil
}

// How many entries a list has where the call does not say, and at most.
const (
	defaultLimit = 100
	maxLimit     = 1000
)

// limit reads how many entries a list may have.
func (p parameters) limit() (int, error) {
	text, ok := p["limit"]
	if !ok {
		return defaultLimit, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxLimit {
		return 0, problem.New(problem.Invalid, "takes a number from 1 to %d", maxLimit).At("limit")
	}
	return n, nil
}

// chosen reads the parameters to and limit: which connections, and how many are listed.
func (p parameters) chosen() (to audience.Expr, limit int, err error) {
	if to, err = p.audience(); err != nil {
		return to, 0, err
	}
	limit, err = p.limit()
	return to, limit, err
}

// audience reads the parameter to, in either spelling; left out, it is everybody.
func (p parameters) audience() (audience.Expr, error) {
	text, ok := p["to"]
	if !ok {
		return audience.Everybody(), nil
	}
	to, err := parseAudience(text)
	return to, problem.At(err, "to")
}

func parseAudience(text string) (audience.Expr, error) {
	if strings.HasPrefix(strings.TrimSpace(text), "{") {
		return audience.ParseJSON([]byte(text))
	}
	return audience.Parse(text)
}
