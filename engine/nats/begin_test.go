package nats

import (
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"scenecast/engine/cluster"
)

// states takes what a backend tells of its state.
type states struct{ cluster.Events }

func (states) State(error) {}

// TestStartWhenNobodyAnswers: NATS never answers what comes while its log has no leader. A node that starts asks again.
func TestStartWhenNobodyAnswers(t *testing.T) {
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	go s.Start()
	if !s.ReadyForConnections(time.Minute) {
		t.Fatal("the NATS server does not start")
	}
	defer func() { s.Shutdown(); s.WaitForShutdown() }()
	conn, err := nats.Connect(s.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	b, err := New(Options{URL: s.ClientURL(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer b.cancel()
	b.conn, b.on = conn, states{}

	var asked atomic.Int32
	answer := func(m *nats.Msg) {
		if asked.Add(1) > 1 {
			_ = m.Respond([]byte(`{"state":{"first_seq":1,"last_seq":5}}`))
		}
	}
	here := func(m *nats.Msg) { _ = m.Respond(nil) } // another node, which has begun the log
	for subject, f := range map[string]nats.MsgHandler{"$JS.API.STREAM.INFO." + b.stream: answer, b.hereSubject: here} {
		if _, err := conn.Subscribe(subject, f); err != nil {
			t.Fatal(err)
		}
	}
	ended := make(chan error, 1)
	go func() { ended <- b.beginAlone(t.Context()) }()
	select {
	case err := <-ended:
		if err != nil || asked.Load() != 2 {
			t.Errorf("asked %d times: %v", asked.Load(), err)
		}
	case <-time.After(time.Minute):
		t.Error("it waits for an answer that never comes")
	}
}
