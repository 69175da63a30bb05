package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"time"

	"scenecast/bench/load"
	"scenecast/capacity"
)

// idle opens pages that say nothing any more, and finds what each takes, and what it cost to connect.
func idle(ctx context.Context, binary, scheme string, count int, path, head, memoryName, cpuName string) (capacity.Figures, error) {
	if err := load.RaiseFileLimit(count); err != nil {
		return nil, err
	}
	settings := []string{"SCENECAST_WEBSOCKET_PING_INTERVAL=1h"}
	if scheme == "https" {
		dir, err := os.MkdirTemp("", "scenecast-capacity")
		if err != nil {
			return nil, err
		}
		defer func() { _ = os.RemoveAll(dir) }()
		if err := certify(dir); err != nil {
			return nil, err
		}
		settings = append(settings, "SCENECAST_TLS_CERT="+filepath.Join(dir, "cert.pem"), "SCENECAST_TLS_KEY="+filepath.Join(dir, "key.pem"))
	}
	s, err := start(ctx, binary, settings...)
	if err != nil {
		return nil, err
	}
	defer s.end()
	p := pages{server: s, scheme: scheme, path: path, head: head}
	defer p.close()
	if err := p.connect(ctx, 0); err != nil { // the first one brings what is made once
		return nil, err
	}
	base, err1 := s.memory(ctx)
	before, err2 := s.cpu()
	for n := range count {
		if err := p.connect(ctx, n+1); err != nil {
			return nil, err
		}
	}
	after, err3 := s.cpu()
	full, err4 := s.memory(ctx)
	f := capacity.Figures{memoryName: (full - base) / float64(count)}
	if cpuName != "" {
		f[cpuName] = (after - before) / float64(count)
	}
	if memoryName == capacity.PageMemory {
		f[capacity.BaseMemory] = base / (1 << 20)
	}
	return f, errors.Join(err1, err2, err3, err4)
}

// pages are connections to a server.
type pages struct {
	server             *server
	scheme, path, head string
	conns              []net.Conn
}

func (p *pages) close() {
	for _, c := range p.conns {
		_ = c.Close()
	}
}

// connect opens another one, and waits for its welcome.
func (p *pages) connect(ctx context.Context, n int) error {
	c, err := dial(ctx, p.scheme, p.server.URL.Host)
	if err != nil {
		return err
	}
	p.conns = append(p.conns, c)
	labels := url.Values{"page": {"home"}, "plan": {"pro"}, "locale": {"zh"}, "order": {strconv.Itoa(n)}, "group": {strconv.Itoa(n / 100)}}
	labels.Set("token", p.server.Token)
	if _, err := fmt.Fprintf(c, "GET %s?%s HTTP/1.1\r\nHost: x\r\n%s\r\n", p.path, labels.Encode(), p.head); err != nil {
		return err
	}
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	var answer []byte
	for buffer := make([]byte, 4<<10); !bytes.Contains(answer, []byte(`"type":"welcome"`)); {
		n, err := c.Read(buffer)
		if err != nil {
			return fmt.Errorf("%w behind %q", err, answer)
		}
		answer = append(answer, buffer[:n]...)
	}
	return c.SetReadDeadline(time.Time{})
}

// answerPings answers what a page is pinged until it is closed, and counts it. Pings of the server are empty.
func answerPings(c net.Conn, count *atomic.Int64) {
	ping, pong := []byte{0x89, 0}, []byte{0x8a, 0x80, 0, 0, 0, 0}
	for got := make([]byte, len(ping)); ; {
		if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, ping) {
			return
		}
		count.Add(1)
		if _, err := c.Write(pong); err != nil {
			return
		}
	}
}

func dial(ctx context.Context, scheme, address string) (net.Conn, error) {
	if scheme == "http" {
		return new(net.Dialer).DialContext(ctx, "tcp", address)
	}
	return (&tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}).DialContext(ctx, "tcp", address) //nolint:gosec // it is this program's own
}

// certify makes a certificate.
func certify(dir string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	certificate, err1 := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	secret, err2 := x509.MarshalPKCS8PrivateKey(key)
	return errors.Join(err1, err2,
		os.WriteFile(filepath.Join(dir, "cert.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}), 0o600),
		os.WriteFile(filepath.Join(dir, "key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600))
}
