package doctor

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/gobwas/ws"

	"scenecast"
	"scenecast/client"
	"scenecast/language"
)

var (
	passUpgrade = language.Textf("Have the proxy pass Upgrade and Connection on. nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $http_connection;")
	noBuffering = language.Textf("Have the proxy pass each part of a response on at once. nginx: proxy_buffering off; and no proxy_ignore_headers X-Accel-Buffering. No compression of text/event-stream.")
)

func longer(interval time.Duration) language.Text {
	return language.Textf("Let the proxy's timeouts be longer than websocket.ping_interval (%v): nginx proxy_read_timeout and proxy_send_timeout, HAProxy timeout client, server and tunnel; or lower that setting.", interval)
}

// maxBody is as much of a refusal as is read.
const maxBody = 16 << 10

// readSome reads a body, as far as it is wanted.
func readSome(body io.Reader) []byte {
	text, _ := io.ReadAll(io.LimitReader(body, maxBody))
	return text
}

// readFrame reads a frame of the server's, which is short here.
func readFrame(r io.Reader) (op ws.OpCode, payload []byte, err error) {
	head, err := ws.ReadHeader(r)
	if err == nil && head.Length > maxBody {
		err = language.Errorf("a frame of %d bytes", head.Length)
	}
	if err != nil {
		return 0, nil, err
	}
	payload = make([]byte, head.Length)
	_, err = io.ReadFull(r, payload)
	return head.OpCode, payload, err
}

// checkWebSocket opens a WebSocket as a page does. Without a page's token the server closes it at once, which is answer enough.
func (f *front) checkWebSocket(ctx context.Context) {
	opening, opened := context.WithCancel(ctx)
	defer opened()
	late := time.AfterFunc(f.Timeout, opened)
	request, err := http.NewRequestWithContext(opening, http.MethodGet, f.at("/v1/connect"), nil)
	if err != nil {
		return
	}
	nonce := make([]byte, 16)
	_, _ = rand.Read(nonce) // never fails
	for name, value := range map[string]string{
		"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": base64.StdEncoding.EncodeToString(nonce),
		"Sec-WebSocket-Protocol": client.Subprotocol,
	} {
		request.Header.Set(name, value)
	}
	if f.Token != "" {
		request.Header.Set("Authorization", "Bearer "+f.Token)
	}
	response, err := f.plain.Do(request)
	if err != nil {
		f.r.addOf("websocket", Failure, passUpgrade, "no WebSocket can be opened: %s", inWords(withoutURL(err)))
		return
	}
	defer func() { _ = response.Body.Close() }()
	conn, both := response.Body.(io.ReadWriteCloser)
	if response.StatusCode != http.StatusSwitchingProtocols || !both {
		body := readSome(response.Body)
		var refusal struct{ Detail string }
		_ = json.Unmarshal(body, &refusal)
		f.r.addOf("websocket", Failure, passUpgrade, "a WebSocket is answered %s %s", response.Status, refusal.Detail)
		return
	}
	defer context.AfterFunc(opening, func() { _ = conn.Close() })()
	op, payload, err := readFrame(conn)
	if !late.Stop() || err != nil {
		f.r.addOf("websocket", Failure, passUpgrade, "a WebSocket is opened, and its first message does not come: %s", inWords(orTimeout(opening, err)))
		return
	}
	if op == ws.OpClose {
		code, reason := ws.ParseCloseFrameData(payload)
		if f.Token == "" {
			f.r.addOf("websocket", OK, nothing, "WebSockets come through; without a page's token the server closes them (%d)", code)
		} else {
			f.r.addOf("websocket", Warning, refusal{Code: int(code)}.advice(), "WebSockets come through, and the server refuses this page (%d): %s", code, reason)
		}
		return
	}
	f.r.addOf("websocket", OK, nothing, "WebSockets come through")
	if interval := time.Duration(f.Config.WebSocket.PingInterval); f.Idle && interval > 0 {
		begun := time.Now()
		for err == nil && op != ws.OpPing {
			op, _, err = readFrame(conn)
		}
		f.judgeIdle("websocket", language.Textf("a WebSocket"), begun, orTimeout(ctx, err))
	}
	_, _ = conn.Write(ws.MustCompileFrame(ws.MaskFrameInPlace(ws.NewCloseFrame(ws.NewCloseFrameBody(ws.StatusGoingAway, "")))))
}

// orTimeout is the error of a context that has ended, or the other one.
func orTimeout(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.DeadlineExceeded
	}
	return err
}

// judgeIdle adds a finding about a connection on which nothing was sent until the server pinged it, or which was cut before.
func (f *front) judgeIdle(part string, what language.Text, begun time.Time, err error) {
	interval, took := time.Duration(f.Config.WebSocket.PingInterval), time.Since(begun).Round(100*time.Millisecond)
	switch {
	case err == nil:
		f.r.addOf(part+".idle", OK, nothing, "%s that was idle was pinged after %v, and is still there", what, took)
	case errors.Is(err, context.DeadlineExceeded):
		f.r.addOf(part+".idle", Warning, language.Textf("Give the configuration of the server (--config): its websocket.ping_interval may be longer, or the proxy holds pings back."),
			"%s was idle for %v, and no ping has come; websocket.ping_interval is %v here", what, took, interval)
	default:
		f.r.addOf(part+".idle", Failure, longer(interval), "%s that was idle was cut after %v, before a ping came", what, took)
	}
}

