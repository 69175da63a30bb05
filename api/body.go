package api

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"unicode/utf8"

	"scenecast/jsonread"
	"scenecast/language"
	"scenecast/problem"
)

// object reads a body that is one JSON object, whatever its Content-Type says (curl -d calls everything a form). An empty
// body is an empty object.
func (a *API) object(r *request) (map[string]json.RawMessage, error) {
	body, err := a.body(r)
	if err != nil {
		return nil, err
	}
	return parseObject(body, 1)
}

func (a *API) body(r *request) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(r.w, r.Body, a.o.MaxBody))
	if p := problem.OfBody(err); p != nil {
		return nil, p
	}
	if err != nil {
		return nil, problem.New(problem.Invalid, "the body broke off")
	}
	return body, nil
}

// parseObject reads one JSON object member by member. A member that is there twice is refused: of the two that
// encoding/json would silently take the last. The text may be a part of the body: line is that of the body in which it
// begins. The members are parts of the text.
func parseObject(text []byte, line int) (map[string]json.RawMessage, error) {
	if len(bytes.TrimSpace(text)) == 0 {
		return map[string]json.RawMessage{}, nil
	}
	r := jsonread.New(text)
	defer r.Free()
	if r.Peek() != '{' {
		return nil, cmp.Or(checkJSON(text, line), error(problem.New(problem.Invalid, "takes a JSON object")))
	}
	members := make(map[string]json.RawMessage)
	var doubled error
	for r.Enter(); r.More('}'); {
		name := r.Name()
		value := r.Value()
		if _, twice := members[name]; twice && doubled == nil {
			doubled = problem.New(problem.Invalid, "there twice").At(name)
		}
		members[name] = value
	}
	r.Leave()
	if !r.End() {
		return nil, cmp.Or(checkJSON(text, line), errNoJSON)
	}
	if doubled != nil {
		return nil, doubled
	}
	return members, nil
}

// parseArray reads a JSON array value by value. The values are parts of the text.
func parseArray(text []byte) (values []json.RawMessage, err error) {
	r := jsonread.New(text)
	defer r.Free()
	for r.Enter(); r.More(']'); {
		values = append(values, r.Value())
	}
	r.Leave()
	if !r.End() {
		return nil, cmp.Or(checkJSON(text, 1), errNoJSON)
	}
	return values, nil
}

// errNoJSON is told where checkJSON finds nothing wrong with what cannot be read: the two are tested to agree.
var errNoJSON error = problem.New(problem.Invalid, "the body is not valid JSON")

// checkJSON returns a problem where the text is not one JSON value in UTF-8. It knows where and why, and takes several times as long as
// reading the values does.
func checkJSON(text []byte, line int) error {
	if i := invalidUTF8(text); i >= 0 {
		return badJSON(text, line, i, language.Textf("not UTF-8"))
	}
	d := json.NewDecoder(bytes.NewReader(text))
	var value json.RawMessage
	var syntax *json.SyntaxError
	switch err := d.Decode(&value); {
	case errors.As(err, &syntax):
		i := int(syntax.Offset) - 1 // it counts the wrong character's first byte
		wrong, _ := utf8.DecodeRune(text[i:])
		return badJSON(text, line, i, language.Textf("unexpected %q", wrong))
	case err != nil:
		return badJSON(text, line, len(text), language.Textf("it breaks off"))
	}
	rest := bytes.TrimLeft(text[d.InputOffset():], " \t\r\n")
	if len(rest) > 0 {
		return badJSON(text, line, len(text)-len(rest), language.Textf("it goes on behind its end"))
	}
	return nil
}

// invalidUTF8 is where the text stops to be UTF-8, or -1.
func invalidUTF8(text []byte) int {
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

// badJSON says at which place of the body the JSON goes wrong, and how.
func badJSON(text []byte, line, offset int, how language.Text) error {
	before := text[:offset]
	line += bytes.Count(before, []byte("\n"))
	column := utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1
	return problem.New(problem.Invalid, "the body is not valid JSON: line %d, column %d: %s", line, column, how)
}
