package acme_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"scenecast/freeport"
)

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
