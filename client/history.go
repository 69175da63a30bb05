package client

import (
	"context"
	"encoding/json"
	"net/url"
	"strconv"
	"time"
)

// LoggedPush is a push in the server's log. Fields that the push was made without are empty.
type LoggedPush struct {
	ID       string          `json:"id"`
	Position string          `json:"position"` // empty for a key that is confined
	At       time.Time       `json:"at"`       // when it was published, to the millisecond
	To       string          `json:"to"`       // an audience, without those that were excepted
	Event    string          `json:"event"`    // the name of its message
	Message  json.RawMessage `json:"message"`  // as it was pushed, byte for byte
	TTL      string          `json:"ttl"`      // as in 5m0s
	Coalesce string          `json:"coalesce"`
	Retain   string          `json:"retain"`
	Receipt  string          `json:"receipt"` // queued, written or acked
	Tally    *Tally          `json:"tally"`   // of Backend.LoggedPush, and of a History with Newest
}

// Tally is what has become of a push so far; the fields are those of PushResult.
type Tally struct {
	Matched    int  `json:"matched"`
	Queued     int  `json:"queued"`
	Dropped    int  `json:"dropped"`
	Written    int  `json:"written"`
	Acked      int  `json:"acked"`
	TimedOut   int  `json:"timed_out"`
	Nodes      int  `json:"nodes"`
	NodesKnown int  `json:"nodes_known"`
	Done       bool `json:"done"` // the receipt is in, or its timeout has passed; late acknowledgements are still counted
}

// LoggedPush finds a push by its ID, the newest one where several have it, with what has become of it so far. The error's kind is KindNotFound
// where the log does not keep it (the settings of history). The key's scope must hold read.
func (b *Backend) LoggedPush(ctx context.Context, id string) (p LoggedPush, err error) {
	err = b.get(ctx, "/v1/pushes/"+url.PathEscape(id), nil, &p)
	return p, err
}

// HistoryRequest asks for a part of the log.
type HistoryRequest struct {
	// To are all labels of a page: then the history has the pushes that a page with exactly these would have got. Nil: all pushes.
	To Labels

	// Connection is the ID of one, in the place of To: then the history has the pushes that a page would have got with its present labels.
	Connection string

	Since  string // History.Next of the part before, or a push's position. Empty: from the oldest that is kept
	Newest bool   // the newest first, with what has become of each
	Before string // with Newest, in the place of Since: only what is older. Empty: from the newest
	Limit  int    // pushes in the answer, at most 1000. 0: 100
}

// History is a part of the log, the oldest push first, or the newest.
type History struct {
	Pushes []LoggedPush `json:"pushes"`
	Next   string       `json:"next"` // HistoryRequest.Since of the next part, or Before
	More   bool         `json:"more"` // the next part has something already, also where this one is empty

	// Gap says why pushes behind Since are missing, and the part begins with the oldest that is kept: Reason is retention or epoch. Nil:
	// none is missing.
	Gap *struct {
		Reason string `json:"reason"`
	} `json:"gap"`
}

// History reads a part of the log. Calling it again and again with Next as Since follows the log; it does not wait for pushes. The key's scope
// must hold read.
func (b *Backend) History(ctx context.Context, r HistoryRequest) (h History, err error) {
	query := make(url.Values)
	if r.To != nil {
		text, err := audienceText(r.To)
		if err != nil {
			return h, err
		}
		query.Set("to", text)
	}
	if r.Newest {
		query.Set("order", "desc")
	}
	for name, value := range map[string]string{"connection": r.Connection, "since": r.Since, "before": r.Before} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if r.Limit != 0 {
		query.Set("limit", strconv.Itoa(r.Limit))
	}
	err = b.get(ctx, "/v1/pushes", query, &h)
	return h, err
}
