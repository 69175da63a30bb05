package server_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestAPIDocument runs the requests of docs/api.md against a real server, in order, and compares the answers. In a fenced
// block of http a request (`METHOD target`, headers, the body) and its answer (`status body`) are parted by an empty line.
//
// The document says which pages are there, and numbers them. It calls the node 5203 and the log mhzk2c3f, and leaves the percents out of queries. In the answers
// everything counts but the names, places and times of pushes.
func TestAPIDocument(t *testing.T) {
	text, err := os.ReadFile("../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	s := startWith(t, map[string]string{
		"client_tokens": `[` + pageToken + `, {token: token-of-42, user: "42"}]`,
		"presence":      "[{key: page}]",
	}, func(o *options) { o.SetNumber(func(count uint64) uint64 { return count }) })
	s.pageAs("token-of-42", "page=home")
	for _, labels := range []string{"page=home&plan=pro", "page=list&plan=pro", "page=order&order=7&locale=zh"} {
		s.page(labels)
	}
	go s.nativePage("page=checkout").acknowledge()
	document := strings.NewReplacer("5203", s.node(), "mhzk2c3f", s.epoch(), "PUSH_ONLY_KEY", pushKey, "ADMIN_KEY", adminKey, "API_KEY", apiKey, "CLIENT_TOKEN", pageToken).
		Replace(string(text))
	run := 0
	for _, block := range regexp.MustCompile("(?s)```http\n(.*?)\n```").FindAllStringSubmatch(document, -1) {
		parts := strings.Split(block[1], "\n\n")
		if len(parts) == 1 && strings.HasPrefix(block[1], "Authorization: ") {
			continue // says how, and asks for nothing
		}
		for len(parts) >= 2 {
			s.runExample(parts[0], parts[1])
			parts = parts[2:]
			run++
		}
		for _, request := range parts {
			t.Errorf("%s\n\thas no answer in the document", request)
		}
	}
	if run < 20 {
		t.Errorf("found only %d examples: this test does not read the document any more", run)
	}
}

// node is the number by which the server calls itself.
func (r *running) node() string {
	r.t.Helper()
	var counted struct {
		ByNode []struct{ Node json.Number } `json:"by_node"`
	}
	_, answer := r.call(http.MethodPost, "/v1/audience", apiKey, "", `{"to":"*"}`)
	if err := json.Unmarshal([]byte(answer), &counted); err != nil || len(counted.ByNode) != 1 {
		r.t.Fatalf("audience: %s", answer)
	}
	return counted.ByNode[0].Node.String()
}

// epoch is the name of the server's log.
func (r *running) epoch() string {
	r.t.Helper()
	var page struct{ Next string }
	_, answer := r.call(http.MethodGet, "/v1/pushes", apiKey, "", "")
	if err := json.Unmarshal([]byte(answer), &page); err != nil {
		r.t.Fatalf("pushes: %s", answer)
	}
	epoch, _, _ := strings.Cut(page.Next, "-")
	return epoch
}

var header = regexp.MustCompile(`^[A-Z][A-Za-z-]+: `)

// runExample makes a request of the document and compares the answer.
func (r *running) runExample(request, want string) {
	r.t.Helper()
	line, rest, _ := strings.Cut(request, "\n")
	method, target, _ := strings.Cut(line, " ")
	if path, query, ok := strings.Cut(target, "?"); ok {
		values, err := url.ParseQuery(query)
		if err != nil {
			r.t.Fatalf("%s: %v", target, err)
		}
		target = path + "?" + values.Encode()
	}
	headers := map[string]string{"Authorization": "Bearer " + apiKey}
	for header.MatchString(rest) {
		line, rest, _ = strings.Cut(rest, "\n")
		name, value, _ := strings.Cut(line, ": ")
		headers[name] = value
	}
	status, answer := r.callWith(method, target, headers, rest)

	wantStatus, wantAnswer, _ := strings.Cut(want, " ")
	if strconv.Itoa(status) != wantStatus || !reflect.DeepEqual(steady(r.t, answer), steady(r.t, wantAnswer)) {
		r.t.Errorf("%s\n\tis answered\n%d %s\n\tand the document says\n%s", request, status, answer, want)
	}
}

