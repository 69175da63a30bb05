package admission

import (
	"math"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"scenecast"
	"scenecast/auth"
	"scenecast/label"
	"scenecast/problem"
)

// FuzzConnectParams: a query is read as net/url reads it, or refused where that refuses it.
func FuzzConnectParams(f *testing.F) {
	for _, q := range []string{
		"", "page=home&token=T", "token=a&token=b", "a=1&a=2&&b", "page=%E9%A6%96+x", "a=%zz", "a;b=1", "=x", "since=k-1&page_id=abc", "a=b=c",
		"%74oken=T", "%74%6F%6b%65%6e=%54", "token=%zz", "tok%65n=a&token=b", "to+en=1", "token;=a", "token=a&a=%zz", "token", "lastEventId=k-2&since=k-1",
	} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, query string) {
		got, err := ParseConnectParams(query, math.MaxInt, QueryForm{Since: []string{"lastEventId"}})
		want, wantErr := url.ParseQuery(query)
		if (err != nil) != (wantErr != nil) {
			t.Fatalf("%q: %v, want %v", query, err, wantErr)
		}
		if err != nil {
			return
		}
		token := ""
		if len(want[TokenParam]) == 1 {
			token = want.Get(TokenParam)
		}
		if got, found, err := tokenInQuery(query); got != token || found != want.Has(TokenParam) || err != nil {
			t.Errorf("%q: token %q, %v, %v, want %q", query, got, found, err, token)
		}
		since := last(want[SinceParam])
		if preferred := last(want["lastEventId"]); preferred != "" {
			since = preferred
		}
		if got.Since != since || got.PageID != last(want[PageIDParam]) {
			t.Errorf("%q: since %q, page ID %q, want the last ones", query, got.Since, got.PageID)
		}
		for _, param := range []string{TokenParam, SinceParam, PageIDParam, "lastEventId"} {
			delete(want, param)
		}
		if labels := label.FromMap(want); !got.Labels.Equal(labels) {
			t.Errorf("%q: labels %v, want %v", query, got.Labels, labels)
		}
	})
}

func last(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[len(values)-1]
}

// TestTooManyLabels: reading stops at the limit, whatever follows.
func TestTooManyLabels(t *testing.T) {
	for _, c := range []struct {
		query string
		kind  problem.Kind
	}{
		{"a=1&b=2&c=3", ""},
		{"token=t&a=1&since=k-1&b=2&page_id=x&c=3", ""},
		{"a=1&b=2&c=3&d=4", problem.LimitExceeded},
		{"a=1&b=2&c=3&d=4&%zz", problem.LimitExceeded},
		{"a=1&%zz&b=2&c=3&d=4", problem.Invalid},
	} {
		_, err := ParseConnectParams(c.query, 3, QueryForm{})
		if p := problem.Of(err); c.kind == "" && err != nil || c.kind != "" && (p == nil || p.Kind != c.kind) {
			t.Errorf("%s: %v, want %s", c.query, err, c.kind)
		}
	}
}

// TestToken: where a page's token may come from, and which of several counts.
func TestToken(t *testing.T) {
	const cookie = "session"
	for _, c := range []struct {
		name, query string
		headers     []string
		want        string
	}{
		{"none", "page=home", nil, ""},
		{"in the URL", "page=home&token=T", nil, "T"},
		{"escaped", "%74oken=%54", nil, "T"},
		{"twice", "token=T&token=T", nil, ""},
		{"in an Authorization header", "page=home", []string{"Authorization: Bearer T"}, "T"},
		{"in a header of another scheme", "page=home", []string{"Authorization: Basic VDpU"}, ""},
		{"in a subprotocol", "", []string{"Sec-WebSocket-Protocol: scenecast.v1, scenecast.token.T"}, "T"},
		{"in a subprotocol of its own line", "", []string{"Sec-WebSocket-Protocol: scenecast.v1", "Sec-WebSocket-Protocol: scenecast.token.a%2Fb"}, "a/b"},
		{"in a subprotocol, malformed", "", []string{"Sec-WebSocket-Protocol: scenecast.token.%zz"}, ""},
		{"in a cookie", "", []string{"Cookie: a=b; session=T"}, "T"},
		{"in another cookie", "", []string{"Cookie: a=T"}, ""},
		{"in a cookie that an image of another site has brought", "", []string{"Cookie: session=T", "Sec-Fetch-Site: cross-site"}, ""},
		{"in a cookie that another site's page has brought", "", []string{"Cookie: session=T", "Sec-Fetch-Site: cross-site", "Origin: https://a.example"}, "T"},
		{"in a cookie of its own site", "", []string{"Cookie: session=T", "Sec-Fetch-Site: same-origin"}, "T"},
		{"in the URL and everywhere else", "token=T", []string{"Authorization: Bearer x", "Sec-WebSocket-Protocol: scenecast.token.x", "Cookie: session=x"}, "T"},
		{"an empty one in the URL", "token=", []string{"Authorization: Bearer x", "Cookie: session=x"}, ""},
		{"in a header and a cookie", "", []string{"Authorization: Bearer T", "Cookie: session=x"}, "T"},
	} {
		r, _ := http.NewRequest(http.MethodGet, "/?"+c.query, nil)
		for _, h := range c.headers {
			name, value, _ := strings.Cut(h, ": ")
			r.Header.Add(name, value)
		}
		a := Authenticator{TokenCookie: func() string { return cookie }}
		if got, err := a.token(r); got != c.want || err != nil {
			t.Errorf("%s: %q, %v, want %q", c.name, got, err, c.want)
		}
		a.TokenCookie = func() string { return "" }
		if got, _ := a.token(r); strings.Contains(c.name, "in a cookie") && got != "" {
			t.Errorf("%s, and none is configured: %q", c.name, got)
		}
	}
	r, _ := http.NewRequest(http.MethodGet, "/", nil)
	r.URL.RawQuery = "token=%zz"
	if _, err := new(Authenticator).token(r); problem.Of(err).Kind != problem.Invalid {
		t.Errorf("a token that cannot be read: %v", err)
	}
}

// TestWrongTokensAreCheap: a wrong token is refused before anything else of the query is read, so that it costs next to nothing however
// long the query is.
func TestWrongTokensAreCheap(t *testing.T) {
	known := new(auth.PageTokens)
	known.Add("T", auth.Page{App: scenecast.DefaultApp})
	a := &Authenticator{Pages: known, Rules: func(string) label.Rules { return label.Rules{Limits: label.DefaultLimits} }}
	long, _ := http.NewRequest(http.MethodGet, "/", nil)
	long.URL.RawQuery = strings.Repeat("a&", 7800)
	if _, err := a.Admit(long, QueryForm{}); problem.Of(err).Kind != problem.Unauthorized {
		t.Errorf("without a token: %v", err)
	}
	short, _ := http.NewRequest(http.MethodGet, "/", nil)
	allocations := func(r *http.Request) float64 {
		return testing.AllocsPerRun(100, func() { _, _ = a.Admit(r, QueryForm{}) })
	}
	const others = 3 // what else of the process may allocate meanwhile, under the race detector above all
	if of, want := allocations(long), allocations(short)+others; of > want {
		t.Errorf("7,800 parameters with a wrong token cost %v allocations, and none %v", of, want)
	}
	long.URL.RawQuery += "&token=T"
	if _, err := a.Admit(long, QueryForm{}); problem.Of(err).Kind != problem.LimitExceeded {
		t.Errorf("with a token: %v", err)
	}
	if of, most := allocations(long), 20.0; of > most {
		t.Errorf("7,800 parameters of a page cost %v allocations, want at most %v", of, most)
	}
}
