package admission

import (
	"net/url"
	"slices"
	"strings"

	"scenecast/label"
	"scenecast/problem"
)

// The query parameters that are no labels.
const (
	TokenParam  = "token"
	SinceParam  = "since"   // the position behind which a page that comes back goes on
	PageIDParam = "page_id" // an ID that the page keeps over reconnects
	WatchParam  = "watch"   // a key whose presence the page watches; of a QueryForm that has it
)

// ConnectParams are what a page says in its query, beside its token. Nothing of it has been checked.
type ConnectParams struct {
	Since  string
	PageID string
	Watch  []string
	Labels label.Set // all other parameters
}

// QueryForm is what a wire has in its query besides. The zero value is nothing.
type QueryForm struct {
	Since []string // names of parameters that are positions as well, and count more than SinceParam, unless they are empty
	Watch bool     // WatchParam, which may be there several times, is no label
}

const (
	maxWatch      = 16  // keys that a query may watch
	maxWatchedKey = 256 // bytes of one
)

// ParseConnectParams reads a query as url.ParseQuery does, but keeps what it needs alone: pages connect by the thousand. It stops
// where there are more labels than maxLabels. An error is a *problem.Problem.
func ParseConnectParams(query string, maxLabels int, form QueryForm) (p ConnectParams, err error) {
	var few [16]label.Label // few pages have more
	labels, preferred := few[:0], ""
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		if strings.Contains(pair, ";") {
			return p, errQuery()
		}
		if pair == "" {
			continue
		}
		key, value, _ := strings.Cut(pair, "=")
		if key, err = unescape(key); err != nil {
			return p, errQuery()
		}
		if value, err = unescape(value); err != nil {
			return p, errQuery()
		}
		switch {
		case key == TokenParam:
		case key == SinceParam:
			p.Since = value
		case key == PageIDParam:
			p.PageID = value
		case slices.Contains(form.Since, key):
			preferred = value
		case form.Watch && key == WatchParam:
			if len(p.Watch) == maxWatch {
				return p, problem.New(problem.LimitExceeded, "more than %d keys to watch", maxWatch).At(WatchParam)
			}
			if len(value) > maxWatchedKey {
				return p, problem.New(problem.Invalid, "a key of more than %d bytes", maxWatchedKey).At(WatchParam)
			}
			p.Watch = append(p.Watch, value)
		case len(labels) == maxLabels:
			return p, problem.New(problem.LimitExceeded, "more than the %d labels that a connection may have", maxLabels).
				DecidedBy(label.SettingCount)
		default:
			labels = append(labels, label.Label{Key: key, Value: value})
		}
	}
	if preferred != "" {
		p.Since = preferred
	}
	p.Labels = label.New(labels...)
	return p, nil
}

func unescape(s string) (string, error) {
	if !strings.ContainsAny(s, "%+") {
		return s, nil
	}
	return url.QueryUnescape(s)
}
