package nats

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"scenecast/language"
)

// connect connects to the server. It waits for an external one that is not there yet; what waiting does not mend, such as a wrong
// password, is an error.
func (b *Backend) connect(ctx context.Context, how []nats.Option) error {
	var w waiting
	for {
		conn, err := nats.Connect(b.options.URL, how...)
		switch {
		case err == nil:
			b.conn = conn // Close closes it
			if version := conn.ConnectedServerVersion(); b.options.URL != "" && isOld(version) {
				return language.Errorf("NATS at %s (nats.url) is version %s, and 2.%d or newer is needed", b.options.hosts(), version, leastMinor)
			}
			if carried := conn.MaxPayload(); b.options.URL != "" && carried < LeastPayload {
				return language.Errorf("NATS at %s (nats.url) carries messages of %d bytes (its max_payload), and %d are needed", b.options.hosts(), carried, LeastPayload)
			}
			return nil
		case b.options.URL == "":
			return language.Errorf("connect to the embedded NATS: %w", err)
		case !isAway(err):
			return language.Errorf("connect to NATS at %s (nats.url, nats.credentials): %w", b.options.hosts(), err)
		}
		if err := b.waitFor(ctx, &w, language.Errorf("waiting for NATS at %s (nats.url): %w", b.options.hosts(), err)); err != nil {
			return err
		}
	}
}

// leastMinor is the first version 2 of NATS that answers a request for several entries of a stream at once.
const leastMinor = 11

// LeastPayload is the least max_payload of a server, in bytes: nodes keep 16 KiB of each record for what it has besides the message
// (cluster.Backend's MaxRecord), and ask each other questions of some KiB.
const LeastPayload = 64 << 10

// isOld reports whether a server of this version does not have what is needed. A version that cannot be read is taken for a new one.
func isOld(version string) bool {
	var major, minor int
	n, _ := fmt.Sscanf(version, "%d.%d", &major, &minor)
	return n == 2 && (major < 2 || major == 2 && minor < leastMinor)
}

// isAway reports whether a connection fails because no server is there, or none that is ready.
func isAway(err error) bool {
	var network *net.OpError
	return errors.Is(err, nats.ErrNoServers) || errors.Is(err, nats.ErrTimeout) || errors.As(err, &network) || errors.Is(err, io.EOF)
}

// hosts are the addresses of external servers, without what their URLs have besides.
func (o Options) hosts() string {
	var hosts []string
	for one := range strings.SplitSeq(o.URL, ",") {
		one = strings.TrimSpace(one)
		if u, err := url.Parse(one); err == nil && u.Host != "" {
			one = u.Host
		}
		hosts = append(hosts, one[strings.LastIndexByte(one, '@')+1:])
	}
	return strings.Join(hosts, ",")
}

// waiting is a wait of a node that starts.
type waiting struct{ told time.Time }

const (
	// tellEvery is how often the log says what a node that starts waits for.
	tellEvery = 3 * time.Second
	// startPause is the time between two attempts of a node that starts.
	startPause = 100 * time.Millisecond
)

// waitFor tells why a node that starts has to wait, and pauses. An error ends the wait.
func (b *Backend) waitFor(ctx context.Context, w *waiting, why error) error {
	if p := b.denied.Load(); p != nil {
		return *p
	}
	b.waitsFor(why)
	switch {
	case w.told.IsZero():
		w.told = time.Now().Add(-tellEvery / 2) // most find each other within a second
	case time.Since(w.told) > tellEvery:
		w.told = time.Now()
		b.log.Warn("engine: " + why.Error())
	}
	select {
	case <-ctx.Done():
		return language.Errorf("%w (%w)", why, ctx.Err())
	case <-time.After(startPause):
		return nil
	}
}

// waitsFor tells what a node that starts waits for; nil: for nothing any more.
func (b *Backend) waitsFor(err error) {
	if !b.hasRead.Load() {
		b.on.State(err)
	}
}

// deny notes that the server has refused what this user may not. A node that starts does not start then. One that runs has lost rights:
// it is out of order, as it may not hear of others any more, and connects again until the server says nothing against it.
func (b *Backend) deny(err error) {
	err = denial(err)
	if b.denied.Swap(&err) != nil || !b.hasRead.Load() {
		return
	}
	b.state(err)
	time.AfterFunc(time.Second, func() {
		if b.ctx.Err() == nil {
			_ = b.conn.ForceReconnect()
		}
	})
}

func denial(err error) error {
	return language.Errorf("the user of nats.credentials lacks a right (docs/cluster.md lists those that it needs): %w", err)
}

// external are the options of a connection to servers that somebody else runs.
func (b *Backend) external() ([]nats.Option, error) {
	o := []nats.Option{nats.Timeout(3 * time.Second), nats.RetryOnFailedConnect(false)}
	if b.options.TLS != nil {
		o = append(o, nats.Secure(b.options.TLS))
	}
	switch c := b.options.Credentials; {
	case c == "":
	case looksLikePath(c) && !isFile(c):
		return nil, language.NewError("nats.credentials: it looks like the path of a file, and there is no such file")
	case isFile(c):
		text, err := os.ReadFile(c)
		if err != nil {
			return nil, fmt.Errorf("nats.credentials: %w", err)
		}
		if strings.Contains(string(text), "BEGIN NATS USER JWT") {
			return append(o, nats.UserCredentials(c)), nil
		}
		key, err := nats.NkeyOptionFromSeed(c)
		if err != nil {
			return nil, language.NewError("nats.credentials: the file is neither of NATS credentials nor of an nkey seed")
		}
		o = append(o, key)
	case strings.Contains(c, ":"):
		user, password, _ := strings.Cut(c, ":")
		o = append(o, nats.UserInfo(user, password))
	default:
		o = append(o, nats.Token(c))
	}
	return o, nil
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// looksLikePath reports whether credentials are hardly a token, but meant to be a file.
func looksLikePath(c string) bool {
	return strings.HasPrefix(c, "/") || strings.HasPrefix(c, "./") || strings.HasSuffix(c, ".creds") || strings.HasSuffix(c, ".nk")
}
