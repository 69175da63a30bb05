package registry_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"scenecast"
	"scenecast/hub"
	"scenecast/label"
	"scenecast/leaktest"
	"scenecast/redisclient"
	"scenecast/redisclient/redistest"
	"scenecast/registry"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// member is a connection as a hub tells of it, as far as a registry wants to know.
type member struct {
	hub.Member
	id     scenecast.ConnID
	app    string
	labels label.Set
}

// ID, App and Labels implement hub.Member.
func (m member) ID() scenecast.ConnID { return m.id }
func (m member) App() string          { return m.app }
func (m member) Address() hub.Address { return hub.Address{} }
func (m member) Trusted(string) bool  { return false }
func (m member) Labels() label.Set    { return m.labels }

// node is a registry, and what it has been told.
type node struct {
	*registry.Registry
	id      scenecast.NodeID
	lastSeq uint64
	members map[scenecast.ConnID]member // that are connected
}

const hash = "{scenecast}:connections"

// start starts a registry on this Redis.
func start(t testing.TB, url string, id scenecast.NodeID, change ...func(*registry.Options)) *node {
	t.Helper()
	o := registry.Options{
		Connect: func() (rueidis.Client, error) {
			return redisclient.New(redisclient.Options{URL: url, Timeout: 300 * time.Millisecond})
		},
		Key:    hash,
		Node:   id,
		Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}.Fast()
	for _, c := range change {
		c(&o)
	}
	n := &node{Registry: registry.New(o), id: id, members: make(map[scenecast.ConnID]member)}
	n.Start()
	return n
}

// patient has a registry that a busy machine keeps waiting not count as gone, nor Redis as away: either is told, and has all fields written anew.
func patient(s *redistest.Server) func(*registry.Options) {
	return func(o *registry.Options) {
		*o = o.Patient()
		o.Connect = func() (rueidis.Client, error) {
			return redisclient.New(redisclient.Options{URL: s.URL(), Timeout: 10 * time.Second})
		}
	}
}

// stop closes the registry, whose connections all leave before.
func (n *node) stop(t testing.TB) {
	t.Helper()
	for _, m := range maps.Collect(maps.All(n.members)) {
		n.leave(m)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	n.Close(ctx)
}

func (n *node) join(labels ...label.Label) member {
	n.lastSeq++
	m := member{id: scenecast.ConnID{Node: n.id, Seq: n.lastSeq}, app: scenecast.DefaultApp, labels: label.New(labels...)}
	n.members[m.id] = m
	n.Joined(m)
	return m
}

func (n *node) relabel(m member, labels ...label.Label) member {
	before := m.labels
	m.labels = label.New(labels...)
	n.members[m.id] = m
	n.Relabelled(m, before)
	return m
}

func (n *node) leave(m member) {
	delete(n.members, m.id)
	n.Left(m, scenecast.EndingBy(scenecast.CauseUnknown, ""))
}

func page(name string) label.Label { return label.Label{Key: "page", Value: name} }

// settles waits until the hash is exactly what these nodes have.
func settles(t testing.TB, c rueidis.Client, nodes ...*node) {
	t.Helper()
	want := make(map[string]string)
	for _, n := range nodes {
		for id, m := range n.members {
			want[id.String()] = fmt.Sprint(n.id, " ", m.labels)
		}
	}
	var got map[string]string
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if got = read(t, c, hash); maps.Equal(got, want) {
			return
		}
	}
	for field, value := range want {
		if got[field] != value {
			t.Errorf("%s is %q, want %q", field, got[field], value)
		}
	}
	for field, value := range got {
		if _, ok := want[field]; !ok {
			t.Errorf("%s is a ghost: %s", field, value)
		}
	}
	t.FailNow()
}

// read is the hash, each value as its node and its labels.
func read(t testing.TB, c rueidis.Client, key string) map[string]string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	fields, err := c.Do(ctx, c.B().Hgetall().Key(key).Build()).AsStrMap()
	if err != nil {
		return nil // it is away
	}
	for field, value := range fields {
		var v struct {
			FD     string
			Node   scenecast.NodeID
			Labels label.Set
		}
		if err := json.Unmarshal([]byte(value), &v); err != nil || v.FD != field {
			t.Fatalf("%s has the value %s: %v", field, value, err)
		}
		fields[field] = fmt.Sprint(v.Node, " ", v.Labels)
	}
	return fields
}

// eventually waits until something is so.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not in a minute: %s", what)
		}
	}
}

// keysOf are the keys of a Redis, sorted by it.
func keysOf(t testing.TB, c rueidis.Client) string {
	t.Helper()
	answer := redistest.Do(t, c, "KEYS", "*")
	list, err := answer.AsStrSlice()
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(list)
}

// lines is what was logged.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
