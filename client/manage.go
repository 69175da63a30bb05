package client

import (
	"context"
	"encoding/json"
	"net/url"
	"time"
)

// Managed counts the connections that a call has reached, at all nodes that have answered.
type Managed struct {
	Matched    int       `json:"matched"`     // connections of the audience
	Changed    int       `json:"changed"`     // of SetLabels: fewer where connections would have more labels than they may
	Until      time.Time `json:"until"`       // of Revoke: when the last of the tokens has ended by itself
	Nodes      int       `json:"nodes"`       // servers whose pages are in these figures
	NodesKnown int       `json:"nodes_known"` // servers of the cluster
}

// SetLabels changes labels of the connections of an audience, as Page.Set does, but in the name of the backend: a page cannot change what
// is set, and what is taken away is free for the page again. The key's scope must hold manage.
func (b *Backend) SetLabels(ctx context.Context, to any, change Labels) (m Managed, err error) {
	set, remove := make(Labels), []string{}
	for key, values := range change {
		if len(values) > 0 {
			set[key] = values
		} else {
			remove = append(remove, key)
		}
	}
	err = b.post(ctx, "/v1/labels", map[string]any{"to": asJSON(to), "set": set, "remove": remove}, &m)
	return m, err
}

// Disconnect closes the connections of an audience behind what is queued for them, with a close code (docs/protocol.md#close-codes) and a
// reason of at most 123 bytes. A code of 0 stands for 1000, after which they do not come back; others are 3000 to 4999. The key's scope must
// hold manage.
func (b *Backend) Disconnect(ctx context.Context, to any, code int, reason string) (m Managed, err error) {
	body := map[string]any{"to": asJSON(to)}
	if code != 0 {
		body["code"] = code
	}
	if reason != "" {
		body["reason"] = reason
	}
	err = b.post(ctx, "/v1/disconnect", body, &m)
	return m, err
}

// RevokeRequest says which page tokens are void from now on, of those that are JSON Web Tokens: one of User, TokenID and To.
type RevokeRequest struct {
	User    string    // tokens of this user that were issued before Before
	TokenID string    // the one with this ID (jti)
	To      any       // tokens whose own labels match and that were issued before Before; as PushRequest.To
	Before  time.Time // zero: now
}

// Revoke makes tokens void at all nodes, and closes the pages that have shown them (close code 4401). It returns when the revocation is in the
// log; Managed.Nodes have said that it is in force there. Whether it survives restarts depends on the engine (docs/api.md#revoke). The key's scope must hold manage.
func (b *Backend) Revoke(ctx context.Context, r RevokeRequest) (m Managed, err error) {
	err = b.post(ctx, "/v1/revoke", struct {
		User    string    `json:"user,omitempty"`
		TokenID string    `json:"jti,omitempty"`
		To      any       `json:"to,omitempty"`
		Before  time.Time `json:"before,omitzero"`
	}{r.User, r.TokenID, asJSON(r.To), r.Before}, &m)
	return m, err
}

// Self is what an API key is and may do, and the node that has told it.
type Self struct {
	App      string    `json:"app"`      // whose pages it reaches
	Key      string    `json:"key"`      // its name
	Scopes   []string  `json:"scopes"`   // push, trigger, read, manage, admin
	Within   string    `json:"within"`   // the audience to which it is confined; empty: it reaches all pages of its app
	Triggers []string  `json:"triggers"` // that it may run; nil: all of its app
	Node     *SelfNode `json:"node"`     // that answers; nil for a key that is confined
	Ports    *Ports    `json:"ports"`    // of that node, where its dashboard has a port of its own; otherwise nil
	Presence []string  `json:"presence"` // label keys whose values are scenes: see Scenes
	Time     time.Time `json:"time"`     // now, by the node's clock
}

// SelfNode is the node that has answered Self.
type SelfNode struct {
	ID      uint64 `json:"id"`   // of this run: another one after a restart
	Name    string `json:"name"` // the same over restarts; may be empty
	Version string `json:"version"`
}

