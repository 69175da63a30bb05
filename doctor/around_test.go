package doctor_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"scenecast/doctor"
	"scenecast/freeport"
	"scenecast/redisclient/redistest"
)

// certificate writes a certificate that is its own authority, for push.example.com, and its key.
func certificate(t *testing.T, from, to time.Time) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a test"}, NotBefore: from, NotAfter: to,
		DNSNames: []string{"push.example.com"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

func TestCertificates(t *testing.T) {
	now := time.Now()
	const day = 24 * time.Hour
	for _, c := range []struct {
		from, to time.Time
		want     doctor.Status
		says     string
	}{
		{now.Add(-9 * day), now.Add(-day), doctor.Failure, "has expired, on " + now.Add(-day).UTC().Format(time.DateOnly)},
		{now.Add(day), now.Add(9 * day), doctor.Failure, "and not yet"},
		{now.Add(-day), now.Add(90 * day), doctor.Warning, "an authority that this machine does not know (CN=a test)"},
	} {
		cert, key := certificate(t, c.from, c.to)
		expect(t, examine(t, nil, map[string]string{"tls.cert": cert, "tls.key": key}, nil), "tls", c.want, c.says)
	}
	own, key := certificate(t, now.Add(-day), now.Add(90*day))
	expect(t, examine(t, nil, map[string]string{"tls.cert": own, "tls.key": key}, func(o *doctor.Options) { o.Roots = own }), "tls", doctor.OK, "push.example.com")
	for _, c := range []struct {
		life, left time.Duration
		want       doctor.Status
		says       string
	}{
		{90 * day, 10 * day, doctor.Warning, "ends on " + now.Add(10*day).UTC().Format(time.DateOnly)},
		{6 * day, 3 * day, doctor.OK, "good for another"}, // of those for a few days, which are renewed with a third left
		{6 * day, 20 * time.Hour, doctor.Warning, "ends on "},
	} {
		own, key := certificate(t, now.Add(c.left-c.life), now.Add(c.left))
		expect(t, examine(t, nil, map[string]string{"tls.cert": own, "tls.key": key}, func(o *doctor.Options) { o.Roots = own }), "tls", c.want, c.says)
	}
	cert, _ := certificate(t, now, now.Add(day))
	_, other := certificate(t, now, now.Add(day))
	found := examine(t, nil, map[string]string{"tls.cert": cert, "tls.key": other}, nil)
	expect(t, found, "tls", doctor.Failure, "private key does not match")
	expect(t, found, "config", doctor.Failure, "is not the key of the certificate")
	expect(t, examine(t, nil, map[string]string{"tls.acme.domains": "push.example.com", "tls.acme.dir": t.TempDir()}, nil), "tls", doctor.OK, "push.example.com")
}

func TestRedis(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args     []string // of redis-server
		settings map[string]string
		check    string
		want     doctor.Status
		says     string
	}{
		{[]string{"--appendonly", "yes"}, nil, "engine.redis", doctor.OK, "maxmemory-policy noeviction, append-only file on"},
		{[]string{"--appendonly", "yes", "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"}, nil, "engine.redis.eviction", doctor.Failure, "maxmemory-policy is allkeys-lru, and maxmemory 100 MiB"},
		{nil, nil, "engine.redis.persistence", doctor.Warning, "keeps no append-only file"},
		{[]string{"--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"}, map[string]string{"engine": "memory", "redis.registry": "true"}, "engine.redis.eviction", doctor.Warning, "allkeys-lru"},
		{[]string{"--requirepass", "a-secret-of-redis"}, map[string]string{"redis.password": "another-secret"}, "engine.redis", doctor.Failure, "WRONGPASS"},
		{[]string{"--appendonly", "yes", "--replicaof", "127.0.0.1 1"}, nil, "engine.redis.role", doctor.Failure, "is a replica"},
	} {
		t.Run(c.check+" "+string(c.want), func(t *testing.T) {
			t.Parallel()
			s := redistest.Start(t, c.args...)
			settings := map[string]string{"engine": "redis", "redis.url": s.URL()}
			for key, value := range c.settings {
				settings[key] = value
			}
			found := examine(t, nil, settings, nil)
			expect(t, found, c.check, c.want, c.says)
			if all := fmt.Sprint(found); strings.Contains(all, "secret") {
				t.Errorf("it tells a secret: %s", all)
			}
		})
	}
	t.Run("none", func(t *testing.T) {
		addr := freeport.Addrs(t, 1)[0]
		expect(t, examine(t, nil, map[string]string{"engine": "redis", "redis.url": "redis://:a-secret@" + addr}, nil), "engine.redis", doctor.Failure, "connection refused")
	})
}

