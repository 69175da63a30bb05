package redisclient_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"scenecast/leaktest"
	"scenecast/redisclient"
	"scenecast/redisclient/redistest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// connects makes a client and sets a key by it, which the server then has in this database.
func connects(t *testing.T, o redisclient.Options) {
	t.Helper()
	c, err := redisclient.New(o)
	if err != nil {
		t.Fatalf("%+v: %v", o, err)
	}
	defer c.Close()
	redistest.Do(t, c, "SET", "key", t.Name())
	list := redistest.Do(t, c, "CLIENT", "LIST")
	if text, _ := list.ToString(); !strings.Contains(text, " name=scenecast ") {
		t.Errorf("the server knows the clients as\n%s", text)
	}
}

// holds looks whether a key that connects has set is in a database.
func holds(t *testing.T, s *redistest.Server, database int) {
	t.Helper()
	c := s.Client()
	redistest.Do(t, c, "SELECT", strconv.Itoa(database))
	got := redistest.Do(t, c, "GET", "key")
	if text, _ := got.ToString(); text != t.Name() {
		t.Errorf("database %d has %q, want %q", database, text, t.Name())
	}
}

func TestOneServer(t *testing.T) {
	s := redistest.Start(t, "--unixsocket", "DIR/redis.sock", "--user", "shop", "on", ">pa/ss", "~*", "+@all")
	for name, o := range map[string]redisclient.Options{
		"url":              {URL: "redis://" + s.Addr + "/2"},
		"Laravel's":        {URL: "tcp://" + s.Addr + "?database=2"},
		"user in the URL":  {URL: "redis://shop:pa%2Fss@" + s.Addr + "/2"},
		"user in settings": {URL: "redis://" + s.Addr + "/2", Username: "shop", Password: "pa/ss"},
		"socket":           {URL: "unix://" + s.Dir + "/redis.sock?db=2"},
		"socket and user":  {URL: "redis+unix://shop:pa%2Fss@" + s.Dir + "/redis.sock?db=2"},
	} {
		t.Run(name, func(t *testing.T) {
			connects(t, o)
			holds(t, s, 2)
		})
	}
}

func TestPassword(t *testing.T) {
	s := redistest.Start(t, "--requirepass", "s3cret")
	connects(t, redisclient.Options{URL: "redis://:s3cret@" + s.Addr})
	for _, o := range []redisclient.Options{
		{URL: "redis://:s3cretx@" + s.Addr},
		{URL: "redis://" + s.Addr, Username: "nobody", Password: "s3cret"},
		{URL: "redis://" + s.Addr},
	} {
		_, err := redisclient.New(o)
		if err == nil || strings.Contains(err.Error(), "s3cret") || !strings.HasPrefix(err.Error(), "Redis at "+s.Addr+": ") {
			t.Errorf("%+v: the error is %v", o, err)
		}
	}
}

func TestTLS(t *testing.T) {
	dir := t.TempDir()
	certificate(t, dir, "server")
	certificate(t, dir, "other")
	path := func(name string) string { return filepath.Join(dir, name) }
	s := redistest.Start(t, "--port", "0", "--tls-port", "PORT", "--tls-auth-clients", "yes",
		"--tls-cert-file", path("server.crt"), "--tls-key-file", path("server.key"), "--tls-ca-cert-file", path("server.crt"))
	url := "rediss://" + s.Addr + "/1"
	connects(t, redisclient.Options{URL: url, TLS: redisclient.TLS{Cert: path("server.crt"), Key: path("server.key"), CA: path("server.crt")}})
	for want, o := range map[string]redisclient.Options{
		"certificate signed by unknown authority": {URL: url, TLS: redisclient.TLS{Cert: path("server.crt"), Key: path("server.key"), CA: path("other.crt")}},
		"Redis at " + s.Addr:                      {URL: url, TLS: redisclient.TLS{CA: path("server.crt")}},
		"redis.tls: open ":                        {URL: url, TLS: redisclient.TLS{Cert: path("none"), Key: path("none")}},
		"redis.tls.ca: open ":                     {URL: url, TLS: redisclient.TLS{CA: path("none")}},
		" has no certificate in PEM":              {URL: url, TLS: redisclient.TLS{CA: path("server.key")}},
		"redis.tls: redis.url asks for no TLS":    {URL: "redis://" + s.Addr, TLS: redisclient.TLS{CA: path("server.crt")}},
	} {
		if c, err := redisclient.New(o); err == nil || !strings.Contains(err.Error(), want) {
			if err == nil {
				c.Close()
			}
			t.Errorf("%+v: the error is %v, want …%s…", o, err, want)
		}
	}
}

