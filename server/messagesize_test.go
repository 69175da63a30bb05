package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
)

// TestAnswersFitNATS: whatever labels pages have, each kind of answer of a node goes through a NATS server that takes messages of 1 MiB, and says
// what was left out.
func TestAnswersFitNATS(t *testing.T) {
	t.Parallel()
	n, err := natsserver.NewServer(&natsserver.Options{
		Host: "127.0.0.1", Port: natsserver.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true, MaxPayload: 1 << 20,
	})
	if err != nil {
		t.Fatal(err)
	}
	go n.Start()
	t.Cleanup(func() { n.Shutdown(); n.WaitForShutdown() })
	if !n.ReadyForConnections(time.Minute) {
		t.Fatal("NATS does not start")
	}
	settings := map[string]string{
		"nats.url": n.ClientURL(), "cluster.answer_timeout": "20s", "cluster.forget_after": "1m",
		"presence": "[{key: v, max_members: 10}]", "labels.max_count": "120",
		"api_keys": fmt.Sprintf("[{name: all, key: %s}, {name: confined, key: key-of-a-tenant-0001, within: has(v)}]", apiKey),
	}
	nodes := startThese(t, []map[string]string{settings, settings})
	asked, other := nodes[0], nodes[1]
	const (
		ofKeys, ofValues = 130, 60 // pages
		perPage          = 118     // labels
	)
	for _, s := range nodes {
		for !strings.Contains(s.api("POST", "/v1/audience", `{"to":"*"}`), `"nodes":2,"nodes_known":2`) {
			time.Sleep(10 * time.Millisecond) // until both know each other
		}
	}
	asked.page("zz=1") // a key that the other node has as well, and does not tell of
	other.page("zz=1")
	var joining sync.WaitGroup
	pages := make(chan string)
	for range 8 {
		joining.Go(func() {
			for query := range pages {
				other.page(query)
			}
		})
	}
	for page := range ofKeys + ofValues {
		labels := make(url.Values)
		for i := range perPage {
			if page < ofKeys {
				labels.Set(fmt.Sprintf("k%063d", page*perPage+i), "1")
			} else {
				labels.Add("v", strings.Repeat("<", 20)+fmt.Sprintf("%030d", page*perPage+i)) // < has six bytes in JSON
			}
		}
		pages <- labels.Encode()
	}
	close(pages)
	joining.Wait()

	type count struct {
		Key         string
		Connections int
		AtMost      int `json:"at_most"`
	}
	type answer struct {
		Matched     int
		Keys        []count
		Values      []count
		Distinct    int
		Estimated   bool
		Connections []struct{ ID string }
		Sample      []struct{ ID string }
		Next        string
		Scenes      []struct{ Matched int }
		Rest        struct {
			Scenes    int
			Estimated bool
		}
		Nodes int
		Known int `json:"nodes_known"`
	}
	call := func(method, target, body string) (a answer) {
		t.Helper()
		if err := json.Unmarshal([]byte(asked.api(method, target, body)), &a); err != nil {
			t.Fatal(err)
		}
		if a.Nodes != 2 || a.Known != 2 {
			t.Errorf("%s %s: %d of %d nodes have answered", method, target, a.Nodes, a.Known)
		}
		return a
	}
	about := func(n, want int) bool { return n > want*85/100 && n < want*115/100 } // more than four times the standard error
	if a := call("GET", "/v1/labels?limit=1000", ""); len(a.Keys) != 1000 || a.Keys[0].Key != "@id" || a.Keys[0].Connections != ofKeys+ofValues+2 || a.Keys[0].AtMost != 0 ||
		!a.Estimated || !about(a.Distinct, ofKeys*perPage) {
		t.Errorf("%d keys of %d, the first: %+v", len(a.Keys), a.Distinct, a.Keys[:3])
	}
	if a := call("GET", "/v1/labels?to=has(zz)&limit=1000", ""); len(a.Keys) != 3 || a.Estimated {
		t.Errorf("of two pages: %+v", a)
	}
	if a := call("GET", "/v1/labels?key=v&limit=1000", ""); len(a.Values) < 500 || !a.Estimated || !about(a.Distinct, ofValues*perPage) {
		t.Errorf("%d values of %d", len(a.Values), a.Distinct)
	}
	seen := make(map[string]bool)
	rounds := 0
	for next := ""; ; rounds++ {
		a := call("GET", "/v1/connections?limit=1000"+next, "")
		for _, c := range a.Connections {
			if seen[c.ID] {
				t.Errorf("%s is listed twice", c.ID)
			}
			seen[c.ID] = true
		}
		if a.Next == "" || len(a.Connections) == 0 {
			break
		}
		next = "&after=" + a.Next
	}
	if len(seen) != ofKeys+ofValues+2 || rounds == 0 {
		t.Errorf("%d connections are listed, in %d pages", len(seen), rounds+1)
	}
	if a := call("POST", "/v1/audience", `{"to":"has(v)","sample":100}`); a.Matched != ofValues || len(a.Sample) < 10 {
		t.Errorf("a sample of %d has %d", a.Matched, len(a.Sample))
	}
	if a := call("GET", "/v1/scenes?by=v&limit=1000", ""); len(a.Scenes) < 500 || !a.Rest.Estimated || !about(a.Rest.Scenes+len(a.Scenes), ofValues*perPage) {
		t.Errorf("%d scenes, and %+v", len(a.Scenes), a.Rest)
	}
	for _, s := range slices.Repeat(nodes, 30) {
		if code, body := s.push(`{"to":"*","message":1}`); code != http.StatusOK {
			t.Errorf("%d %s", code, body)
		}
	}
	call("GET", "/v1/stats?window=1h", "")
	if body := asked.api("GET", "/v1/pushes?limit=1000&order=desc", ""); strings.Count(body, `"nodes":2`) < 60 {
		t.Errorf("the history: …%s", body[len(body)-600:])
	}
	whole, body := asked.responseOnce("GET", "/v1/presence?key=v", map[string]string{"Authorization": "Bearer key-of-a-tenant-0001"}, "")
	if whole.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, "max_payload") {
		t.Errorf("a list that has to be whole: %d %.300s", whole.StatusCode, body)
	}
}
