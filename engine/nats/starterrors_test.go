package nats_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"scenecast"
	"scenecast/engine/cluster"
	"scenecast/engine/nats"
	"scenecast/freeport"
)

// serveNATS starts a NATS server that somebody else runs, until the test ends.
func serveNATS(t *testing.T, o server.Options) *server.Server {
	t.Helper()
	o.NoSigs, o.NoLog, o.StoreDir = true, true, t.TempDir()
	if o.Port == 0 {
		o.Host, o.Port = "127.0.0.1", server.RANDOM_PORT
	}
	s, err := server.NewServer(&o)
	if err != nil {
		t.Fatal(err)
	}
	go s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(time.Minute) {
		t.Fatal("NATS does not start")
	}
	return s
}

// user is one who may publish and subscribe to this alone.
func user(publish, subscribe []string) []*server.User {
	return []*server.User{{Username: "u", Password: "s3cret", Permissions: &server.Permissions{
		Publish: &server.SubjectPermission{Allow: publish}, Subscribe: &server.SubjectPermission{Allow: subscribe},
	}}}
}

func newEngine(t *testing.T, o nats.Options) *cluster.Engine {
	t.Helper()
	o.Logger = logger()
	b, err := nats.New(o)
	if err != nil {
		t.Fatal(err)
	}
	e := cluster.New(b, cluster.Options{ID: scenecast.NewNodeID(), Logger: logger()})
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// serveOld is a server that says that it is of Debian 12's version of NATS. It returns its URL.
func serveOld(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = io.WriteString(c, `INFO {"server_id":"old","version":"2.9.10","proto":1,"headers":true,"max_payload":1048576}`+"\r\n")
				for lines := bufio.NewScanner(c); lines.Scan(); {
					if lines.Text() == "PING" {
						_, _ = io.WriteString(c, "PONG\r\n")
					}
				}
			}()
		}
	}()
	return "nats://" + l.Addr().String()
}

// TestStartErrors: what waiting does not mend is told by the setting, and no secret is in it.
func TestStartErrors(t *testing.T) {
	const lacks = "nats.credentials lacks a right"
	most := []string{"$JS.API.STREAM.>", "_INBOX.scenecast.>", "scenecast.>"}
	nothing := serveNATS(t, server.Options{JetStream: true, Users: user([]string{"foo"}, []string{"foo"})})
	deaf := serveNATS(t, server.Options{JetStream: true, Users: user(append(most, "$JS.API.DIRECT.GET.>"), []string{"_INBOX.scenecast.>"})})
	blind := serveNATS(t, server.Options{JetStream: true, Users: user(most, []string{"_INBOX.scenecast.>", "scenecast.>"})})
	open := serveNATS(t, server.Options{JetStream: true})
	narrow := serveNATS(t, server.Options{JetStream: true, MaxPayload: nats.LeastPayload - 1})
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	peers := freeport.Addrs(t, 2)
	blocked := t.TempDir()
	if err := os.WriteFile(filepath.Join(blocked, "nats"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		options nats.Options
		want    []string
	}{
		"wrong password":     {nats.Options{URL: nothing.ClientURL(), Credentials: "u:wr0ng"}, []string{"nats.credentials", "Authorization"}},
		"no credentials":     {nats.Options{URL: nothing.ClientURL()}, []string{"nats.credentials", "Authorization"}},
		"no rights":          {nats.Options{URL: nothing.ClientURL(), Credentials: "u:s3cret"}, []string{lacks, "STREAM"}},
		"may not subscribe":  {nats.Options{URL: deaf.ClientURL(), Credentials: "u:s3cret"}, []string{lacks, `Subscription to "scenecast.`}},
		"may not read":       {nats.Options{URL: blind.ClientURL(), Credentials: "u:s3cret"}, []string{lacks, "DIRECT.GET"}},
		"too many replicas":  {nats.Options{URL: open.ClientURL(), Replicas: 3}, []string{"nats.replicas"}},
		"old version":        {nats.Options{URL: serveOld(t)}, []string{"nats.url", "2.9.10", "2.11"}},
		"short messages":     {nats.Options{URL: narrow.ClientURL()}, []string{"nats.url", "65535", "max_payload", "65536"}},
		"no such file":       {nats.Options{URL: open.ClientURL(), Credentials: filepath.Join(t.TempDir(), "s3cret.creds")}, []string{"nats.credentials", "no such file"}},
		"cluster.listen":     {nats.Options{Embedded: nats.Embedded{Dir: t.TempDir(), Listen: taken.Addr().String(), Peers: peers}}, []string{"cluster.listen", "in use"}},
		"data_dir is a file": {nats.Options{Embedded: nats.Embedded{Dir: os.Args[0]}}, []string{"data_dir"}},
		"no room for NATS":   {nats.Options{Embedded: nats.Embedded{Dir: blocked}}, []string{"data_dir: embedded NATS: Can't start JetStream", "not a directory"}},
	} {
		e := newEngine(t, c.options)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		err := e.Start(ctx, new(sink))
		if err == nil || ctx.Err() != nil {
			t.Errorf("%s: it has started, or waits: %v", name, err)
			cancel()
			continue
		}
		cancel()
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v; want %s", name, err, want)
			}
		}
		if strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "wr0ng") {
			t.Errorf("%s tells a secret: %v", name, err)
		}
	}
}

