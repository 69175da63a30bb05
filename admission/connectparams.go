package admission

import (
	"net/url"
	"strings"

	"scenecast/label"
)

// ConnectParams are what a page shows at the door.
type ConnectParams struct {
	token  string // empty if there is none, or more than one
	since  string
	pageID string
	labels label.Set
}

// readConnectParams reads a query as url.ParseQuery does, but keeps what it needs alone: pages come in by the thousand.
func readConnectParams(query string) (p ConnectParams, err error) {
	var labels [16]label.Label // few pages have more
	found, tokens := labels[:0], 0
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
		switch key {
		case TokenParam:
			p.token = value
			tokens++
		case SinceParam:
			p.since = value
		case PageIDParam:
			p.pageID = value
		default:
			found = append(found, label.Label{Key: key, Value: value})
		}
	}
	if tokens > 1 {
		p.token = ""
	}
	p.labels = label.New(found...)
	return p, nil
}

func unescape(s string) (string, error) {
	if !strings.ContainsAny(s, "%+") {
		return s, nil
	}
	return url.QueryUnescape(s)
}
