package acme_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"scenecast/config"
	"scenecast/freeport"
	"scenecast/server"
)

// patience ends what would hang; nothing is asserted about it.
const patience = time.Minute

const domain = "push.acme.test"

// TestACME: a certificate is obtained by each of the two checks, serves handshakes, and is found again after a restart, without the
// authority.
func TestACME(t *testing.T) {
	for name, broken := range map[string]string{"TLS-ALPN-01": "http", "HTTP-01": "tls"} { // the check that is not meant finds nobody
		t.Run(name, func(t *testing.T) {
			authority := newAuthority(t)
			dir := t.TempDir()
			settings := map[string]string{
				"listen":           "127.0.0.1:0",
				"client_tokens":    "a-token-of-pages",
				"tls.redirect":     "127.0.0.1:0",
				"tls.acme.domains": domain,
				"tls.acme.email":   "operator@acme.test",
				"tls.acme.ca":      "https://" + authority.addr + "/dir",
				"tls.acme.ca_root": authority.ownRoot,
				"tls.acme.dir":     dir,
			}
			s := start(t, settings)
			ports := map[string]string{"tls": s.port(), "http": s.redirectPort()}
			ports[broken] = freeport.For(t).Number()
			authority.start(ports["tls"], ports["http"])
			issuer := authority.root()
			conn := s.await(issuer)
			if names := conn.ConnectionState().PeerCertificates[0].DNSNames; len(names) != 1 || names[0] != domain {
				t.Errorf("the certificate is for %q", names)
			}
			if _, err := s.dial(issuer, "other.acme.test"); err == nil {
				t.Error("there is a certificate for another name")
			}
			authority.stop()
			s.stop()

			again := start(t, settings)
			_ = again.await(issuer)
			again.stop()
			if files, err := os.ReadDir(dir); err != nil || len(files) < 2 {
				t.Errorf("%s holds %v, %v", dir, files, err)
			}
		})
	}
}

// TestRenewal: a certificate that is near its end is served until a newer one is there, which handshakes then have without a restart.
func TestRenewal(t *testing.T) {
	authority, dir := newAuthority(t), t.TempDir()
	old := nearItsEnd(t, filepath.Join(dir, domain))
	s := start(t, map[string]string{
		"listen": "127.0.0.1:0", "client_tokens": "a-token-of-pages", "tls.redirect": "127.0.0.1:0", "tls.acme.domains": domain,
		"tls.acme.ca": "https://" + authority.addr + "/dir", "tls.acme.ca_root": authority.ownRoot, "tls.acme.dir": dir,
	})
	conn := s.await(old) // the authority answers nothing yet
	authority.start(s.port(), s.redirectPort())
	_ = s.await(authority.root())
	s.awaitLine(`msg="certificate renewed" domain=` + domain)
	if _, err := s.dial(old, domain); err == nil {
		t.Error("handshakes still have the old certificate")
	}
	if err := conn.SetReadDeadline(time.Now().Add(-time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the connection of before: %v", err)
	}
	s.stop()
}

// nearItsEnd writes a certificate as autocert keeps it, one day before its end, and returns who has signed it: itself.
func nearItsEnd(t *testing.T, file string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{domain}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().AddDate(0, 0, -89), NotAfter: time.Now().AddDate(0, 0, 1),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := append(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: private}),
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(certificate)
	return roots
}

// TestNoAuthority: where none answers, handshakes fail at once, the log says why, and a stop does not wait.
func TestNoAuthority(t *testing.T) {
	authority := newAuthority(t) // takes connections and says nothing
	s := start(t, map[string]string{
		"listen": "127.0.0.1:0", "client_tokens": "a-token-of-pages", "tls.acme.domains": domain,
		"tls.acme.ca": "https://" + authority.addr + "/dir", "tls.acme.ca_root": authority.ownRoot, "tls.acme.dir": t.TempDir(),
	})
	if _, err := s.dial(nil, domain); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a handshake: %v", err)
	}
	s.stop()
	nobody := start(t, map[string]string{
		"listen": "127.0.0.1:0", "client_tokens": "a-token-of-pages", "tls.acme.domains": domain,
		"tls.acme.ca": "https://" + freeport.Addr(t) + "/dir", "tls.acme.dir": t.TempDir(),
	})
	nobody.awaitLine(`msg="no certificate could be obtained" domain=` + domain + ` next_attempt_in=1m5s err=.*connection refused`)
	nobody.stop()
}

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