// startNATS runs a NATS, with this max_payload (0: its default), until the test ends.
func startNATS(t *testing.T, jetStream bool, payload int32) *server.Server {
	t.Helper()
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: jetStream, StoreDir: t.TempDir(), NoSigs: true, NoLog: true, Username: "user", Password: "pass-of-nats", MaxPayload: payload,
	})
	if err != nil {
		t.Fatal(err)
	}
	go s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(time.Minute) {
		t.Fatal("NATS does not start")
	}
	return s
}

func TestNATS(t *testing.T) {
	with, without, narrow := startNATS(t, true, 0), startNATS(t, false, 0), startNATS(t, true, 16<<10)
	for _, c := range []struct {
		url, credentials string
		want             doctor.Status
		says             string
	}{
		{"nats://" + with.Addr().String(), "user:pass-of-nats", doctor.OK, "the log is made at the first start"},
		{"nats://" + with.Addr().String(), "user:pass-of-nobody", doctor.Failure, "Authorization Violation"},
		{"nats://" + without.Addr().String(), "user:pass-of-nats", doctor.Failure, "JetStream is not enabled"},
		{"nats://" + narrow.Addr().String(), "user:pass-of-nats", doctor.Failure, "messages of 16384 bytes (its max_payload), and 65536 are needed"},
		{"nats://" + freeport.Addrs(t, 1)[0], "user:pass-of-nats", doctor.Failure, "no servers available"},
	} {
		found := examine(t, nil, map[string]string{"nats.url": c.url, "nats.credentials": c.credentials}, nil)
		expect(t, found, "engine.nats", c.want, c.says)
		if all := fmt.Sprint(found); strings.Contains(all, "pass-of") {
			t.Errorf("it tells a secret: %s", all)
		}
	}
}

func TestPeers(t *testing.T) {
	there, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer there.Close()
	free := freeport.Addrs(t, 2)
	found := examine(t, nil, map[string]string{
		"data_dir": t.TempDir(), "cluster.listen": free[0], "cluster.secret": "between-the-nodes", "cluster.peers": there.Addr().String() + "," + free[1],
	}, nil)["engine.peers"]
	if len(found) != 2 || found[0].Status != doctor.OK || found[1].Status != doctor.Warning || !strings.Contains(found[1].Found.String(), "does not run") {
		t.Errorf("found %+v", found)
	}
}