// awaitHealth waits until an engine is healthy (want is empty), or says that it is not and why.
func awaitHealth(t *testing.T, e *cluster.Engine, want string) {
	t.Helper()
	var err error
	for range 1200 {
		err = e.CheckHealth(t.Context())
		if err == nil && want == "" || err != nil && want != "" && strings.Contains(err.Error(), want) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("its health is %v, want %q", err, want)
}

// TestStartWaits for what somebody else is yet to do, and says what that is.
func TestStartWaits(t *testing.T) {
	addr := freeport.Addr(t)
	e := newEngine(t, nats.Options{URL: "nats://u:s3cret@" + addr})
	started := make(chan error, 1)
	go func() { started <- e.Start(t.Context(), new(sink)) }()
	awaitHealth(t, e, "waiting for NATS at "+addr+" (nats.url)")
	host, _, _ := strings.Cut(addr, ":")
	n := server.Options{Host: host, Port: portOf(t, addr)}
	plain := serveNATS(t, n)
	awaitHealth(t, e, "JetStream, which is not enabled at "+addr)
	plain.Shutdown()
	plain.WaitForShutdown()
	n.JetStream = true
	serveNATS(t, n)
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	publishUntil(t, e, "first")
}

func portOf(t *testing.T, addr string) int {
	t.Helper()
	a, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return a.Port
}

// TestRightsAreLost: a node that may not hear of the others any more says so, and is in order again when it may. So it is with one whose
// password does not fit for a while.
func TestRightsAreLost(t *testing.T) {
	may := []string{"$JS.API.>", "_INBOX.scenecast.>", "scenecast.>"}
	o := server.Options{JetStream: true, Users: user(may, may)}
	s := serveNATS(t, o)
	o.Host, o.Port, o.NoSigs, o.NoLog = "127.0.0.1", portOf(t, s.Addr().String()), true, true
	o.StoreDir = strings.TrimSuffix(s.StoreDir(), "/jetstream")
	e := newEngine(t, nats.Options{URL: s.ClientURL(), Credentials: "u:s3cret"})
	if err := e.Start(t.Context(), new(sink)); err != nil {
		t.Fatal(err)
	}
	publishUntil(t, e, "before")
	o.Users = user(may, []string{"_INBOX.scenecast.>"})
	if err := s.ReloadOptions(&o); err != nil {
		t.Fatal(err)
	}
	awaitHealth(t, e, "lacks a right")
	o.Users = user(may, may)
	if err := s.ReloadOptions(&o); err != nil {
		t.Fatal(err)
	}
	awaitHealth(t, e, "")
	publishUntil(t, e, "after")

	o.Users = user(may, may)
	o.Users[0].Password = "another"
	if err := s.ReloadOptions(&o); err != nil {
		t.Fatal(err)
	}
	awaitHealth(t, e, "not connected")
	before, deadline := refusedLogins(t, s), time.Now().Add(20*time.Second)
	for refusedLogins(t, s) < before+3 { // it tries on, though it is refused each time
		if time.Now().After(deadline) {
			t.Fatal("it has given up after being refused")
		}
		time.Sleep(50 * time.Millisecond)
	}
	o.Users = user(may, may)
	if err := s.ReloadOptions(&o); err != nil {
		t.Fatal(err)
	}
	awaitHealth(t, e, "")
	publishUntil(t, e, "with its password again")
}

// refusedLogins is how many connections a server has refused.
func refusedLogins(t *testing.T, s *server.Server) int {
	t.Helper()
	closed, err := s.Connz(&server.ConnzOptions{State: server.ConnClosed})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, c := range closed.Conns {
		if c.Reason == server.AuthenticationViolation.String() {
			n++
		}
	}
	return n
}

// TestMistakesOfNodes: nodes that do not find each other say by which setting.
func TestMistakesOfNodes(t *testing.T) {
	for want, differ := range map[string]func(*nats.Options){
		"another cluster.secret": func(o *nats.Options) { o.Embedded.Secret = "another one" },
		"another cluster.name":   func(o *nats.Options) { o.Name = "other" },
		"its own cluster.node":   func(o *nats.Options) { o.Embedded.Node = "node0" },
	} {
		t.Run(want, func(t *testing.T) {
			addrs := freeport.Addrs(t, 3)
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan struct{}, 2)
			var engines []*cluster.Engine
			for i := range 2 {
				o := nats.Options{Name: "mistake", MaxBytes: 16 << 20, Embedded: nats.Embedded{
					Dir: t.TempDir(), Node: []string{"node0", "node1"}[i], Listen: addrs[i], Secret: "between the nodes",
				}}
				for j, peer := range addrs {
					if j != i {
						o.Embedded.Peers = append(o.Embedded.Peers, peer)
					}
				}
				if i == 1 {
					differ(&o)
				}
				e := newEngine(t, o)
				engines = append(engines, e)
				go func() {
					_ = e.Start(ctx, new(sink))
					ended <- struct{}{}
				}()
			}
			for _, e := range engines {
				awaitHealth(t, e, want)
			}
			cancel()
			<-ended
			<-ended
		})
	}
}
