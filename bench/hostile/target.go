package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"scenecast/bench/load"
	"scenecast/freeport"
)

// address says how to reach a server, and with which secrets. It is what the attacker is told.
type address struct {
	Host       string // with its port
	Token, Key string
	Root       []byte // the certificate of a server with TLS, in PEM
}

// target is the server that is attacked.
type target struct {
	address
	Address address // the same, for the attacker
	*load.Child
	dir  string
	logs *os.File       // the end of the log's pipe that nobody reads
	port *freeport.Port // of a server whose log nobody reads
}

// startTarget starts the server that a scenario asks for.
func startTarget(ctx context.Context, s *scenario, binary string) (t *target, err error) {
	dir, err := os.MkdirTemp("", "hostile")
	if err != nil {
		return nil, err
	}
	t = &target{dir: dir}
	defer func() {
		if err != nil {
			t.close()
		}
	}()
	settings := s.settings
	if s.tls {
		files, root, err := certificate(dir)
		if err != nil {
			return nil, err
		}
		settings, t.Root = append(settings, files...), root
	}
	command := []string{binary}
	if s.shell != "" {
		command = []string{"sh", "-c", s.shell, binary}
	}
	if s.stderr != pipeRead {
		err = t.startUnheard(ctx, s.stderr, binary, settings)
	} else {
		var server *load.Server
		if server, err = load.StartServer(ctx, command, settings...); err == nil {
			t.Child, t.Host, t.Token, t.Key = server.Child, server.URL.Host, server.Token, server.Key
			err = t.AwaitReady(ctx, newBackend(t.address).client, t.url("")) // of TLS; the others are ready
		}
	}
	t.Address = t.address
	return t, err
}

// startUnheard starts a server whose log goes to a pipe that is closed, or that nobody reads and that is full.
func (t *target) startUnheard(ctx context.Context, p pipe, binary string, settings []string) error {
	var err error
	if t.port, err = freeport.Reserve(); err != nil {
		return err
	}
	t.Host, t.Token, t.Key = t.port.Addr(), rand.Text(), rand.Text()
	reads, writes, err := os.Pipe()
	if err != nil {
		return err
	}
	defer func() { _ = writes.Close() }()
	t.logs = reads
	cmd := exec.Command("sh", "-c", `exec "$0" "$@" 2>&3 3>&-`, binary, "serve")
	cmd.ExtraFiles = []*os.File{writes}
	cmd.Env = append(append(load.WithoutSettings(os.Environ()), "SCENECAST_LISTEN="+t.Host,
		"SCENECAST_CLIENT_TOKENS="+t.Token,
		"SCENECAST_API_KEYS=[{name: bench, key: "+t.Key+", allow: [push, trigger, read, manage]}]"), settings...)
	if t.Child, err = load.StartChild(cmd, nil); err != nil {
		return err
	}
	if err := t.AwaitReady(ctx, newBackend(t.address).client, t.url("")); err != nil {
		return err
	}
	if p == pipeGone {
		_ = t.logs.Close()
	}
	return nil
}

func (t *target) close() {
	if t.logs != nil {
		defer func() { _ = t.logs.Close() }()
	}
	if t.Child != nil {
		t.Child.Close()
	}
	if t.port != nil {
		t.port.Release()
	}
	_ = os.RemoveAll(t.dir)
}

// LastWords are the last lines that the server has said.
func (t *target) LastWords() string {
	lines := strings.Split(t.Child.LastWords(), "\n")
	return lines[len(lines)-1]
}

// terminate asks the server to end, and reports how long that took.
func (t *target) terminate(limit time.Duration) string {
	began := time.Now()
	if p, err := os.FindProcess(t.PID); err == nil {
		_ = p.Signal(syscall.SIGTERM)
	}
	select {
	case <-t.Ended():
		return fmt.Sprintf("SIGTERM: ended after %.1f s", time.Since(began).Seconds())
	case <-time.After(limit):
		return fmt.Sprintf("SIGTERM: not ended after %v", limit)
	}
}

// url is an address of the server's HTTP API.
func (a address) url(path string) string {
	u := url.URL{Scheme: "http", Host: a.Host, Path: path}
	if a.Root != nil {
		u.Scheme = "https"
	}
	return u.String()
}

// certificate makes one for 127.0.0.1, and the settings that name its files.
func certificate(dir string) (settings []string, root []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template := x509.Certificate{SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true}
	cert, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		return nil, nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	root = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	if err := os.WriteFile(certFile, root, 0o600); err != nil {
		return nil, nil, err
	}
	if err := os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600); err != nil {
		return nil, nil, err
	}
	return []string{"SCENECAST_TLS_CERT=" + certFile, "SCENECAST_TLS_KEY=" + keyFile}, root, nil
}