// Ports are those of a node, as it knows them itself.
type Ports struct {
	Server    int `json:"server"` // of pages and backends; 0: it is a socket in the file system
	Dashboard int `json:"dashboard"`
}

// Self tells what the key is, and may do. A key of any scope may ask.
func (b *Backend) Self(ctx context.Context) (s Self, err error) {
	err = b.get(ctx, "/v1/self", nil, &s)
	return s, err
}

// Stats is what the nodes have done lately, in steps of equal length.
type Stats struct {
	From       time.Time   `json:"from"`    // when the first step begins
	StepMS     int64       `json:"step_ms"` // how long a step is, in ms
	Series     Series      `json:"series"`  // of all nodes that have answered
	ByNode     []NodeStats `json:"by_node"`
	Nodes      int         `json:"nodes"` // that have answered
	NodesKnown int         `json:"nodes_known"`
}

// NodeStats is what one node has done. Its first step is later than that of Stats where the node has started since.
type NodeStats struct {
	Node   uint64    `json:"node"`   // its ID
	From   time.Time `json:"from"`   // when its first step begins
	Series Series    `json:"series"` // from its first step on
}

// Series has a number for each step. For keys of other apps than the operator's there are Pages and Pushes alone.
type Series struct {
	Pages      []int64 `json:"pages"`      // at the end of the step
	Pushes     []int64 `json:"pushes"`     // within it; of several nodes, those of the one that had most, as each delivers every push
	Opened     []int64 `json:"opened"`     // pages that have come
	Closed     []int64 `json:"closed"`     // pages that have gone
	Deliveries []int64 `json:"deliveries"` // pages that pushes were queued for
	Dropped    []int64 `json:"dropped"`    // pages that were too slow for a push
}

// Stats returns what the nodes have done within the last while: window is 5 seconds to an hour. The key's scope must hold read.
func (b *Backend) Stats(ctx context.Context, window time.Duration) (s Stats, err error) {
	err = b.get(ctx, "/v1/stats", url.Values{"window": {window.String()}}, &s)
	return s, err
}

// Nodes are the nodes of a cluster, as the one that answers knows them, and how their log stands.
type Nodes struct {
	Nodes []Node       `json:"nodes"` // the one that answers first
	Gone  []GoneNode   `json:"gone"`  // that have fallen silent, the one that was heard of last first
	Log   *LogStanding `json:"log"`   // of nodes that share one; nil: the log is the node's own
}

// GoneNode is a node that has fallen silent within the last day. It has not told that it stops, and no node of its name has come since.
type GoneNode struct {
	ID        uint64    `json:"id"`
	Name      string    `json:"name"`    // may be empty
	Version   string    `json:"version"` // may be empty
	LastHeard time.Time `json:"last_heard"`
}

// Node is one run of a server: a node that has started again is another Node with the same Name.
type Node struct {
	ID          uint64    `json:"id"`
	Name        string    `json:"name"` // the same over restarts; may be empty
	Version     string    `json:"version"`
	Self        bool      `json:"self"`  // it is the one that answers
	State       string    `json:"state"` // up or late
	Since       time.Time `json:"since"` // when it came to be so
	Started     time.Time `json:"started"`
	Connections int       `json:"connections"` // of all apps. This and what follows of another node as of about a second ago
	Position    string    `json:"position"`    // how far it has read the log
	Lag         uint64    `json:"lag"`         // records of the log that it has not read
	LagMS       int64     `json:"lag_ms"`      // for how long it has been behind, in ms
	Problem     string    `json:"problem"`     // why it is not ready; empty: it is

	Engine        string    `json:"engine"`         // memory, nats or redis; empty: it runs a version that does not tell this, nor what follows
	LoopLagMS     int64     `json:"loop_lag_ms"`    // for up to so long, within the last minute, something waited for a loop
	Draining      string    `json:"draining"`       // waiting, closing or drained; empty: it is not drained
	DrainingSince time.Time `json:"draining_since"` // by its own clock; zero: it is not drained, or runs a version that does not tell
	Problems      []string  `json:"problems"`       // what is wrong, or soon will be, in words; Problem among it
}

