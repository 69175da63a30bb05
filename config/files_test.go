package config_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"scenecast/config"
)

// pair writes a certificate that expires then, and its key.
func pair(t *testing.T, dir, name string, expires time.Time) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: expires}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	bytes, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write(name+".crt", "CERTIFICATE", der), write(name+".key", "PRIVATE KEY", bytes)
}

// TestCheckFiles: the files of TLS are there, and go together.
func TestCheckFiles(t *testing.T) {
	dir := t.TempDir()
	cert, key := pair(t, dir, "a", time.Now().Add(time.Hour))
	old, oldKey := pair(t, dir, "old", time.Date(2020, 3, 4, 5, 6, 7, 0, time.UTC))
	junk := filepath.Join(dir, "junk")
	if err := os.WriteFile(junk, []byte("junk"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, cert, key, want, warning string }{
		{"none", "", "", "", ""},
		{"a pair", cert, key, "", ""},
		{"another's key", cert, oldKey, "FILE:3: tls.key: DIR/old.key is not the key of the certificate in DIR/a.crt (tls.cert)", ""},
		{"expired", old, oldKey, "", "FILE:2: tls.cert: the certificate in DIR/old.crt has expired, on 2020-03-04"},
		{"missing", dir + "/no.crt", dir + "/no.key", "FILE:2: tls.cert: open DIR/no.crt: no such file or directory\n" +
			"FILE:3: tls.key: open DIR/no.key: no such file or directory", ""},
		{"junk for a certificate", junk, key, "FILE:2: tls.cert: DIR/junk: failed to find any PEM data in certificate input", ""},
		{"junk for a key", cert, junk, "FILE:3: tls.key: DIR/junk: failed to find any PEM data in key input", ""},
		{"switched", key, cert, "FILE:2: tls.cert: DIR/a.key: failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may have been switched", ""},
		{"two certificates", cert, cert, "FILE:3: tls.key: DIR/a.crt: found a certificate rather than a key in the PEM for the private key", ""},
	} {
		file := write(t, "tls:\n  cert: "+c.cert+"\n  key: "+c.key+"\n")
		l, err := config.Read(config.Sources{File: file})
		if err != nil {
			t.Errorf("%s: reading looks at the files: %v", c.name, err)
			continue
		}
		short := strings.NewReplacer(file, "FILE", dir, "DIR")
		got, warning := "", ""
		if err := l.CheckFiles(); err != nil {
			got = short.Replace(err.Error())
		}
		for _, w := range l.Warnings {
			warning += short.Replace(w.Error())
		}
		if got != c.want || warning != c.warning {
			t.Errorf("%s:\n\t%s\n\t%s\nwant\n\t%s\n\t%s", c.name, got, warning, c.want, c.warning)
		}
	}
}
