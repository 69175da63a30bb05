package client

import (
	"context"
	"encoding/json"
	"iter"
	"maps"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Connection is a page's connection, with the labels that it had when the server answered.
type Connection struct {
	ID     string `json:"id"`     // never used again
	Labels Labels `json:"labels"` // of the page, of its token, of the backend, and the server's own, whose keys begin with @
}

// ConnectionDetail is all that is known of a connection. Its node leaves out what an older version does not tell.
type ConnectionDetail struct {
	Connection
	Sources    map[string]string `json:"sources"`     // who has given it the labels, by key: token, backend, page or server
	Node       uint64            `json:"node"`        // that it is connected to
	Wire       string            `json:"wire"`        // its protocol
	User       string            `json:"user"`        // who its token says that it is; empty: nobody
	PageID     string            `json:"page_id"`     // the same over reconnects; empty: the page gives none
	Since      time.Time         `json:"since"`       // zero: it is not known
	Remote     string            `json:"remote"`      // its address; empty: it is not known
	Outbox     Outbox            `json:"outbox"`      // what it has not read
	CatchingUp bool              `json:"catching_up"` // it gets what it has missed
	Endings    []PastEnding      `json:"endings"`     // of the page's connections before, the newest first; none for a key that is confined
	Nodes      int               `json:"nodes"`       // that have answered
	NodesKnown int               `json:"nodes_known"`
}

// Outbox is what waits for a page that reads more slowly than it is sent to. Both are 0 for a page that keeps up.
type Outbox struct {
	Bytes  int `json:"bytes"`  // bounded by outbox.max_bytes
	Frames int `json:"frames"` // bounded by outbox.max_frames
}

// PastEnding is how an earlier connection of a page has ended.
type PastEnding struct {
	At    time.Time `json:"at"`    // by the clock of its node
	Cause string    `json:"cause"` // docs/operations.md#why-a-page-was-closed
	Code  int       `json:"code"`  // of the close frame; 0: there was none
}

// NodeCount says how many connections of a node match.
type NodeCount struct {
	Node    uint64 `json:"node"`    // one run of one server
	Matched int    `json:"matched"` // connections
}

// CountRequest asks how many pages an audience has.
type CountRequest struct {
	To     any // as PushRequest.To
	Except any // as PushRequest.Except
	Sample int // how many of the pages to show, at most 100
}

// Count is how many pages an audience has, over all nodes that have answered.
type Count struct {
	Matched    int          `json:"matched"`  // pages that are connected now
	ByNode     []NodeCount  `json:"by_node"`  // not for a key that is confined
	Sample     []Connection `json:"sample"`   // the first ones by ID, at most CountRequest.Sample
	Position   string       `json:"position"` // of the newest push before the count; empty for a key that is confined
	Nodes      int          `json:"nodes"`    // that have answered
	NodesKnown int          `json:"nodes_known"`
}

// Count counts the pages of an audience among pushes: it counts those that a push at this place would have matched. It sends nothing. The key's
// scope must hold read.
func (b *Backend) Count(ctx context.Context, r CountRequest) (count Count, err error) {
	err = b.post(ctx, "/v1/audience", struct {
		To     any `json:"to"`
		Except any `json:"except,omitempty"`
		Sample int `json:"sample,omitempty"`
	}{asJSON(r.To), asJSON(r.Except), r.Sample}, &count)
	return count, err
}

// ExplainRequest asks why an audience matches a connection, or does not: one of Connection and Labels.
type ExplainRequest struct {
	To         any    // as PushRequest.To
	Except     any    // as PushRequest.Except
	Connection string // the ID of one that is connected
	Labels     Labels // those that a connection might have
}

// Explained says whether an audience matches a connection, and why, part by part.
type Explained struct {
	Matches     bool        `json:"matches"`     // by the whole audience, without those that are excepted
	Explanation Explanation `json:"explanation"` // of the whole audience
	Labels      Labels      `json:"labels"`      // that were looked at
	Nodes       int         `json:"nodes"`       // that have answered; 0 where labels were given
	NodesKnown  int         `json:"nodes_known"`
}

// Explanation says whether a part of an audience matches.
type Explanation struct {
	Text    string        `json:"text"`    // of the part
	Matches bool          `json:"matches"` // the part does, by itself
	Why     string        `json:"why"`     // for people: what the label is; of a part without parts
	Of      []Explanation `json:"of"`      // its parts
}

// Explain tells why an audience matches a connection, or does not; the error's kind is KindNotFound where that is not there now.
func (b *Backend) Explain(ctx context.Context, r ExplainRequest) (x Explained, err error) {
	err = b.post(ctx, "/v1/audience/explain", struct {
		To         any    `json:"to"`
		Except     any    `json:"except,omitempty"`
		Connection string `json:"connection,omitempty"`
		Labels     Labels `json:"labels,omitzero"`
	}{asJSON(r.To), asJSON(r.Except), r.Connection, r.Labels}, &x)
	return x, err
}

// audienceText is an audience as a parameter has it.
func audienceText(to any) (string, error) {
	if text, is := to.(string); is {
		return text, nil
	}
	text, err := json.Marshal(asJSON(to))
	if err != nil {
		return "", err
	}
	var quoted string
	if json.Unmarshal(text, &quoted) == nil && string(text) != "null" {
		return quoted, nil
	}
	return string(text), nil
}

// perPage is how many items the iterators ask for at a time.
const perPage = "1000"

// each iterates over all items of a list that comes in pages. An error is the last pair.
func each[T any](query url.Values, fetch func(url.Values) (items []T, next string, err error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		query.Set("limit", perPage)
		for {
			items, next, err := fetch(query)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
			if next == "" {
				return
			}
			query.Set("after", next)
		}
	}
}

// Connections iterates over the connections of an audience, in the order of their IDs: whoever was there all the while comes exactly once. It
// asks the server for a thousand at a time. An error is the last pair. The key's scope must hold read.
func (b *Backend) Connections(ctx context.Context, to any) iter.Seq2[Connection, error] {
	return b.connections(ctx, to, url.Values{})
}

// ConnectionsFrom is Connections, of those that come from an address, as "203.0.113.7", or from a network, as "10.0.0.0/8": as
// ConnectionDetail.Remote tells it. Nodes of versions that cannot find by address are left out.
func (b *Backend) ConnectionsFrom(ctx context.Context, address string, to any) iter.Seq2[Connection, error] {
	return b.connections(ctx, to, url.Values{"address": {address}})
}

func (b *Backend) connections(ctx context.Context, to any, query url.Values) iter.Seq2[Connection, error] {
	return func(yield func(Connection, error) bool) {
		text, err := audienceText(to)
		if err != nil {
			yield(Connection{}, err)
			return
		}
		query := maps.Clone(query) // of this iteration
		query.Set("to", text)
		each(query, func(query url.Values) ([]Connection, string, error) {
			var page struct {
				Connections []Connection
				Next        string
			}
			err := b.get(ctx, "/v1/connections", query, &page)
			return page.Connections, page.Next, err
		})(yield)
	}
}

// Connection returns all that is known of one connection. The error's kind is KindNotFound where it is not there now. The key's scope must hold
// read.
func (b *Backend) Connection(ctx context.Context, id string) (c ConnectionDetail, err error) {
	err = b.get(ctx, "/v1/connections/"+url.PathEscape(id), nil, &c)
	return c, err
}

// LabelValues are the values that a label key has among the connections of an audience.
type LabelValues struct {
	Key      string       `json:"key"`
	Values   []LabelValue `json:"values"`   // those with the most connections first
	Distinct int          `json:"distinct"` // how many there are, listed or not
	// Estimated: a node has more values than it can tell others, and has told those with the most connections. Distinct is then about right.
	Estimated  bool `json:"estimated"`
	Nodes      int  `json:"nodes"` // that have answered
	NodesKnown int  `json:"nodes_known"`
}

// LabelValue is a value of a label key, and how many connections have it.
type LabelValue struct {
	Value       string `json:"value"`
	Connections int    `json:"connections"`
	AtMost      int    `json:"at_most"` // connections that may have it; 0: Connections is exact
}

// LabelValues tells the values that a key has among the connections of an audience, at most limit of them, which is 1 to 1000.
func (b *Backend) LabelValues(ctx context.Context, key string, to any, limit int) (values LabelValues, err error) {
	text, err := audienceText(to)
	if err == nil {
		err = b.get(ctx, "/v1/labels", url.Values{"key": {key}, "to": {text}, "limit": {strconv.Itoa(limit)}}, &values)
	}
	return values, err
}

// LabelKeys are the keys that the labels of an audience's connections have.
type LabelKeys struct {
	Keys       []LabelKey `json:"keys"`      // those with the most connections first
	Distinct   int        `json:"distinct"`  // how many there are, listed or not
	Estimated  bool       `json:"estimated"` // as of LabelValues
	Nodes      int        `json:"nodes"`     // that have answered
	NodesKnown int        `json:"nodes_known"`
}

// LabelKey is a label key, and how many connections have labels with it.
type LabelKey struct {
	Key         string `json:"key"`
	Connections int    `json:"connections"`
	AtMost      int    `json:"at_most"` // as of LabelValue
}

// LabelKeys tells which keys the labels of an audience's connections have, at most limit of them, which is 1 to 1000.
func (b *Backend) LabelKeys(ctx context.Context, to any, limit int) (keys LabelKeys, err error) {
	text, err := audienceText(to)
	if err == nil {
		err = b.get(ctx, "/v1/labels", url.Values{"to": {text}, "limit": {strconv.Itoa(limit)}}, &keys)
	}
	return keys, err
}

// SceneTable says how many pages are in each scene: each combination of values of some keys.
type SceneTable struct {
	By         []string     `json:"by"`      // the keys, as they were asked for
	Scenes     []SceneRow   `json:"scenes"`  // those with the most pages first
	Rest       RestOfScenes `json:"rest"`    // the scenes that are not listed
	Matched    int          `json:"matched"` // pages of the audience, each once. One with several values of a key is in several scenes
	Nodes      int          `json:"nodes"`   // that have answered
	NodesKnown int          `json:"nodes_known"`
}

// SceneRow is one scene of a SceneTable, named by its labels.
type SceneRow struct {
	Labels          Labels `json:"labels"`            // a key that the pages lack is missing
	Matched         int    `json:"matched"`           // pages in the scene
	AtMost          int    `json:"at_most"`           // pages that it may have; 0: Matched is exact
	PushesPerMinute *int   `json:"pushes_per_minute"` // that such a page can have matched; nil for a key that is confined
}

// RestOfScenes sums up the scenes that a SceneTable does not list.
type RestOfScenes struct {
	Scenes    int  `json:"scenes"`    // how many there are
	Matched   int  `json:"matched"`   // their pages, each in each of its scenes
	Estimated bool `json:"estimated"` // Scenes is, to about 3 % of all scenes
}

// CountScenes counts the pages of an audience by scene: by one to three keys. At most limit scenes are listed, which is 1 to 1000, and the others
// summed.
func (b *Backend) CountScenes(ctx context.Context, by []string, to any, limit int) (table SceneTable, err error) {
	text, err := audienceText(to)
	if err == nil {
		err = b.get(ctx, "/v1/scenes", url.Values{"by": {strings.Join(by, ",")}, "to": {text}, "limit": {strconv.Itoa(limit)}}, &table)
	}
	return table, err
}

// Member is a user who has at least one page in a scene.
type Member struct {
	User        string    `json:"user"`        // who the page's token says that it is
	Labels      Labels    `json:"labels"`      // that members show; none for a key that is confined
	Since       time.Time `json:"since"`       // zero for a key that is confined, and where it is not known
	Connections int       `json:"connections"` // 0: it is leaving. A Page is not told
}

// SceneCount says how many users and connections are in the scene of one value of a key.
type SceneCount struct {
	Value       string `json:"value"`       // of the key
	Members     int    `json:"members"`     // users; 0 for a key that is confined
	Anonymous   int    `json:"anonymous"`   // connections without a user; 0 for a key that is confined
	Connections int    `json:"connections"` // of both
}

// Members iterates over the members of a scene: the pages that have this value of a key whose presence the server keeps
// (docs/presence.md). An error is the last pair.
func (b *Backend) Members(ctx context.Context, key, value string) iter.Seq2[Member, error] {
	return each(url.Values{"key": {key}, "value": {value}}, func(query url.Values) ([]Member, string, error) {
		var page struct {
			Members []Member
			Next    string
		}
		err := b.get(ctx, "/v1/presence", query, &page)
		return page.Members, page.Next, err
	})
}

// Scenes iterates over the values of a key in which anybody is, in their order. An error is the last pair.
func (b *Backend) Scenes(ctx context.Context, key string) iter.Seq2[SceneCount, error] {
	return each(url.Values{"key": {key}}, func(query url.Values) ([]SceneCount, string, error) {
		var page struct {
			Scenes []SceneCount
			Next   string
		}
		err := b.get(ctx, "/v1/presence", query, &page)
		return page.Scenes, page.Next, err
	})
}

// Scene returns how many are in one scene; all figures are 0 where nobody is. The error's kind is KindNotFound where the server keeps no
// presence of the key. The key's scope must hold read.
func (b *Backend) Scene(ctx context.Context, key, value string) (SceneCount, error) {
	var scene struct {
		Count, Anonymous, Connections int
	}
	err := b.get(ctx, "/v1/presence", url.Values{"key": {key}, "value": {value}, "limit": {"1"}}, &scene)
	return SceneCount{value, scene.Count, scene.Anonymous, scene.Connections}, err
}
