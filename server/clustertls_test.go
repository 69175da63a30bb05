package server_test

import (
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
)

// TestClusterTLS: nodes whose link is encrypted, and which know each other by certificates, are a cluster.
func TestClusterTLS(t *testing.T) {
	t.Parallel()
	own := clusterSettings(t, 3)
	var hosts []string
	for _, settings := range own {
		host, _, err := net.SplitHostPort(settings["cluster.listen"])
		if err != nil {
			t.Fatal(err)
		}
		hosts = append(hosts, host)
	}
	c := newCertificate(t, hosts...)
	for _, settings := range own {
		settings["cluster.tls.cert"], settings["cluster.tls.key"], settings["cluster.tls.ca"] = c.cert, c.key, c.cert
	}
	for _, s := range startThese(t, own) {
		code, body := s.push(`{"to":"*","message":1}`)
		if code != 200 || !strings.Contains(body, `"nodes":3,"nodes_known":3`) {
			t.Errorf("%d %s", code, body)
		}
	}
	// Who has no certificate does not get as far as showing the secret.
	stranger := newCertificate(t, hosts[0])
	pair, err := tls.LoadX509KeyPair(stranger.cert, stranger.key)
	if err != nil {
		t.Fatal(err)
	}
	dialer := &net.Dialer{Timeout: 20 * time.Second}
	conn, err := tls.DialWithDialer(dialer, "tcp", own[0]["cluster.listen"], &tls.Config{RootCAs: c.pool, ServerName: hosts[0], Certificates: []tls.Certificate{pair}})
	if err == nil { // with TLS 1.3, the other side's refusal is read
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(time.Minute))
		_, err = conn.Read(make([]byte, 1))
	}
	if err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a certificate of nobody's: %v", err)
	}
}

// TestExternalNATSByTLS: of an external NATS, the CA of its certificate is all that a node needs to know.
func TestExternalNATSByTLS(t *testing.T) {
	c := newCertificate(t, "nats.example")
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		t.Fatal(err)
	}
	n, err := natsserver.NewServer(&natsserver.Options{
		Host: "127.0.0.1", Port: natsserver.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true,
		TLS: true, TLSTimeout: 20, TLSConfig: &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12},
	})
	if err != nil {
		t.Fatal(err)
	}
	go n.Start()
	t.Cleanup(func() { n.Shutdown(); n.WaitForShutdown() })
	if !n.ReadyForConnections(time.Minute) {
		t.Fatal("NATS does not start")
	}
	url := fmt.Sprint("tls://", n.Addr())
	for _, s := range startThese(t, []map[string]string{{"nats.url": url, "cluster.tls.ca": c.cert}}) {
		if code, body := s.push(`{"to":"*","message":1}`); code != 200 {
			t.Errorf("%d %s", code, body)
		}
	}
	_, err = newRunning(t, map[string]string{"nats.url": url}, func(*options) {})
	if err == nil || !strings.Contains(err.Error(), "certificate") || !strings.Contains(err.Error(), "nats.url") {
		t.Errorf("without its CA: %v", err)
	}
}
