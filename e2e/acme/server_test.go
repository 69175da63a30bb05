package acme_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"scenecast/config"
	"scenecast/server"
)

// running is a server under test.
type running struct {
	*server.Server
	t      *testing.T
	log    *logBuffer
	cancel context.CancelFunc
	result chan error
}

func start(t *testing.T, settings map[string]string) *running {
	t.Helper()
	c, err := config.Load(config.Sources{Flags: settings})
	if err != nil {
		t.Fatal(err)
	}
	log := new(logBuffer)
	s, err := server.New(t.Context(), server.Options{Config: c, Logger: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{Server: s, t: t, log: log, cancel: cancel, result: make(chan error, 1)}
	go func() { r.result <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if t.Failed() {
			t.Logf("the server's log:\n%s", log)
		}
	})
	return r
}

func (r *running) stop() {
	r.t.Helper()
	r.cancel()
	select {
	case err := <-r.result:
		if err != nil {
			r.t.Error(err)
		}
	case <-time.After(patience):
		r.t.Fatal("the server does not stop")
	}
}

func (r *running) port() string {
	_, port, _ := net.SplitHostPort(r.Addr().String())
	return port
}

func (r *running) redirectPort() string {
	return r.awaitLine(`msg="redirecting plain HTTP" addr=127\.0\.0\.1:(\d+)`)
}

// metrics is what the debug port tells Prometheus.
func (r *running) metrics() string {
	r.t.Helper()
	response, err := http.Get("http://" + r.awaitLine(`msg=debug addr=(\S+)`) + "/metrics")
	if err != nil {
		r.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return string(text)
}

// awaitLine waits for a line of the log, and returns what the first group of the pattern matches.
func (r *running) awaitLine(pattern string) string {
	r.t.Helper()
	line := regexp.MustCompile(pattern)
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if found := line.FindStringSubmatch(r.log.String()); found != nil {
			return found[len(found)-1]
		}
	}
	r.t.Fatalf("no line %s", pattern)
	return ""
}

func (r *running) dial(roots *x509.CertPool, name string) (*tls.Conn, error) {
	dialer := &net.Dialer{Timeout: patience}
	return tls.DialWithDialer(dialer, "tcp", r.Addr().String(), &tls.Config{RootCAs: roots, ServerName: name})
}

// await waits until a handshake has the certificate.
func (r *running) await(roots *x509.CertPool) *tls.Conn {
	r.t.Helper()
	var last error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		conn, err := r.dial(roots, domain)
		if err == nil {
			r.t.Cleanup(func() { conn.Close() })
			return conn
		}
		last = err
	}
	r.t.Fatalf("no certificate: %v", last)
	return nil
}

// logBuffer collects a log that several goroutines write.
type logBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