// checkStream opens an event stream, and looks whether what the server sends arrives at once.
func (f *front) checkStream(ctx context.Context) {
	if f.Token == "" {
		f.r.addOf("events", Skipped, nothing, "whether event streams are buffered takes a page's token: --client-token, or client_tokens in the configuration")
		return
	}
	if f.Config.WebSocket.PingInterval == 0 {
		f.r.addOf("idle", Warning, language.Textf("Set it to less than the timeouts of all proxies in between, such as 25s."), "websocket.ping_interval is 0: proxies cut connections on which nothing is sent")
	}
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, f.at("/v1/events"), nil)
	if err != nil {
		return
	}
	request.Header.Set("Authorization", "Bearer "+f.Token)
	request.Header.Set("Accept", "text/event-stream")
	late := time.AfterFunc(f.Timeout, leave)
	response, err := f.client.Do(request)
	if err != nil {
		if ctx.Err() != nil {
			f.r.addOf("events", Failure, noBuffering, "an event stream is opened, and nothing of it arrives within %v: it is buffered", f.Timeout)
		} else {
			f.r.addOf("events", Failure, adviceFor(err), "no event stream can be opened: %s", inWords(withoutURL(err)))
		}
		return
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		f.r.addOf("events", Warning, refusal{Code: response.StatusCode}.advice(), "an event stream is answered %s", response.Status)
		return
	}
	lines := bufio.NewReaderSize(response.Body, maxAnswer)
	id, err := readWelcome(lines)
	var refused refusal
	switch {
	case errors.As(err, &refused):
		f.r.addOf("events", Warning, refused.advice(), "event streams are not buffered at their beginning, and the server refuses this page (%d): %s", refused.Code, refused.Reason)
		return
	case !late.Stop():
		f.r.addOf("events", Failure, noBuffering, "an event stream is opened, and its first event does not arrive within %v: it is buffered", f.Timeout)
		return
	case err != nil:
		f.r.addOf("events", Failure, language.Textf("See the log of the proxy, and that of the server."), "an event stream is opened, and ends before its first event: %s", inWords(err))
		return
	}
	took, sent, err := f.pushTo(ctx, leave, id, lines)
	switch {
	case sent && err != nil:
		f.r.addOf("events", Failure, noBuffering, "an event of a stream does not arrive within %v: it is buffered", f.Timeout)
		return
	case sent:
		f.r.addOf("events", OK, nothing, "event streams are not buffered: a push arrives %v after it was sent", took.Round(time.Millisecond))
	default:
		f.r.addOf("events", OK, nothing, "event streams are not buffered at their beginning; an API key with the scopes push and read (--api-key) has a push sent as well")
	}
	if f.Idle && f.Config.WebSocket.PingInterval > 0 {
		begun := time.Now()
		line := ""
		for err = nil; err == nil && !strings.HasPrefix(line, ":"); {
			line, err = readLine(lines)
		}
		f.judgeIdle("events", language.Textf("an event stream"), begun, orTimeout(ctx, err))
	}
}

// refusal is what a page is told that may not come in: a close code or a status, and why.
type refusal struct {
	Code   int
	Reason string
}

func (r refusal) Error() string {
	return r.In(language.English)
}

// In is the error in a language; the reason is the server's, in English.
func (r refusal) In(tag language.Tag) string {
	return language.Textf("the server refuses the page (%d): %s", r.Code, r.Reason).In(tag)
}

// advice is what to do about it.
func (r refusal) advice() language.Text {
	switch r.Code {
	case int(scenecast.CloseShuttingDown), http.StatusServiceUnavailable:
		return language.Textf("Try again when the server takes pages; one that was drained does so after scenecast drain --undo.")
	case int(scenecast.CloseTooMany), http.StatusTooManyRequests:
		return language.Textf("Try again later, or raise the limit: max_connections and limits.")
	default:
		return language.Textf("Give the token of a page that may come in: --client-token.")
	}
}

// readLine reads a line of an event stream, which is not longer than an answer.
func readLine(lines *bufio.Reader) (string, error) {
	line, err := lines.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		err = language.Errorf("a line of more than %d bytes", maxAnswer)
	}
	return string(line), err
}

// readWelcome is the ID of the connection, from the first event. The error is a refusal where the server says no.
func readWelcome(lines *bufio.Reader) (id string, err error) {
	for {
		line, err := readLine(lines)
		if err != nil {
			return "", err
		}
		data, ok := strings.CutPrefix(line, "data: ")
		if !ok {
			continue
		}
		var welcome struct {
			Type, ID string
			refusal
		}
		if err := json.Unmarshal([]byte(data), &welcome); err != nil {
			return "", err
		}
		if welcome.Type != "welcome" {
			return "", welcome.refusal
		}
		return welcome.ID, nil
	}
}

// pushTo sends a push to the page of this check alone, and waits until it arrives. False: the key may not.
func (f *front) pushTo(ctx context.Context, leave func(), id string, lines *bufio.Reader) (took time.Duration, sent bool, err error) {
	if f.Key == "" {
		return 0, false, nil
	}
	begun := time.Now()
	late := time.AfterFunc(f.Timeout, leave)
	defer late.Stop()
	backend := client.Backend{URL: f.URL.String(), Key: f.Key, HTTP: f.client}
	result, err := backend.Push(ctx, client.PushRequest{To: client.Audience(fmt.Sprintf("@id == %q", id)), Message: json.RawMessage(`"scenecast doctor"`)})
	if err != nil || result.Matched != 1 {
		return 0, ctx.Err() != nil, ctx.Err()
	}
	for {
		line, err := readLine(lines)
		if err != nil || strings.HasPrefix(line, "data: ") {
			return time.Since(begun), true, err
		}
	}
}
