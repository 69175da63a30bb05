package main_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"scenecast"
	"scenecast/client"
	"scenecast/freeport"
	"scenecast/redisclient/redistest"
)

// visitPage has a page be at a node from a position on, until it has shown a push; it returns what it has shown and the reasons of gaps.
// It calls welcomed when it is welcomed, and missed when it is told of a gap.
func visitPage(t *testing.T, m *member, since scenecast.Position, last string, welcomed, missed func()) (shown, gaps []string, at scenecast.Position) {
	t.Helper()
	ctx, leave := context.WithTimeout(t.Context(), patience)
	defer leave()
	page, err := client.NewPage(client.PageOptions{
		URL: m.url, Token: fleetToken, PageID: "page", Since: since,
		OnWelcome: func(client.Welcome) { welcomed() },
		OnGap: func(g client.Gap) {
			gaps = append(gaps, g.Reason)
			missed()
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	_ = page.Run(ctx, func(push client.Push) error {
		text, _ := strconv.Unquote(string(push.Data))
		if shown = append(shown, text); text == last {
			leave()
		}
		return nil
	})
	return shown, gaps, page.Position()
}

// pushUntilTaken tries at the nodes in turn.
func (f *fleet) pushUntilTaken(text string) {
	f.t.Helper()
	r := client.PushRequest{To: client.Audience("*"), Message: json.RawMessage(strconv.Quote(text)), IdempotencyKey: text}
	for begun, i := time.Now(), 0; time.Since(begun) < patience; i++ {
		ctx, cancel := context.WithTimeout(f.t.Context(), 4*time.Second)
		m := f.nodes[i%len(f.nodes)]
		_, err := (&client.Backend{URL: m.url, Key: fleetKey, HTTP: m.http}).Push(ctx, r)
		cancel()
		if err == nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	f.t.Errorf("%s is not taken", text)
}

// nodesOn starts three nodes on a Redis.
func nodesOn(t *testing.T, url string, env ...string) *fleet {
	t.Helper()
	before := append([]string{"env"}, env...)
	f := prepareNodes(t, freeport.Addrs(t, 3), [][]string{before, before, before})
	for _, m := range f.nodes {
		m.args = append(m.args, "--engine", "redis", "--redis-url", url, "--cluster-node", m.name)
	}
	f.start()
	return f
}

// TestPageIsToldThatRedisLostItsData: Redis is restarted, and has kept nothing. A page that comes back with a position that it got before is
// told of a gap, on any node, and goes on with what is pushed then.
func TestPageIsToldThatRedisLostItsData(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	f := nodesOn(t, redis.URL())
	_, _, at := visitPage(t, f.nodes[0], scenecast.Position{}, "before", func() { go f.pushUntilTaken("before") }, func() {})
	if at == (scenecast.Position{}) {
		t.Fatal("the page got nothing")
	}
	redis.Kill()
	redis.Restart()
	f.pushUntilTaken("meanwhile")
	f.wantGapFrom(at)
}

// wantGapFrom has a page come to each node from a position that the log has lost. It is told of a gap, and goes on behind what has been
// appended again: whether it gets what was pushed meanwhile depends on which came first.
func (f *fleet) wantGapFrom(at scenecast.Position) {
	f.t.Helper()
	for i, m := range f.nodes {
		text := fmt.Sprint("after-", i)
		var pushing sync.WaitGroup
		shown, gaps, now := visitPage(f.t, m, at, text, func() {}, func() {
			pushing.Go(func() { f.pushUntilTaken(text) })
		})
		pushing.Wait()
		want := []string{text}
		for j := i - 1; j >= 0; j-- { // these were pushed for the pages before it
			want = append([]string{fmt.Sprint("after-", j)}, want...)
		}
		if len(shown) > 0 && shown[0] == "meanwhile" {
			shown = shown[1:]
		}
		if !slices.Equal(shown, want) || !slices.Equal(gaps, []string{"epoch"}) || now.Epoch == at.Epoch {
			f.t.Errorf("at node %d the page has shown %q, was told of the gaps %q and stands at %v; it came from %v", i, shown, gaps, now, at)
		}
	}
}

// TestPageIsToldThatAReplicaLostTheTail: Sentinels promote a replica that lacks the newest push, which its node appends again. A page that
// has got that push and comes back with its position is told of a gap, and does not get the push again.
func TestPageIsToldThatAReplicaLostTheTail(t *testing.T) {
	t.Parallel()
	redis := redistest.StartWatched(t, 1)
	var sentinels []string
	for _, s := range redis.Sentinels {
		sentinels = append(sentinels, s.Addr)
	}
	f := nodesOn(t, "redis://"+strings.Join(sentinels, ","), "SCENECAST_REDIS_SENTINEL_MASTER="+redis.Name)
	f.pushUntilTaken("replicated")
	redis.AwaitReplicas()
	redistest.Do(t, redis.Servers[1].Client(), "REPLICAOF", "127.0.0.1", "1") // nobody is there; the Sentinels mend it after 8 s
	_, _, at := visitPage(t, f.nodes[0], scenecast.Position{}, "lost", func() { go f.pushUntilTaken("lost") }, func() {})
	redis.Servers[0].Kill()
	f.pushUntilTaken("meanwhile")
	f.wantGapFrom(at)
}
