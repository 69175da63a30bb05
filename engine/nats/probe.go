package nats

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"scenecast/language"
)

// Server is what a probe has learnt of external servers.
type Server struct {
	Version  string
	IsOld    bool      // older than what is needed, LeastVersion
	Payload  int64     // max_payload: how many bytes a message may have; LeastPayload are needed
	Address  string    // host:port of the one that has answered, without what the URL has besides
	HasLog   bool      // the stream is there; before the first start of a node it is not
	Replicas int       // of the stream that have everything, the leader among them; 0: there is no stream
	Time     time.Time // by the server's clock, when it answered; zero: it does not say (before version 2.10)
}

// LeastVersion is the oldest one of NATS that has what is needed.
var LeastVersion = fmt.Sprintf("2.%d", leastMinor)

// Probe asks external servers, with the rights of the credentials, whether the log is or can be there. It makes nothing. An error has no
// secret. Without a deadline in ctx it takes up to some seconds.
func Probe(ctx context.Context, o Options) (s Server, err error) {
	b, err := New(o)
	if err != nil {
		return s, err
	}
	defer b.cancel()
	how, err := b.external()
	if err != nil {
		return s, err
	}
	timeout := 3 * time.Second
	if deadline, ok := ctx.Deadline(); ok {
		timeout = min(timeout, max(time.Until(deadline)/2, time.Millisecond))
	}
	how = append(how, nats.Name("scenecast doctor"), nats.CustomInboxPrefix(inboxPrefix), nats.Timeout(timeout), nats.NoReconnect(),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	b.conn, err = nats.Connect(b.options.URL, how...)
	if err != nil {
		return s, language.Errorf("NATS at %s: %w", b.options.hosts(), err)
	}
	defer b.conn.Close()
	s.Version, s.Address = b.conn.ConnectedServerVersion(), b.conn.ConnectedAddr()
	s.IsOld, s.Payload = isOld(s.Version), b.conn.MaxPayload()
	state, err := b.streamInfo(ctx)
	for again := 0; again < 4 && err != nil && errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil; again++ {
		state, err = b.streamInfo(ctx)
	}
	switch {
	case err == nil:
		s.HasLog, s.Replicas, s.Time = true, state.Current, state.Time
	case errors.Is(err, errNoStream):
		err = nil
	case errors.Is(err, nats.ErrNoResponders):
		err = language.Errorf("JetStream is not enabled at %s, or has no leader", b.options.hosts())
	case errors.Is(err, nats.ErrTimeout), errors.Is(err, context.DeadlineExceeded):
		err = language.Errorf("JetStream at %s does not answer, or the user may not ask it (docs/cluster.md lists the rights)", b.options.hosts())
	}
	return s, err
}
