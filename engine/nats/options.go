// Package nats is the engine of many nodes on NATS JetStream, which orders, replicates and keeps the log, and elects who leads it.
// The server is one that an operator runs, or is embedded in this process: alone, with the log in a directory, or as one of three or
// five, whose processes find each other. The engine itself is package cluster; this is its backend.
package nats

import (
	"cmp"
	"crypto/tls"
	"log/slog"
	"time"
)

// Options say where the log is.
type Options struct {
	// URL of external servers, several separated by commas. Empty: a server is embedded.
	URL string
	// Credentials of external servers: a file of credentials (.creds) or of an nkey seed (.nk), USER:PASSWORD, or a token.
	Credentials string
	TLS         *tls.Config // to external servers

	// Embedded is the server in this process, unless there is a URL.
	Embedded Embedded

	Name     string        // of the cluster: several of one NATS do not see each other. Defaults to "scenecast".
	Replicas int           // of the log; 1, 3 or 5. Defaults to 1, embedded in a cluster to 3.
	MaxAge   time.Duration // how long records are kept. Defaults to 10 minutes.
	MaxBytes int64         // of records that are kept. Defaults to 1 GiB.

	Logger *slog.Logger // defaults to slog.Default()
}

// Embedded is a NATS server within this process.
type Embedded struct {
	Dir        string // where the log lives. Empty: in memory, and ends with the process
	SyncAlways bool   // a record is on the disk before it counts as appended

	// Of a cluster; alone, all are empty.
	Node   string   // this node's name, the same over restarts. Defaults to Listen
	Listen string   // host:port for the other nodes
	Peers  []string // host:port of the others: two or four
	Secret string   // that nodes show each other
	TLS    *tls.Config
	// SlowElections leaves NATS's own times: a leader that is gone is replaced within 4 to 9 s, not within about one.
	SlowElections bool

	advertise string // where the others are told that this node is; empty: at Listen. Of tests
}

func (e *Embedded) isClustered() bool { return len(e.Peers) > 0 }

func (o Options) withDefaults() Options {
	o.Name = cmp.Or(o.Name, "scenecast")
	if o.Replicas == 0 {
		o.Replicas = 1
		if o.URL == "" && o.Embedded.isClustered() {
			o.Replicas = 3
		}
	}
	o.MaxAge = cmp.Or(o.MaxAge, 10*time.Minute)
	o.MaxBytes = cmp.Or(o.MaxBytes, 1<<30)
	o.Embedded.Node = cmp.Or(o.Embedded.Node, o.Embedded.Listen)
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}
