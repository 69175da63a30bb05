package server_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// transcript is a fenced block of docs/protocol.md.
var transcript = regexp.MustCompile("(?s)```transcript\n(.*?)```")

// TestProtocolDocument replays the transcripts of docs/protocol.md, line by line.
func TestProtocolDocument(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := transcript.FindAllStringSubmatch(string(text), -1)
	if len(blocks) < 8 {
		t.Fatalf("found %d transcripts", len(blocks))
	}
	for _, block := range blocks {
		replay(t, strings.Split(strings.TrimSpace(block[1]), "\n"))
	}
}

// replay plays one transcript against a server of its own, whose page token brings the label plan=free; Ann's token names her.
func replay(t *testing.T, lines []string) {
	t.Helper()
	backend := newAsked(t, func(w http.ResponseWriter, _ string, data map[string]any) {
		if data["method"] == "buy" {
			http.Error(w, `{"message":"sold out"}`, http.StatusConflict)
			return
		}
		_, _ = io.WriteString(w, `{"left":3}`)
	})
	s := start(t, map[string]string{
		"client_tokens": `[{token: ` + pageToken + `, labels: {plan: free}}, {token: anns-token, user: "42", labels: {name: Ann}}]`,
		"hooks.call":    fmt.Sprintf("{url: %q, secret: %s}", backend.URL, hookSecret),
		"jwt.keys":      fmt.Sprintf("[{key: %q}]", jwtSecret),
		"jwt.leeway":    "0",
		"presence":      "[{key: order, show: [name], linger: 0}]",
	}, nil)
	defer s.end()
	plan := func(name string) map[string]any { return map[string]any{"labels": map[string]any{"plan": name}} }
	tokens := strings.NewReplacer("CLIENT_TOKEN", pageToken, "SHORT_TOKEN", signed(t, jwtSecret, 3*time.Second, plan("free")), // 2 s at least, when it is shown
		"ANNS_TOKEN", "anns-token", "NEXT_TOKEN", signed(t, jwtSecret, time.Hour, plan("pro")))
	var page, other *websocket.Conn
	var listening *stream
	for _, line := range lines {
		who, what, _ := strings.Cut(line, " ")
		what = strings.TrimSpace(what)
		switch {
		case who == "page" && strings.HasPrefix(what, "opens "):
			page = s.native(tokens.Replace(strings.TrimPrefix(what, "opens ")))
		case who == "other" && strings.HasPrefix(what, "opens "):
			other = s.native(tokens.Replace(strings.TrimPrefix(what, "opens ")))
		case who == "other":
			_ = other.Close(websocket.StatusNormalClosure, "")
		case who == "page" && strings.HasPrefix(what, "streams "):
			listening = s.events(tokens.Replace(strings.TrimPrefix(what, "streams ")))
		case who == "page":
			if err := page.Write(t.Context(), websocket.MessageText, []byte(tokens.Replace(what))); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
		case who == "backend":
			method, rest, _ := strings.Cut(what, " ")
			path, body, _ := strings.Cut(rest, " ")
			s.api(method, path, body)
		case listening != nil:
			if got := listening.line(); !alike(what, got) {
				t.Fatalf("%s: the server said %s", line, got)
			}
		case strings.HasPrefix(what, "closes "):
			if got := "closes " + s.goodbye(page); got != what {
				t.Errorf("%s: the server %s", line, got)
			}
		default:
			if got := s.read(page); !alike(what, got) {
				t.Errorf("%s: the server said %s", line, got)
			}
		}
	}
	if page != nil {
		_ = page.CloseNow()
	}
}

// line is the next line of a stream, or says that there is none: "ends", or "answers …" where the page was refused.
func (s *stream) line() string {
	s.t.Helper()
	if s.head.StatusCode != http.StatusOK {
		return fmt.Sprintf("answers %d %s", s.head.StatusCode, strings.TrimSpace(readAll(s.t, s.head)))
	}
	line, err := s.in.ReadString('\n')
	if line == "" && errors.Is(err, io.EOF) {
		return "ends"
	}
	return strings.TrimSuffix(line, "\n")
}

// alike reports whether the text is the pattern with anything in place of each `…`.
func alike(pattern, text string) bool {
	parts := strings.Split(pattern, "…")
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	return regexp.MustCompile("^" + strings.Join(parts, `[^"]+`) + "$").MatchString(text)
}

// native opens a page of the native protocol, with this query.
func (r *running) native(query string) *websocket.Conn {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, _, err := websocket.Dial(ctx, "ws://"+r.addr+"/v1/connect?"+query, &websocket.DialOptions{Subprotocols: []string{"scenecast.v1"}})
	if err != nil {
		r.t.Fatalf("native page %s: %v", query, err)
	}
	r.t.Cleanup(func() { _ = c.CloseNow() })
	return c
}

// goodbye is the code and the reason of the next thing that a page gets, which must be a close frame.
func (r *running) goodbye(c *websocket.Conn) string {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, message, err := c.Read(ctx)
	var closed websocket.CloseError
	if !errors.As(err, &closed) {
		r.t.Fatalf("got %s (%v), want a close frame", message, err)
	}
	return fmt.Sprintf("%d %s", closed.Code, closed.Reason)
}
