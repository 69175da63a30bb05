package socket_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"scenecast"
	"scenecast/socket"
	"scenecast/websocket"
)

// TestSlowPageOfAGoroutineIsKept as long as it takes bytes, with TLS too, which cannot go on behind a deadline.
func TestSlowPageOfAGoroutineIsKept(t *testing.T) {
	certificate := selfSigned(t)
	for _, encrypted := range []bool{false, true} {
		t.Run(fmt.Sprint("TLS ", encrypted), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := start(socket.Options{PingEvery: 25 * time.Second, PongWait: 10 * time.Second, WriteTimeout: 10 * time.Second})
				defer s.stop()
				server, client := net.Pipe()
				if encrypted {
					server = tls.Server(server, &tls.Config{Certificates: []tls.Certificate{certificate}})
					client = tls.Client(client, &tls.Config{InsecureSkipVerify: true})
					go client.(*tls.Conn).Handshake()
					if err := server.(*tls.Conn).Handshake(); err != nil {
						t.Fatal(err)
					}
				}
				s.loop.Attach(server, nil, scenecast.Admission{})
				const size = 100_000
				frame := websocket.BinaryFrame(make([]byte, size))
				s.do(func() { s.loop.SendShared(s.slots[0], &scenecast.Frame{Data: frame}) })
				for left := int64(len(frame)); left > 0; {
					time.Sleep(9 * time.Second)
					n, err := io.CopyN(io.Discard, client, min(6<<10, left))
					if err != nil {
						t.Fatalf("%d bytes are left: %v", left, err)
					}
					left -= n
				}
				s.expect(t, "opened 0.0")
				s.do(func() { s.loop.SendShared(s.slots[0], &scenecast.Frame{Data: frame}) })
				time.Sleep(25 * time.Second) // it takes nothing any more
				s.expect(t, "opened 0.0", "closed 0.0")
				if got := s.endings[0].Cause; got != scenecast.CauseWriteTimeout && got != scenecast.CauseNoPong { // both are due
					t.Errorf("the ending is %v", got)
				}
				_ = client.Close()
			})
		})
	}
}

// selfSigned is a certificate for tests.
func selfSigned(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
