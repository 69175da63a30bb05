package nats

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"scenecast/language"
)

// config is what the stream must be. It has no consumers: nodes hear of records by republishing, which happens when they are stored,
// and read what they have not heard of directly.
func (b *Backend) config() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        b.stream,
		Description: "the log of pushes of the Scenecast cluster " + b.options.Name,
		Subjects:    []string{b.logSubject},
		Retention:   jetstream.LimitsPolicy,
		Discard:     jetstream.DiscardOld,
		Storage:     jetstream.FileStorage,
		Replicas:    b.options.Replicas,
		MaxAge:      b.options.MaxAge,
		MaxBytes:    b.options.MaxBytes,
		MaxMsgSize:  int32(b.conn.MaxPayload()),
		AllowDirect: true,
		DenyDelete:  true,
		Duplicates:  min(b.options.MaxAge, 2*time.Minute),
		RePublish:   &jetstream.RePublish{Source: b.logSubject, Destination: b.liveSubject},
	}
}

// Codes of JetStream.
const (
	noPeers      = 10005 // there are fewer servers than replicas
	noRoom       = 10047 // the stream may not take as much as it wants
	notClustered = 10074 // a server that is alone has no replicas
)

// createTimeout is short because a request that comes before there is a leader is never answered: asking again is what finds one.
const createTimeout = 400 * time.Millisecond

// prepareStream makes the stream, or adapts the one that is there.
func (b *Backend) prepareStream(ctx context.Context) error {
	js, err := jetstream.New(b.conn)
	if err != nil {
		return fmt.Errorf("JetStream: %w", err)
	}
	var w waiting
	for {
		attempt, cancel := context.WithTimeout(ctx, createTimeout)
		_, err := js.CreateOrUpdateStream(attempt, b.config())
		cancel()
		var apiErr *jetstream.APIError
		switch {
		case err == nil:
			b.waitsFor(nil)
			return nil
		case errors.As(err, &apiErr) && apiErr.ErrorCode == noPeers: // as many nodes as there are replicas must have come once
		case errors.As(err, &apiErr) && apiErr.ErrorCode == notClustered:
			return language.Errorf("the stream %s has %d replicas (nats.replicas), and %s is one server alone: %w", b.stream, b.options.Replicas, b.options.hosts(), err)
		case errors.As(err, &apiErr) && apiErr.Code == 400, errors.Is(err, nats.ErrAuthorization), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount):
			return language.Errorf("the stream %s: %w", b.stream, err)
		}
		if err := b.waitFor(ctx, &w, b.missing(err)); err != nil {
			return err
		}
	}
}

// missing says what a node that starts waits for; err is what JetStream has last answered.
func (b *Backend) missing(err error) error {
	var apiErr *jetstream.APIError
	s := b.embedded.running.Load()
	switch {
	case s != nil && b.options.Embedded.isClustered():
		return language.Errorf("waiting for other nodes: %d of %d are connected; a majority must be, and at the very first start all that keep the log (cluster.peers %s)%s",
			s.NumRoutes(), len(b.options.Embedded.Peers), strings.Join(b.options.Embedded.Peers, ","), b.mistakes.recent())
	case errors.Is(err, nats.ErrNoResponders):
		return language.Errorf("waiting for JetStream, which is not enabled at %s, or has no leader there: %w", b.options.hosts(), err)
	case errors.As(err, &apiErr) && apiErr.ErrorCode == noRoom:
		return language.Errorf("waiting for JetStream, which has no room for %d MiB of log (four times history.max_bytes): %w", b.options.MaxBytes>>20, err)
	default:
		return language.Errorf("waiting for JetStream: %w", err)
	}
}

// streamState is how the log stands, as its leader says.
type streamState struct {
	Created string // when the stream was made: another one has another time
	First   uint64
	Last    uint64
	Bytes   uint64
	Leader  string
	Current int // replicas that have everything, the leader among them

	Time time.Time // of the answer, by the server's clock; zero: it does not say
}

// streamNotFound is JetStream's code for a stream that does not exist.
const streamNotFound = 10059

// errNoStream is returned where somebody has deleted the stream.
var errNoStream = language.NewError("the log does not exist")

// streamInfo asks the leader.
func (b *Backend) streamInfo(ctx context.Context) (s streamState, err error) {
	ctx, cancel := context.WithTimeout(ctx, createTimeout)
	defer cancel()
	m, err := b.conn.RequestWithContext(ctx, "$JS.API.STREAM.INFO."+b.stream, nil)
	if err != nil {
		return s, err
	}
	var info struct {
		Error *struct {
			ErrCode     int    `json:"err_code"`
			Description string `json:"description"`
		} `json:"error"`
		Time    time.Time `json:"ts"`
		Created string    `json:"created"`
		State   struct {
			First uint64 `json:"first_seq"`
			Last  uint64 `json:"last_seq"`
			Bytes uint64 `json:"bytes"`
		} `json:"state"`
		Cluster *struct {
			Leader   string `json:"leader"`
			Replicas []struct {
				Current bool `json:"current"`
			} `json:"replicas"`
		} `json:"cluster"`
	}
	if err := json.Unmarshal(m.Data, &info); err != nil {
		return s, err
	}
	switch {
	case info.Error == nil:
	case info.Error.ErrCode == streamNotFound:
		return s, errNoStream
	default:
		return s, language.Errorf("JetStream answers: %s", info.Error.Description)
	}
	s = streamState{Created: info.Created, First: info.State.First, Last: info.State.Last, Bytes: info.State.Bytes, Current: 1, Time: info.Time}
	if info.Cluster != nil {
		s.Leader = info.Cluster.Leader
		for _, r := range info.Cluster.Replicas {
			if r.Current {
				s.Current++
			}
		}
	}
	return s, nil
}

// How often the log's leader is asked how it stands, and how long it may fail to answer before this node says that it is cut off.
const (
	watchEvery = 500 * time.Millisecond
	cutOff     = 1500 * time.Millisecond
)

// watch finds out whether the log has a leader that this node can reach. A node that is cut off must know it even if it publishes
// nothing.
func (b *Backend) watch() {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	answered := time.Now()
	for {
		select {
		case <-b.ctx.Done():
			return
		case <-ticker.C:
		}
		b.lookAtDisk()
		ctx, cancel := context.WithTimeout(b.ctx, watchEvery)
		s, err := b.streamInfo(ctx)
		cancel()
		switch {
		case b.ctx.Err() != nil:
			return
		case err == nil:
			answered = time.Now()
			b.standing.told(s)
			select {
			case b.states <- s:
			default:
			}
		case errors.Is(err, errNoStream):
			b.look()
		case time.Since(answered) >= cutOff:
			b.state(language.Errorf("the log's leader does not answer: %w", err))
		}
	}
}