// TestTLSOnOneSide: whoever has only one side speak TLS is told so.
func TestTLSOnOneSide(t *testing.T) {
	dir := t.TempDir()
	certificate(t, dir, "server")
	file := func(name string) string { return filepath.Join(dir, name) }
	with := redistest.Start(t, "--port", "0", "--tls-port", "PORT", "--tls-auth-clients", "no", "--tls-cert-file", file("server.crt"),
		"--tls-key-file", file("server.key"), "--tls-ca-cert-file", file("server.crt"))
	without := redistest.Start(t)
	for want, o := range map[string]redisclient.Options{
		"redis.url has to begin with rediss://":  {URL: "redis://" + with.Addr},
		"does the server speak it at this port?": {URL: "rediss://" + without.Addr, TLS: redisclient.TLS{CA: file("server.crt")}, Timeout: 300 * time.Millisecond},
	} {
		c, err := redisclient.New(o)
		if err == nil {
			c.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: the error is %v, want %s", o.URL, err, want)
		}
	}
}

// certificate writes one of 127.0.0.1 that is its own authority, and its key.
func certificate(t *testing.T, dir, name string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(time.Hour),
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for suffix, block := range map[string]*pem.Block{".crt": {Type: "CERTIFICATE", Bytes: der}, ".key": {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(filepath.Join(dir, name+suffix), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSentinel finds the master, and the one after it. The Sentinel has a password of its own.
func TestSentinel(t *testing.T) {
	master := redistest.Start(t, "--requirepass", "m")
	file := filepath.Join(t.TempDir(), "sentinel.conf")
	text := "sentinel monitor shop 127.0.0.1 " + master.Port() + " 1\nsentinel auth-pass shop m\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	sentinel := redistest.StartSentinel(t, file, "--requirepass", "s")
	connects(t, redisclient.Options{URL: "redis://:m@" + sentinel.Addr + "/3", SentinelMaster: "shop", SentinelPassword: "s"})

	for want, o := range map[string]redisclient.Options{
		"the master other by the Sentinels at " + sentinel.Addr: {URL: "redis://:m@" + sentinel.Addr, SentinelMaster: "other", SentinelPassword: "s"},
		"WRONGPASS": {URL: "redis://:m@" + sentinel.Addr, SentinelMaster: "shop", SentinelPassword: "x"},
		"redis.sentinel_master: Sentinels are found by host and port": {URL: "unix:///r.sock", SentinelMaster: "shop"},
	} {
		if _, err := redisclient.New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: the error is %v, want …%s…", o, err, want)
		}
	}
}

// TestCluster: keys of all slots are found by any of the nodes, one of which does not run.
func TestCluster(t *testing.T) {
	var servers []*redistest.Server
	for range 3 {
		servers = append(servers, redistest.Start(t, "--cluster-enabled", "yes"))
	}
	redistest.Join(t, servers)
	for _, url := range []string{
		"redis://127.0.0.1:1," + servers[1].Addr + "," + servers[2].Addr,
		"redis://" + servers[0].Addr, // one of a Cluster is known as such
	} {
		c, err := redisclient.New(redisclient.Options{URL: url})
		if err != nil {
			t.Fatalf("%s: %v", url, err)
		}
		for _, key := range []string{"a", "b", "c", "d", "e", "f"} {
			if err := c.Do(t.Context(), c.B().Set().Key(key).Value(url).Build()).Error(); err != nil {
				t.Errorf("%s: SET %s: %v", url, key, err)
			}
		}
		c.Close()
	}
	_, err := redisclient.New(redisclient.Options{URL: "redis://" + servers[0].Addr + "," + servers[1].Addr + "/1"})
	if err == nil || !strings.HasPrefix(err.Error(), "redis.url: several hosts are a Redis Cluster") {
		t.Errorf("database 1 of a Cluster: the error is %v", err)
	}
}

// TestNobodyAnswers: neither where nothing listens, nor where a server hangs, before and after a client has connected, anything hangs.
func TestNobodyAnswers(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	o := redisclient.Options{URL: "redis://" + s.Addr, Timeout: 3 * time.Second}
	c, err := redisclient.New(o)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s.Stop()
	if err := c.Do(context.Background(), c.B().Set().Key("a").Value("b").Build()).Error(); err == nil {
		t.Error("a server that hangs has set something")
	}
	if _, err := redisclient.New(o); err == nil {
		t.Error("a server that hangs has let a client in")
	}
	s.Continue()
	for c.Do(t.Context(), c.B().Set().Key("a").Value("b").Build()).Error() != nil { // until it has connected again
	}
	s.Kill()
	_, err = redisclient.New(o)
	if want := "Redis at " + s.Addr + ": dial tcp "; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("where nothing listens: the error is %v, want %s…", err, want)
	}
}