// LogStanding is who leads the log that several nodes share, and how many copies of it there are.
type LogStanding struct {
	Leader   string `json:"leader"`   // empty: none that is known
	Replicas int    `json:"replicas"` // how many copies there are to be
	InSync   int    `json:"in_sync"`  // how many have everything
}

// Nodes lists the nodes of the cluster, as the node that answers knows them. The key's scope must hold read.
func (b *Backend) Nodes(ctx context.Context) (n Nodes, err error) {
	err = b.get(ctx, "/v1/nodes", nil, &n)
	return n, err
}

// Hook is how a hook stands that is told of events, at the node that answers. The counts are since that has started.
type Hook struct {
	Name      string     `json:"name"`
	State     string     `json:"state"`  // ok or failing
	Queued    int        `json:"queued"` // events that wait
	Delivered int64      `json:"delivered"`
	Dropped   int64      `json:"dropped"`
	Failures  int64      `json:"failures"` // calls that have failed
	LastError string     `json:"last_error"`
	FailedAt  *time.Time `json:"failed_at"`
	NextCall  *time.Time `json:"next_call"` // of one that is failing
}

// Hooks returns how each hook of the key's app that is told of events (hooks.events) stands at the node that answers. The key's scope must hold
// read.
func (b *Backend) Hooks(ctx context.Context) ([]Hook, error) {
	var answer struct{ Hooks []Hook }
	err := b.get(ctx, "/v1/hooks", nil, &answer)
	return answer.Hooks, err
}

// RetryHook has a failing hook be called at once, and not when its pause has passed; at the node that answers. Of one that is not failing it
// changes nothing. The error's kind is KindNotFound where the key's app has no such hook. The key's scope must hold manage.
func (b *Backend) RetryHook(ctx context.Context, name string) error {
	return b.post(ctx, "/v1/hooks/"+url.PathEscape(name)+"/retry", nil, nil)
}

// Settings are those in force at the node that answers, and what a reload would change.
type Settings struct {
	Settings json.RawMessage  `json:"settings"` // nested as in the file; "(hidden)" stands in the place of secrets
	Changed  []ChangedSetting `json:"changed"`
	Problem  *Error           `json:"problem"` // why the configuration cannot be read anew; nil: it can
}

// ChangedSetting is a setting that differs between what is in force and what a reload would read.
type ChangedSetting struct {
	Setting string          `json:"setting"`
	InForce json.RawMessage `json:"in_force"`
	InFile  json.RawMessage `json:"in_file"` // of a secret, both are hidden
	Live    bool            `json:"live"`    // a reload puts it in force; false: it needs a restart
}

// Settings tells the settings of the node that answers: one of this key, or a section of them; all where it is empty. The key's
// scope must hold admin.
func (b *Backend) Settings(ctx context.Context, key string) (s Settings, err error) {
	query := url.Values{}
	if key != "" {
		query.Set("key", key)
	}
	err = b.get(ctx, "/v1/settings", query, &s)
	return s, err
}

// Reloaded is what a reload of the configuration has put in force, and what it could not.
type Reloaded struct {
	Applied  []string `json:"applied"`  // settings that have changed and are in force now
	Restart  []string `json:"restart"`  // settings that differ from those in force, and need a restart
	Closed   int      `json:"closed"`   // pages whose token or app is gone
	Warnings []string `json:"warnings"` // what is allowed and probably not meant
}

// Reload has the node that answers read its configuration anew. Where that has mistakes nothing changes, and the error has them:
// Error.Mistakes. The key's scope must hold admin.
func (b *Backend) Reload(ctx context.Context) (r Reloaded, err error) {
	err = b.post(ctx, "/v1/reload", nil, &r)
	return r, err
}
