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
	if t, err := d.Token(); err != nil {
		return nil, syntaxProblem(body, d, err)
	} else if t != json.Delim('{') {
		return nil, problem.New(problem.Invalid, "the body must be a JSON object")
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, syntaxProblem(body, d, err)
		}
		name := key.(string) // the decoder lets nothing else pass as a key
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, syntaxProblem(body, d, err)
		}
		if _, twice := members[name]; twice {
			return nil, problem.New(problem.Invalid, "there twice").At(name)
		}
		members[name] = value
	}
	if _, err := d.Token(); err != nil {
		return nil, syntaxProblem(body, d, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, problem.New(problem.Invalid, "the body goes on behind the JSON object")
	}
	return members, nil
}

// syntaxProblem says where the JSON goes wrong.
func syntaxProblem(body []byte, d *json.Decoder, err error) error {
	at := d.InputOffset()
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		at = max(syntax.Offset-1, 0)
	}
	before := body[:min(at, int64(len(body)))]
	line := bytes.Count(before, []byte("\n")) + 1
	column := utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return problem.New(problem.Invalid, "the body is JSON that breaks off")
	}
	return problem.New(problem.Invalid, "the body is not valid JSON: line %d, column %d", line, column)
}
