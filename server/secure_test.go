package server_test

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestRedirect: the port for plain HTTP sends browsers to the same place over TLS, and refuses what has come in plain text.
func TestRedirect(t *testing.T) {
	s, _ := secure(t, map[string]string{"tls.redirect": "127.0.0.1:0"})
	found := regexp.MustCompile(`msg="redirecting plain HTTP" addr=(\S+)`).FindStringSubmatch(s.log.String())
	if found == nil {
		t.Fatalf("the log does not tell where:\n%s", s.log)
	}
	_, port, _ := net.SplitHostPort(s.addr)
	client := &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{DisableKeepAlives: true},
	}
	for _, c := range []struct{ method, host, path, want string }{
		{"GET", "push.example.com", "/v1/docs?a=%20b&c", "https://push.example.com:" + port + "/v1/docs?a=%20b&c"},
		{"HEAD", "push.example.com:80", "/", "https://push.example.com:" + port + "/"},
		{"GET", "[2001:db8::1]:8080", "/x/../y", "https://[2001:db8::1]:" + port + "/x/../y"},
		{"POST", "push.example.com", "/v1/push", ""},
	} {
		request, _ := http.NewRequest(c.method, "http://"+found[1], nil)
		request.Host, request.URL.Opaque = c.host, c.path
		request.Header.Set("Authorization", "Bearer "+apiKey)
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body := readAll(t, response)
		if c.want == "" {
			if response.StatusCode != http.StatusForbidden || !strings.Contains(body, `"setting":"tls.redirect"`) {
				t.Errorf("%s: %s %s", c.method, response.Status, body)
			}
			continue
		}
		if got := response.Header.Get("Location"); response.StatusCode != http.StatusPermanentRedirect || got != c.want {
			t.Errorf("%s %s%s: %s, to %q, want %q", c.method, c.host, c.path, response.Status, got, c.want)
		}
	}
}

// TestCertificatesOfClients: a call that shows a key needs a certificate of the authority, on whatever path; pages and health checks need
// none, and one of another authority is refused in the handshake.
func TestCertificatesOfClients(t *testing.T) {
	ours, other := newCertificate(t, "backend.example"), newCertificate(t, "somebody.example")
	s, pool := secure(t, map[string]string{"tls.client_ca": ours.cert, "page_token_may_trigger": "true"})
	call := func(certificate *certificateFiles, version int, method, target, key string) (int, string, error) {
		config := &tls.Config{RootCAs: pool}
		if certificate != nil {
			pair, err := tls.LoadX509KeyPair(certificate.cert, certificate.key)
			if err != nil {
				t.Fatal(err)
			}
			config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
		}
		versions := new(http.Protocols)
		versions.SetHTTP1(version == 1)
		versions.SetHTTP2(version == 2)
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: config, Protocols: versions}}
		defer client.CloseIdleConnections()
		request, _ := http.NewRequest(method, "https://"+s.addr+target, strings.NewReader(`{"to":"*","message":1}`))
		request.Header.Set("Authorization", "Bearer "+key)
		response, err := client.Do(request)
		if err != nil {
			return 0, "", err
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		return response.StatusCode, string(body), nil
	}
	for version := 1; version <= 2; version++ {
		for _, c := range []struct {
			certificate         *certificateFiles
			method, target, key string
			want                int
		}{
			{&ours, "POST", "/v1/push", apiKey, 200},
			{&ours, "POST", "/v1/push", "wrong", 401},
			{nil, "POST", "/v1/push", apiKey, 403},
			{nil, "POST", "/v1/push", "wrong", 403},
			{nil, "GET", "/metrics", apiKey, 403},
			{nil, "GET", "/?func=pushHomeLogic&token=" + apiKey, "", 403},
			{nil, "GET", "/?func=pushHomeLogic&token=" + pageToken, "", 200},
			{nil, "GET", "/healthz", "", 200},
		} {
			status, answer, err := call(c.certificate, version, c.method, c.target, c.key)
			if err != nil || status != c.want || status == 403 && !strings.Contains(answer, "certificate") {
				t.Errorf("HTTP/%d, %s %s, with a certificate %t, the key %q: %d %s %v, want %d", version, c.method, c.target, c.certificate != nil, c.key, status, answer, err, c.want)
			}
		}
		if status, answer, err := call(&other, version, "POST", "/v1/push", apiKey); err == nil {
			t.Errorf("with a certificate of another authority: %d %s", status, answer)
		}
	}
	conn := s.dialTLS(pool)
	_, _ = io.WriteString(conn, upgrade("/?token="+pageToken))
	expectBytes(t, conn, switching)
}

// TestRenewedFiles: a file that has changed is taken at a reload that finds the same settings, and one that is broken changes nothing.
func TestRenewedFiles(t *testing.T) {
	first, second := newCertificate(t, "127.0.0.1"), newCertificate(t, "127.0.0.1")
	s := startReloadable(t, map[string]string{"tls.cert": first.cert, "tls.key": first.key})
	reload := func() (applied string, err error) {
		done, err := s.ReloadConfiguration(t.Context())
		return strings.Join(done.Applied, ","), err
	}
	open := s.dialTLS(first.pool)
	if applied, err := reload(); applied != "" || err != nil {
		t.Errorf("nothing has changed: %q, %v", applied, err)
	}
	for from, to := range map[string]string{second.cert: first.cert, second.key: first.key} {
		text, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(to, text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if applied, err := reload(); applied != "tls" || err != nil {
		t.Errorf("the files have changed: %q, %v", applied, err)
	}
	_ = s.dialTLS(second.pool)
	_, _ = io.WriteString(open, "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	if got := strings.Join(answers(t, open), ", "); got != "200 OK" {
		t.Errorf("a connection that was open: %s", got)
	}
	if err := os.WriteFile(first.key, []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := reload(); err == nil || !strings.Contains(err.Error(), "tls.key") {
		t.Errorf("a broken file: %v", err)
	}
	_ = s.dialTLS(second.pool)
}
