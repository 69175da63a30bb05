package doctor

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"

	"scenecast/language"
)

var seeWhyNotReady = language.Textf("See its log, and scenecast nodes. One that was drained takes pages again after scenecast drain --undo.")

// checkServer looks whether a server runs at the address of listen, how it is, and how many descriptors it has left.
func checkServer(ctx context.Context, s *subject, r *report) {
	client, base, ok := s.localServer()
	if !ok {
		r.add(Skipped, nothing, "listen is %s, any free port: a running server cannot be found by it", s.Config.Listen)
		return
	}
	defer client.CloseIdleConnections()
	status, body, err := s.fetch(ctx, client, base+"/readyz", "")
	switch {
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOENT):
		r.add(Skipped, nothing, "no server runs at %s", s.Config.Listen)
		return
	case errors.Is(err, syscall.EACCES):
		r.add(Skipped, nothing, "this user may not connect to %s (socket_mode)", s.Config.Listen)
		return
	case err != nil:
		r.add(Failure, language.Textf("Find out what has the port: ss -ltnp."), "what listens at %s does not answer as Scenecast does: %s", s.Config.Listen, inWords(err))
		return
	}
	answer, known := readStatus(body)
	switch {
	case !known:
		r.add(Failure, language.Textf("Find out what has the port (ss -ltnp), or set another one in listen."), "what answers at %s is no Scenecast (%d)", s.Config.Listen, status)
		return
	case status != http.StatusOK:
		r.add(Failure, seeWhyNotReady, "the server at %s is not ready: %s", s.Config.Listen, answer)
	default:
		r.add(OK, nothing, "the server at %s is %s", s.Config.Listen, answer)
	}
	s.checkDescriptors(ctx, r, client, base)
}

// localServer is a client of the server at the address of listen, and its URL. False: its port is not known.
func (s *subject) localServer() (client *http.Client, base string, ok bool) {
	dialer := net.Dialer{Timeout: s.Timeout}
	transport := &http.Transport{DisableKeepAlives: true, DialContext: dialer.DialContext}
	client = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	if socket := s.Config.UnixSocket(); socket != "" {
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", socket)
		}
		return client, s.scheme(transport) + "localhost", true
	}
	host, port, err := net.SplitHostPort(s.Config.Listen)
	if err != nil || port == "0" {
		return nil, "", false
	}
	if ip := net.ParseIP(host); host == "" || ip.IsUnspecified() {
		host = "localhost"
	}
	return client, s.scheme(transport) + net.JoinHostPort(host, port), true
}

func (s *subject) scheme(transport *http.Transport) string {
	if !s.Config.TLS.Enabled() {
		return "http://"
	}
	transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true} //nolint:gosec // the certificate is for the name that pages use, and this is the machine itself
	return "https://"
}

// checkDescriptors looks, by the metrics, how many descriptors the running server has left.
func (s *subject) checkDescriptors(ctx context.Context, r *report, client *http.Client, base string) {
	key := s.Key
	if debug := s.Config.Debug.Listen; debug != "" {
		client, base, key = plainClient(s.Timeout), "http://"+debug, ""
		if strings.HasPrefix(debug, ":") {
			base = "http://localhost" + debug
		}
	} else if key == "" {
		return
	}
	status, body, err := s.fetch(ctx, client, base+"/metrics", key)
	if err != nil || status != http.StatusOK {
		return // the key may lack the scope read
	}
	open, most := gauge(body, "process_open_fds"), gauge(body, "process_max_fds")
	switch {
	case most == 0:
	case open > most/5*4:
		r.addOf("descriptors", Warning, language.Textf("Raise the limit of open files of the service, and restart it: see files.limit."), "the running server has %s of %s descriptors open", count(open), count(most))
	default:
		r.addOf("descriptors", OK, nothing, "the running server has %s of %s descriptors open", count(open), count(most))
	}
}

// gauge is the value of a metric without labels; 0: it is not there.
func gauge(metrics []byte, name string) uint64 {
	lines := bufio.NewScanner(bytes.NewReader(metrics))
	for lines.Scan() {
		if text, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			value, _ := strconv.ParseFloat(text, 64)
			return uint64(max(value, 0))
		}
	}
	return 0
}

// speak asks for the language of whoever reads the findings.
func (s *subject) speak(request *http.Request) {
	if s.Language != "" {
		request.Header.Set("Accept-Language", string(s.Language))
	}
}

// maxAnswer is as much of an answer as is read.
const maxAnswer = 1 << 20

// fetch makes a GET with an API key, if there is one. An error has no URL.
func (s *subject) fetch(ctx context.Context, client *http.Client, u, key string) (status int, body []byte, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
	if err != nil {
		return 0, nil, language.Errorf("it is no URL")
	}
	s.speak(request)
	if key != "" {
		request.Header.Set("Authorization", "Bearer "+key)
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, nil, withoutURL(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	return response.StatusCode, body, err
}

// readStatus is what /readyz says, in words. False: it is not an answer of Scenecast.
func readStatus(body []byte) (words string, known bool) {
	var well struct {
		Status string `json:"status"`
	}
	if json.Unmarshal(body, &well) == nil && well.Status != "" {
		return well.Status, true
	}
	var unwell struct {
		Status       int
		Kind, Detail string
	}
	if json.Unmarshal(body, &unwell) == nil && unwell.Kind == "unavailable" {
		return unwell.Detail, true
	}
	return "", false
}