// TestBackends: hooks and key sets, each with what is wrong with it, and without what is secret in their URLs.
func TestBackends(t *testing.T) {
	methods := make(chan string, 9)
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/hook":
			methods <- r.Method
			w.WriteHeader(http.StatusNoContent)
		case "/late":
			w.Header().Set("Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
		case "/moved":
			http.Redirect(w, r, "/hook", http.StatusFound)
		case "/down":
			w.WriteHeader(http.StatusBadGateway)
		case "/jwks.json":
			_, _ = w.Write([]byte(`{"keys":[{"kty":"OKP"}]}`))
		case "/empty.json":
			_, _ = w.Write([]byte(`{"keys":[]}`))
		case "/login":
			_, _ = w.Write([]byte(`<!DOCTYPE html>`))
		default:
			http.NotFound(w, r)
		}
	}))
	defer backend.Close()
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	secure.Config.ErrorLog = nil
	defer secure.Close()
	refused := "http://" + freeport.Addrs(t, 1)[0] + "/hook"
	for _, c := range []struct {
		setting, url string
		check        string
		want         doctor.Status
		says         string
	}{
		{"hooks.connect", backend.URL + "/hook?key=secret", "hooks", doctor.OK, "default: hooks.connect: " + backend.URL + "/hook?"},
		{"hooks.call", backend.URL + "/nothing", "hooks", doctor.Warning, "404"},
		{"hooks.connect", backend.URL + "/moved", "hooks", doctor.Failure, "redirect (302)"},
		{"hooks.connect", backend.URL + "/down", "hooks", doctor.Failure, "answered 502: a proxy is there, and no backend"},
		{"hooks.connect", backend.URL + "/late", "hooks.clock", doctor.Failure, "behind this one's"},
		{"hooks.connect", refused, "hooks", doctor.Failure, "connection is refused"},
		{"hooks.connect", "http://name.invalid/", "hooks", doctor.Failure, "the name name.invalid leads nowhere"},
		{"hooks.connect", secure.URL, "hooks", doctor.Failure, "unknown authority"},
		{"jwt.jwks_url", backend.URL + "/jwks.json?key=secret", "jwks", doctor.OK, "has 1 keys"},
		{"jwt.jwks_url", backend.URL + "/empty.json", "jwks", doctor.Warning, "is empty"},
		{"jwt.jwks_url", backend.URL + "/login", "jwks", doctor.Failure, "no JSON Web Key Set"},
		{"jwt.jwks_url", backend.URL + "/nothing", "jwks", doctor.Failure, "answered 404"},
		{"jwt.jwks_url", refused, "jwks", doctor.Failure, "connection is refused"},
	} {
		value := c.url
		if c.check != "jwks" {
			value = "{url: '" + c.url + "'}"
		}
		found := examine(t, nil, map[string]string{c.setting: value}, nil)
		expect(t, found, c.check, c.want, c.says)
		if all := fmt.Sprint(found); strings.Contains(all, "key=secret") {
			t.Errorf("it tells a secret: %s", all)
		}
	}
	if got := <-methods; got != http.MethodOptions || len(methods) > 0 {
		t.Errorf("the hook was called by %s, and %d times more", got, len(methods))
	}
	found := examine(t, nil, map[string]string{"hooks.connect": "{url: '" + backend.URL + "/hook'}", "hooks.deny_private": "true"}, nil)
	expect(t, found, "hooks", doctor.Failure, "leads to a private address, which hooks.deny_private refuses")
}

// TestServer: what is found at the address of listen.
func TestServer(t *testing.T) {
	var files atomic.Value // descriptors that are open; empty: it is not ready
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/readyz" && files.Load() != "":
			_, _ = w.Write([]byte(`{"status":"ready"}`))
		case r.URL.Path == "/readyz":
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = w.Write([]byte(`{"title":"Service Unavailable","status":503,"kind":"unavailable","detail":"the server is going to stop"}`))
		case r.URL.Path == "/metrics" && r.Header.Get("Authorization") == "Bearer key-with-read":
			_, _ = fmt.Fprintf(w, "process_max_fds 1.048576e+06\nprocess_open_fds %s\n", files.Load())
		default:
			http.NotFound(w, r)
		}
	}))
	defer s.Close()
	look := func(open string) map[string][]doctor.Finding {
		files.Store(open)
		return examine(t, nil, map[string]string{"listen": s.Listener.Addr().String()}, func(o *doctor.Options) { o.Key = "key-with-read" })
	}
	expect(t, look("1234"), "server", doctor.OK, "is ready")
	expect(t, look("1234"), "server.descriptors", doctor.OK, "1,234 of 1,048,576")
	expect(t, look("1e+06"), "server.descriptors", doctor.Warning, "1,000,000 of 1,048,576")
	expect(t, look(""), "server", doctor.Failure, "is not ready: the server is going to stop")

	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	expect(t, examine(t, nil, map[string]string{"listen": other.Listener.Addr().String()}, nil), "server", doctor.Failure, "is no Scenecast (404)")
	expect(t, examine(t, nil, map[string]string{"listen": freeport.Addrs(t, 1)[0]}, nil), "server", doctor.Skipped, "no server runs at")
	expect(t, examine(t, nil, map[string]string{"listen": "unix:" + filepath.Join(t.TempDir(), "port")}, nil), "server", doctor.Skipped, "no server runs at")
	expect(t, examine(t, nil, nil, nil), "server", doctor.Skipped, "any free port")
}
