package acme_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"
)

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
