package doctor

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"time"

	"scenecast/language"
)

// idleWait is how long connections through the URL may stay idle until the server has pinged them.
func idleWait(s *subject) time.Duration {
	if s.URL == nil || !s.Idle {
		return 0
	}
	return time.Duration(s.Config.WebSocket.PingInterval) + time.Duration(s.Config.WebSocket.PongWait)
}

// front is the server as pages reach it, by way of whatever is in front of it.
type front struct {
	*subject
	r      *report
	client *http.Client // HTTP/2 where it is offered
	plain  *http.Client // HTTP/1.1 alone, for WebSockets
}

// checkProxy looks at what is in front of the server, from where pages come.
func checkProxy(ctx context.Context, s *subject, r *report) {
	if s.URL == nil {
		r.add(Skipped, nothing, "--url says where pages reach the server, by way of a proxy if there is one; then that is checked")
		return
	}
	roots, err := authorities(s.Roots)
	if err != nil {
		r.add(Failure, language.Textf("Give a file in PEM."), "the authorities cannot be read: %v", err)
		return
	}
	f := &front{subject: s, r: r}
	f.client, f.plain = frontClient(s.Timeout, &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, true), frontClient(s.Timeout, &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, false)
	defer f.client.CloseIdleConnections()
	defer f.plain.CloseIdleConnections()
	if s.URL.Scheme == "https" && !f.checkCertificate(ctx) || !f.checkReach(ctx) {
		return
	}
	before := len(r.findings)
	var running sync.WaitGroup
	running.Go(func() { f.checkWebSocket(ctx) })
	running.Go(func() { f.checkStream(ctx) })
	running.Go(func() { f.checkAddress(ctx) })
	running.Wait()
	r.sortFrom(before)
}

// frontClient has no timeout of its own: streams stay open.
func frontClient(timeout time.Duration, config *tls.Config, http2 bool) *http.Client {
	t := &http.Transport{
		DialContext: (&net.Dialer{Timeout: timeout}).DialContext, TLSClientConfig: config, TLSHandshakeTimeout: timeout,
		Protocols: new(http.Protocols),
	}
	t.Protocols.SetHTTP1(true)
	t.Protocols.SetHTTP2(http2)
	return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// at is the URL of a path of the server.
func (f *front) at(path string) string {
	u := f.URL.JoinPath(path)
	u.RawQuery, u.Fragment = "", ""
	return u.String()
}

// checkCertificate looks at the certificate that the URL's host shows. False: clients do not accept it.
func (f *front) checkCertificate(ctx context.Context) bool {
	port := f.URL.Port()
	if port == "" {
		port = "443"
	}
	dialer := tls.Dialer{
		NetDialer: &net.Dialer{Timeout: f.Timeout},
		Config:    &tls.Config{InsecureSkipVerify: true, ServerName: f.URL.Hostname()}, //nolint:gosec // nothing is sent, and the certificate is judged below
	}
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(f.URL.Hostname(), port))
	if err != nil {
		f.r.addOf("tls", Failure, language.Textf("See that the proxy runs, that the name leads to it, and that firewalls let clients through."), "no TLS at %s: %s", f.URL.Host, inWords(err))
		return false
	}
	defer func() { _ = conn.Close() }()
	of := &report{name: f.r.name + ".tls"}
	roots, _ := authorities(f.Roots)
	judgeChain(of, f.URL.Host, conn.(*tls.Conn).ConnectionState().PeerCertificates, f.URL.Hostname(), roots)
	accepted := true
	for _, found := range of.close() {
		ends := found.Status == Warning && found.Do.String() == renew.String() // it is good for some days more
		if found.Status != OK && !ends {
			found.Status, accepted = Failure, false
		}
		f.r.addOf("tls", found.Status, found.Do, "%s", found.Found)
	}
	return accepted
}

// checkReach looks whether it is Scenecast that answers, below the URL's path, and by which version of HTTP.
func (f *front) checkReach(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, f.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, f.at("/readyz"), nil)
	if err != nil {
		f.r.addOf("reach", Failure, language.Textf("Correct --url."), "it is no URL")
		return false
	}
	f.speak(request)
	sent := time.Now()
	response, err := f.client.Do(request)
	if err != nil {
		f.r.addOf("reach", Failure, adviceFor(err), "nothing answers at %s: %s", f.URL.Redacted(), inWords(withoutURL(err)))
		return false
	}
	defer func() { _ = response.Body.Close() }()
	words, known := readStatus(readSome(response.Body))
	switch {
	case response.StatusCode >= 502 && response.StatusCode <= 504 && !known:
		f.r.addOf("reach", Failure, language.Textf("Start the server, and see that the proxy's upstream is its listen; of a Unix socket, that the proxy's user may write to it (socket_mode)."),
			"a proxy answers at %s, and does not reach the server behind it (%s)", f.URL.Redacted(), response.Status)
		return false
	case !known:
		f.r.addOf("reach", Failure, language.Textf("See that --url has the path under which the proxy has the server, and that the proxy takes that path away (nginx: the slash at the end of proxy_pass http://…/;)."),
			"what answers below %s is no Scenecast (%s to GET /readyz)", f.URL.Redacted(), response.Status)
		return false
	case response.StatusCode != http.StatusOK:
		f.r.addOf("reach", Warning, seeWhyNotReady, "the server behind %s is not ready: %s", f.URL.Redacted(), words)
	default:
		f.r.addOf("reach", OK, nothing, "Scenecast answers at %s: %s", f.URL.Redacted(), words)
	}
	date, _ := http.ParseTime(response.Header.Get("Date"))
	f.r.skew("clock", language.Textf("%s", f.URL.Host), date, sent, time.Now())
	if f.URL.Scheme == "https" && response.ProtoMajor < 2 {
		f.r.addOf("http2", Warning, language.Textf("Turn HTTP/2 on in the proxy (nginx: http2 in listen; HAProxy: alpn h2,http/1.1 in bind)."),
			"%s does not offer HTTP/2: a browser then has six connections for all its tabs, and the seventh event stream waits", f.URL.Host)
	} else if f.URL.Scheme == "https" {
		f.r.addOf("http2", OK, nothing, "%s offers HTTP/2, over which event streams and calls share a connection", f.URL.Host)
	}
	return true
}

// localAddress notes the address from which a request goes out.
func localAddress(ctx context.Context, local *net.Addr) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(c httptrace.GotConnInfo) { *local = c.Conn.LocalAddr() }})
}
