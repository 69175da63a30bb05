package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"unicode/utf8"

	"scenecast/problem"
)

// SettingMaxBody decides how large a request's body may be.
const SettingMaxBody = "http.max_body"

// readObject reads a body that is one JSON object, whatever its Content-Type says (curl -d calls everything a form). An
// empty body is an empty object.
func (a *API) readObject(w http.ResponseWriter, r *http.Request) (map[string]json.RawMessage, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, a.o.MaxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, problem.New(problem.TooLarge, "the body is over %d bytes", a.o.MaxBody).DecidedBy(SettingMaxBody)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, problem.New(problem.Timeout, "the body did not come in time").DecidedBy("http.body_timeout")
	case err != nil:
		return nil, problem.New(problem.Invalid, "the body broke off")
	}
	return parseObject(body)
}

// parseObject reads one JSON object member by member. A member that is there twice is refused: of the two that
// encoding/json would silently take the last.
func parseObject(body []byte) (map[string]json.RawMessage, error) {
	members := make(map[string]json.RawMessage)
	if len(bytes.TrimSpace(body)) == 0 {
		return members, nil
	}
	if !utf8.Valid(body) {
		return nil, problem.New(problem.Invalid, "the body is not valid UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	var object json.RawMessage
	if err := d.Decode(&object); err != nil {
		return nil, syntaxProblem(body, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, problem.New(problem.Invalid, "the body goes on behind the JSON object")
	}
	d = json.NewDecoder(bytes.NewReader(object)) // of what is known to be JSON, so there are no errors below
	if t, _ := d.Token(); t != json.Delim('{') {
		return nil, problem.New(problem.Invalid, "the body must be a JSON object")
	}
	for d.More() {
		key, _ := d.Token()
		name := key.(string)
		var value json.RawMessage
		_ = d.Decode(&value)
		if _, twice := members[name]; twice {
			return nil, problem.New(problem.Invalid, "there twice").At(name)
		}
		members[name] = value
	}
	return members, nil
}

// syntaxProblem says where the JSON goes wrong.
func syntaxProblem(body []byte, err error) error {
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return problem.New(problem.Invalid, "the body is JSON that breaks off")
	}
	before, after := body[:syntax.Offset-1], body[syntax.Offset-1:] // the offset counts the wrong character's first byte
	wrong, _ := utf8.DecodeRune(after)
	line := bytes.Count(before, []byte("\n")) + 1
	column := utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1
	return problem.New(problem.Invalid, "the body is not valid JSON: line %d, column %d: unexpected %q", line, column, wrong)
}
