package acme_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"scenecast/freeport"
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
				"debug.listen":     "127.0.0.1:0",
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
			ends := fmt.Sprintf("\nscenecast_certificate_not_after_seconds{certificate=%q,setting=\"tls.acme\"} %v\n", domain,
				float64(conn.ConnectionState().PeerCertificates[0].NotAfter.Unix()))
			if text := s.metrics(); !strings.Contains(text, ends) {
				t.Errorf("the metrics have no line %q:\n%s", ends, text)
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
		"tls.acme.ca": "https://" + freeport.Addr(t) + "/dir", "tls.acme.dir": t.TempDir(), "debug.listen": "127.0.0.1:0",
	})
	nobody.awaitLine(`msg="no certificate could be obtained" domain=` + domain + ` next_attempt_in=1m5s err=.*connection refused`)
	if none := `scenecast_certificate_not_after_seconds{certificate="` + domain + `",setting="tls.acme"} 0`; !strings.Contains(nobody.metrics(), none) {
		t.Error("the metrics do not tell that there is no certificate")
	}
	nobody.stop()
}