var volatile = regexp.MustCompile(`"(id|position|next|at|since|started|from|until|peer|time)":"([a-z2-7]{26}|[0-9a-z]+-[0-9]+|127\.0\.0\.1:[0-9]+|[0-9-]+T[0-9:.]+Z)"`)

// figuresOfSteps are those, whose number depends on the time.
var figuresOfSteps = regexp.MustCompile(`"(pages|pushes|opened|closed|deliveries|dropped)":\[[0-9,]*\]`)

// steady reads JSON values, without what is another one each time.
func steady(t testing.TB, text string) (values []any) {
	t.Helper()
	text = regexp.MustCompile(`"loop_lag_ms":[0-9]+`).ReplaceAllString(text, `"loop_lag_ms":0`)
	text = figuresOfSteps.ReplaceAllString(volatile.ReplaceAllString(text, `"$1":"…"`), `"$1":[]`)
	d := json.NewDecoder(strings.NewReader(text))
	for {
		var value any
		switch err := d.Decode(&value); {
		case errors.Is(err, io.EOF):
			return values
		case err != nil:
			t.Fatalf("%s is not JSON: %v", text, err)
		}
		values = append(values, value)
	}
}

// TestExamplesOfTheDescription runs the examples of requests that /v1/docs shows. Those that are wrong are so on purpose, and
// say it.
func TestExamplesOfTheDescription(t *testing.T) {
	content, err := os.ReadFile("../api/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	var description struct {
		Paths map[string]map[string]struct {
			Parameters  []struct{ Name, In, Example string }
			RequestBody struct {
				Content map[string]struct {
					Examples map[string]struct {
						Summary string
						Value   json.RawMessage
					}
				}
			}
		}
	}
	if err := json.Unmarshal(content, &description); err != nil {
		t.Fatal(err)
	}
	const said = "wrong on purpose"
	s := start(t, map[string]string{"api_keys": "[{name: all, key: API_KEY, allow: [push, trigger, read, manage, admin]}]"}, nil)
	right, wrong := 0, 0
	for path, operations := range description.Paths {
		for method, operation := range operations {
			for _, p := range operation.Parameters {
				path = strings.ReplaceAll(path, "{"+p.Name+"}", p.Example)
			}
			for media, body := range operation.RequestBody.Content {
				for _, example := range body.Examples {
					text := string(example.Value)
					if media != "application/json" {
						text = bodyOf(t, example.Value)
					}
					status, answer := s.call(strings.ToUpper(method), path, "API_KEY", media, text)
					refused := status != http.StatusOK || strings.Contains(answer, `"kind":`)
					if told := strings.Contains(example.Summary, said); told != refused {
						t.Errorf("%s %s, %q, is answered\n%d %s\nand says that it is %s: %v", method, path, example.Summary, status, answer, said, told)
					}
					if refused {
						wrong++
					} else {
						right++
					}
				}
			}
		}
	}
	if right < 8 || wrong == 0 {
		t.Errorf("%d examples are right and %d wrong: this test does not read the description any more", right, wrong)
	}
}

// bodyOf is the body of an example that is no JSON: a text as it is, or the fields of a form.
func bodyOf(t *testing.T, example json.RawMessage) string {
	t.Helper()
	var text string
	if json.Unmarshal(example, &text) == nil {
		return text
	}
	var fields map[string]string
	if err := json.Unmarshal(example, &fields); err != nil {
		t.Fatal(err)
	}
	form := make(url.Values)
	for name, value := range fields {
		form.Set(name, value)
	}
	return form.Encode()
}
