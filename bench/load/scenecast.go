package load

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"scenecast/language"
)

const nativeProtocol = "scenecast.v1"

// scenecastWire is the dialect of a Scenecast server.
type scenecastWire struct {
	page, push string // paths
	token, key string
	native     bool // pages speak scenecast.v1; else the tutorial's wire
}

var _ Dialect = (*scenecastWire)(nil)

func newScenecastWire(o *Options) *scenecastWire {
	page := "/"
	if o.Native {
		page = "/v1/connect"
	}
	return &scenecastWire{
		page: rooted(o.URL.JoinPath(page)), push: rooted(o.URL.JoinPath("/v1/push")),
		token: o.Token, key: o.Key, native: o.Native,
	}
}

// rooted is a URL's path as a request names it. JoinPath leaves out the first slash where the address has no path.
func rooted(u *url.URL) string { return "/" + strings.TrimPrefix(u.EscapedPath(), "/") }

func (s *scenecastWire) Target(labels url.Values) string {
	labels.Set("token", s.token)
	return s.page + "?" + labels.Encode()
}

func (s *scenecastWire) Subprotocol() string {
	if s.native {
		return nativeProtocol
	}
	return ""
}

func (s *scenecastWire) Begin() (say []byte, open bool) { return nil, false }

func (s *scenecastWire) Hear(text []byte) (h Heard, rest []byte) {
	if !s.native {
		if bytes.HasPrefix(text, []byte(`{"code":200,`)) {
			return Heard{Kind: Welcome}, nil
		}
		return Heard{Kind: Pushed, Data: text}, nil
	}
	if bytes.HasPrefix(text, []byte(`{"type":"welcome",`)) {
		return Heard{Kind: Welcome}, nil
	}
	// The message is the last member of the push, and between it and its name is nothing.
	_, data, found := bytes.Cut(text, []byte(`,"data":`))
	if !found || !bytes.HasPrefix(text, []byte(`{"type":"push",`)) || text[len(text)-1] != '}' {
		return Heard{}, nil
	}
	return Heard{Kind: Pushed, Data: data[:len(data)-1]}, nil
}

func (s *scenecastWire) Push(to Audience, message []byte) Call {
	return Call{
		Path:   s.push,
		Header: []string{"Authorization: Bearer " + s.key, "Content-Type: application/json"},
		Body:   fmt.Appendf(nil, `{"to":%s,"message":%s}`, to.JSON, message),
	}
}

func (s *scenecastWire) Answer(status int, body []byte) (Answer, error) {
	var a struct {
		Answer
		Detail string
	}
	err := json.Unmarshal(body, &a)
	if status != http.StatusOK {
		return Answer{}, refused(status, a.Detail)
	}
	if err != nil {
		return Answer{}, language.Errorf("the server's answer is no JSON: %.200q", string(body))
	}
	return a.Answer, nil
}
