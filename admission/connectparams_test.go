package admission

import (
	"net/url"
	"testing"

	"scenecast/label"
)

// FuzzPapers: a query is read as net/url reads it, or refused where that refuses it.
func FuzzPapers(f *testing.F) {
	for _, q := range []string{
		"", "page=home&token=T", "token=a&token=b", "a=1&a=2&&b", "page=%E9%A6%96+x", "a=%zz", "a;b=1", "=x", "since=k-1&page_id=abc", "a=b=c",
	} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, query string) {
		got, err := readConnectParams(query)
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
		if got.token != token {
			t.Errorf("%q: token %q, want %q", query, got.token, token)
		}
		for param, value := range map[string]string{SinceParam: got.since, PageIDParam: got.pageID} {
			if all := want[param]; len(all) > 0 && value != all[len(all)-1] || len(all) == 0 && value != "" {
				t.Errorf("%q: %s %q, want the last of %q", query, param, value, all)
			}
		}
		for _, param := range []string{TokenParam, SinceParam, PageIDParam} {
			delete(want, param)
		}
		if labels := label.FromMap(want); !got.labels.Equal(labels) {
			t.Errorf("%q: labels %v, want %v", query, got.labels, labels)
		}
	})
}
