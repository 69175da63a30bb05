// Package redisclient makes clients of Redis from what an operator has set: one server, Sentinels, a Cluster or a socket, with TLS,
// ACL user and database. Redis 6.2 and newer, Valkey and KeyDB are served.
package redisclient

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/redis/rueidis"

	"scenecast/language"
	"scenecast/redisurl"
)

// Options say which Redis, and who asks.
type Options struct {
	URL                string // as package redisurl reads it
	Username, Password string // where they are not in the URL

	SentinelMaster                     string // the name by which Sentinels know the master; empty: the hosts of the URL are no Sentinels
	SentinelUsername, SentinelPassword string // to the Sentinels

	TLS TLS // of a URL that asks for TLS

	Name string // of the connections, as CLIENT LIST shows it; no spaces. Defaults to "scenecast"

	// Timeout bounds how long a connection may take to be made, and how long an answer that is no blocking command's may be waited
	// for. Defaults to DefaultTimeout.
	Timeout time.Duration
}

// DefaultTimeout is that of Options.
const DefaultTimeout = time.Second

// TLS names files in PEM; each may be empty.
type TLS struct {
	Cert, Key string // with which the client shows who it is
	CA        string // of the server's certificate; empty: the authorities of the system
}

const (
	defaultPort         = 6379
	defaultSentinelPort = 26379
)

// bufferSize is that of each connection's two buffers. The library's own default, 512 KiB, is made for many commands at once.
const bufferSize = 64 << 10

// sentinelRefresh is how often the Sentinels are asked for the master besides: what they publish may be missed.
const sentinelRefresh = 2 * time.Second

// Option is the options as the library has them; callers may change what they know better. An error says what is wrong with the
// options, without any secret. No connection is made.
func Option(o Options) (rueidis.ClientOption, error) {
	u, err := redisurl.Parse(o.URL)
	if err != nil {
		return rueidis.ClientOption{}, fmt.Errorf("redis.url: %w", err)
	}
	certificates, err := tlsConfig(u, o.TLS)
	if err != nil {
		return rueidis.ClientOption{}, err
	}
	timeout := cmp.Or(o.Timeout, DefaultTimeout)
	c := rueidis.ClientOption{
		InitAddress:         u.Addresses(defaultPort),
		Username:            cmp.Or(o.Username, u.Username),
		Password:            cmp.Or(o.Password, u.Password),
		SelectDB:            u.Database,
		ClientName:          cmp.Or(o.Name, "scenecast"),
		TLSConfig:           certificates,
		Dialer:              net.Dialer{Timeout: timeout},
		ConnWriteTimeout:    timeout,
		ReadBufferEachConn:  bufferSize,
		WriteBufferEachConn: bufferSize,
		DisableCache:        true, // nothing is cached, and CLIENT TRACKING needs a right
	}
	switch {
	case u.Socket != "":
		c.InitAddress = []string{u.Socket}
		c.ForceSingleClient = true
		c.DialCtxFn = func(ctx context.Context, path string, dialer *net.Dialer, _ *tls.Config) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", path)
		}
		if o.SentinelMaster != "" {
			return c, language.NewError("redis.sentinel_master: Sentinels are found by host and port, and redis.url is a socket")
		}
	case o.SentinelMaster != "":
		c.InitAddress = u.Addresses(defaultSentinelPort)
		c.Sentinel = rueidis.SentinelOption{
			MasterSet:               o.SentinelMaster,
			Username:                o.SentinelUsername,
			Password:                o.SentinelPassword,
			ClientName:              c.ClientName,
			TLSConfig:               certificates,
			Dialer:                  c.Dialer,
			TopologyRefreshInterval: sentinelRefresh,
		}
	case len(u.Hosts) > 1 && u.Database != 0:
		return c, language.NewError("redis.url: several hosts are a Redis Cluster, which has database 0 only; for Sentinels, set redis.sentinel_master")
	case u.Database != 0:
		c.ForceSingleClient = true // a Cluster has no other database than 0
	}
	return c, nil
}

// tlsConfig is nil where the URL asks for no TLS. It names no server, so each is verified for the name that it was dialled by.
func tlsConfig(u redisurl.URL, files TLS) (*tls.Config, error) {
	if !u.TLS {
		if files != (TLS{}) {
			return nil, language.NewError("redis.tls: redis.url asks for no TLS; let it begin with rediss://")
		}
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if files.Cert != "" || files.Key != "" {
		certificate, err := tls.LoadX509KeyPair(files.Cert, files.Key)
		if err != nil {
			return nil, fmt.Errorf("redis.tls: %w", err)
		}
		c.Certificates = []tls.Certificate{certificate}
	}
	if files.CA != "" {
		text, err := os.ReadFile(files.CA)
		if err != nil {
			return nil, fmt.Errorf("redis.tls.ca: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(text) {
			return nil, language.Errorf("redis.tls.ca: %s has no certificate in PEM", files.CA)
		}
	}
	return c, nil
}

// Code is the word with which a server's answer says what is wrong, such as NOAUTH. It is empty where no server has answered.
func Code(err error) string {
	var answer *rueidis.RedisError
	if !errors.As(err, &answer) || answer.IsNil() {
		return ""
	}
	code, _, _ := strings.Cut(answer.Error(), " ")
	return code
}

// New connects a client. It returns within a few timeouts, with an error where no server answers, where it refuses the user, or where the
// options are wrong; the error names the servers, and has no secret.
func New(o Options) (rueidis.Client, error) {
	c, err := Option(o)
	if err != nil {
		return nil, err
	}
	return Connect(c)
}

// Connect is New for options that Option has made.
func Connect(c rueidis.ClientOption) (rueidis.Client, error) {
	client, err := rueidis.NewClient(c)
	if err != nil {
		addresses := strings.Join(c.InitAddress, ", ")
		if c.Sentinel.MasterSet != "" {
			return nil, language.Errorf("the master %s by the Sentinels at %s: %w%s", c.Sentinel.MasterSet, addresses, err, hint(c, err))
		}
		return nil, language.Errorf("Redis at %s: %w%s", addresses, err, hint(c, err))
	}
	return client, nil
}

// hint tells of a likely cause where one side speaks TLS and the other does not, which no error says: a server without TLS waits for the
// end of what it takes for a command, and one with TLS hangs up.
func hint(c rueidis.ClientOption, err error) language.Text {
	switch {
	case c.TLSConfig != nil && errors.Is(err, context.DeadlineExceeded):
		return language.Textf(" (redis.url asks for TLS; does the server speak it at this port?)")
	case c.TLSConfig == nil && (errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET)):
		return language.Textf(" (if the server speaks TLS at this port, redis.url has to begin with rediss://)")
	}
	return language.Text{}
}