// authority is a pebble. Its address is known before it runs, so that it can be told the ports of a server that knows it: who comes earlier
// waits.
type authority struct {
	t       *testing.T
	addr    string // localhost:port
	ownRoot string // a file with the root of the authority's own certificate
	folder  string // of pebble's source
	front   net.Listener
	manage  string // host:port
	process *exec.Cmd
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/letsencrypt/pebble/v2").Output()
	if err != nil {
		t.Fatal(err)
	}
	front, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { front.Close() })
	_, port, _ := net.SplitHostPort(front.Addr().String())
	folder := strings.TrimSpace(string(out))
	return &authority{t: t, addr: "localhost:" + port, folder: folder, front: front, ownRoot: filepath.Join(folder, "test", "certs", "pebble.minica.pem")}
}

// start runs pebble, which checks domains at these ports of this machine.
func (a *authority) start(tlsPort, httpPort string) {
	a.t.Helper()
	dir := a.t.TempDir()
	program := filepath.Join(dir, "pebble")
	if out, err := exec.Command("go", "build", "-o", program, "github.com/letsencrypt/pebble/v2/cmd/pebble").CombinedOutput(); err != nil {
		a.t.Fatalf("%v\n%s", err, out)
	}
	certificates := filepath.Join(a.folder, "test", "certs", "localhost")
	behind := freeport.Addr(a.t)
	a.manage = freeport.Addr(a.t)
	settings := fmt.Sprintf(`{"pebble": {"listenAddress": %q, "managementListenAddress": %q, "certificate": %q, "privateKey": %q,
		"httpPort": %s, "tlsPort": %s, "retryAfter": {"authz": 1, "order": 1}, "keyAlgorithm": "ecdsa",
		"profiles": {"default": {"description": "default", "validityPeriod": 7776000}}}}`,
		behind, a.manage, filepath.Join(certificates, "cert.pem"), filepath.Join(certificates, "key.pem"), httpPort, tlsPort)
	file := filepath.Join(dir, "pebble.json")
	if err := os.WriteFile(file, []byte(settings), 0o600); err != nil {
		a.t.Fatal(err)
	}
	a.process = exec.Command(program, "-config", file, "-dnsserver", resolver(a.t))
	a.process.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0")
	log := new(logBuffer)
	a.process.Stdout, a.process.Stderr = log, log
	if err := a.process.Start(); err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() {
		a.stop()
		if a.t.Failed() {
			a.t.Logf("pebble's log:\n%s", log)
		}
	})
	go forward(a.front, behind)
}

func (a *authority) stop() {
	if a.process != nil {
		_ = a.process.Process.Kill()
		_ = a.process.Wait()
		a.process = nil
	}
}

// root is by what pebble signs certificates.
func (a *authority) root() *x509.CertPool {
	a.t.Helper()
	own, err := os.ReadFile(a.ownRoot)
	if err != nil {
		a.t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(own)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "localhost"}}}
	defer client.CloseIdleConnections()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		response, err := client.Get("https://" + a.manage + "/roots/0")
		if err != nil {
			continue // it has not started
		}
		text, _ := io.ReadAll(response.Body)
		response.Body.Close()
		issuer := x509.NewCertPool()
		if !issuer.AppendCertsFromPEM(text) {
			a.t.Fatalf("pebble's root is %s", text)
		}
		return issuer
	}
	a.t.Fatal("pebble does not start")
	return nil
}

// forward passes connections on, each when there is somebody behind.
func forward(front net.Listener, behind string) {
	for {
		in, err := front.Accept()
		if err != nil {
			return
		}
		go func() {
			defer in.Close()
			var out net.Conn
			for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
				if out, err = net.Dial("tcp", behind); err == nil {
					break
				}
			}
			if err != nil {
				return
			}
			defer out.Close()
			go func() {
				_, _ = io.Copy(out, in)
				_ = out.(*net.TCPConn).CloseWrite()
			}()
			_, _ = io.Copy(in, out)
		}()
	}
}

// resolver is the address of a DNS server by which every name is 127.0.0.1. pebble asks by TCP.
func resolver(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				for resolve(c) == nil {
				}
			}()
		}
	}()
	return l.Addr().String()
}

// resolve answers one question (RFC 1035, 4.2.2).
func resolve(c net.Conn) error {
	var size [2]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		return err
	}
	question := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(c, question); err != nil {
		return err
	}
	var m dnsmessage.Message
	if err := m.Unpack(question); err != nil || len(m.Questions) != 1 {
		return fmt.Errorf("no question: %w", err)
	}
	m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
	if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
		m.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 1},
			Body:   &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}},
		}}
	}
	answer, err := m.AppendPack(size[:])
	if err != nil {
		return err
	}
	binary.BigEndian.PutUint16(answer, uint16(len(answer)-len(size)))
	_, err = c.Write(answer)
	return err
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
