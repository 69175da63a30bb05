package main_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"scenecast/freeport"
	"scenecast/redisclient/redistest"
)

var (
	presenceUsers = flag.Int("presence-users", 60, "how many users TestPresenceChaos has, with 1 to 3 tabs each")
	presenceTime  = flag.Duration("presence-time", 6*time.Second, "how long nodes are killed")
)

const presenceScenes = 5

// tab is a page of a user, which comes back to another node when it loses the one that it is on.
type tab struct {
	user, scene string
	close       context.CancelFunc
}

// usersWithTabs is the users, with their tabs.
type usersWithTabs struct {
	t     *testing.T
	fleet *fleet
	ctx   context.Context
	pages sync.WaitGroup

	mu   sync.Mutex
	tabs []*tab
}

// connect keeps a page connected until ctx ends, to any node that is up, and hands on what it is told.
func (c *usersWithTabs) connect(ctx context.Context, token, query string, say string, take func(message []byte)) {
	defer c.pages.Done()
	for ctx.Err() == nil {
		m := c.fleet.nodes[rand.IntN(len(c.fleet.nodes))]
		if !m.isUp() {
			time.Sleep(5 * time.Millisecond)
			continue
		}
		dialing, cancel := context.WithTimeout(ctx, patience)
		conn, _, err := websocket.Dial(dialing, strings.Replace(m.url, "http", "ws", 1)+"/v1/connect?token="+token+"&"+query,
			&websocket.DialOptions{Subprotocols: []string{"scenecast.v1"}})
		cancel()
		if err != nil {
			time.Sleep(20 * time.Millisecond)
			continue
		}
		conn.SetReadLimit(-1)
		if say != "" {
			err = conn.Write(ctx, websocket.MessageText, []byte(say))
		}
		for err == nil {
			var message []byte
			if _, message, err = conn.Read(ctx); err == nil && take != nil {
				take(message)
			}
		}
		_ = conn.CloseNow()
	}
}

func (c *usersWithTabs) open(user string) {
	ctx, cancel := context.WithCancel(c.ctx)
	t := &tab{user, fmt.Sprint(rand.IntN(presenceScenes)), cancel}
	c.mu.Lock()
	c.tabs = append(c.tabs, t)
	c.mu.Unlock()
	c.pages.Add(1)
	go c.connect(ctx, "token-"+user, "order="+t.scene, "", nil)
}

// change has a tab be closed, and another one be opened by the same user or by one of those who have none.
func (c *usersWithTabs) change(users int) {
	c.mu.Lock()
	i := rand.IntN(len(c.tabs))
	gone := c.tabs[i]
	c.tabs = slices.Delete(c.tabs, i, i+1)
	c.mu.Unlock()
	gone.close()
	user := gone.user
	if rand.IntN(2) == 0 {
		user = fmt.Sprint(rand.IntN(users))
	}
	c.open(user)
}

// expected are the tabs of each user, by scene.
func (c *usersWithTabs) expected() map[string]map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	scenes := make(map[string]map[string]int)
	for _, t := range c.tabs {
		if scenes[t.scene] == nil {
			scenes[t.scene] = make(map[string]int)
		}
		scenes[t.scene][t.user]++
	}
	return scenes
}

// watching is a page that watches one scene, and compares what it is told with what it knows.
type watching struct {
	t     *testing.T
	scene string

	mu      sync.Mutex
	members map[string]bool // nil: no snapshot has come
	joins   int
}

func (w *watching) take(message []byte) {
	var m struct {
		Type, Value string
		Members     []struct{ User string }
	}
	if err := json.Unmarshal(message, &m); err != nil {
		w.t.Errorf("%s: %v", message, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch m.Type {
	case "welcome":
		w.members = nil
	case "presence":
		w.members = make(map[string]bool)
		for _, member := range m.Members {
			w.members[member.User] = true
		}
	case "joined", "left":
		for _, member := range m.Members {
			if w.members == nil || w.members[member.User] == (m.Type == "joined") {
				w.t.Errorf("scene %s: %s has %s, and %v are there", w.scene, member.User, m.Type, w.members)
			}
			if m.Type == "left" {
				delete(w.members, member.User)
			} else {
				w.members[member.User] = true
				w.joins++
			}
		}
	}
}

// TestPresenceChaos: users open and close tabs while nodes are killed and come back, or hang for so long that the others take them for gone. For
// each page that watches, members join and leave in turn; and when all is quiet, all nodes and pages know exactly who is there.
func TestPresenceChaos(t *testing.T) {
	users := *presenceUsers
	var tokens []string
	for i := range users {
		tokens = append(tokens, fmt.Sprintf("{token: token-%d, user: '%d'}", i, i))
	}
	apps := "SCENECAST_APPS={shop: {client_tokens: [" + strings.Join(tokens, ",") + ", nobody], api_keys: [{name: shop, key: shop-key}], presence: [{key: order, max_members: 10000}]}}"
	before := []string{"env", apps}
	for engine, fleet := range map[string]func(t *testing.T) *fleet{
		"nats": func(t *testing.T) *fleet {
			return newFleetAt(t, freeport.Addrs(t, 3), freeport.Addrs(t, 3), [][]string{before, before, before})
		},
		"redis": func(t *testing.T) *fleet {
			redis := redistest.Start(t)
			f := prepareNodes(t, freeport.Addrs(t, 3), [][]string{before, before, before})
			for _, m := range f.nodes {
				m.args = append(m.args, "--engine", "redis", "--redis-url", redis.URL(), "--cluster-node", m.name)
			}
			f.start()
			return f
		},
	} {
		t.Run(engine, func(t *testing.T) { presenceChaos(t, fleet(t), users) })
	}
}

func presenceChaos(t *testing.T, f *fleet, users int) {
	ctx, cancel := context.WithCancel(t.Context())
	c := &usersWithTabs{t: t, fleet: f, ctx: ctx}
	defer c.pages.Wait()
	defer cancel()
	for i := range users {
		for range 1 + rand.IntN(3) {
			c.open(fmt.Sprint(i))
		}
	}
	var watchers []*watching
	for scene := range presenceScenes {
		for range 2 {
			w := &watching{t: t, scene: fmt.Sprint(scene)}
			watchers = append(watchers, w)
			c.pages.Add(1)
			go c.connect(ctx, "nobody", "order="+w.scene, `{"type":"watch","key":"order"}`, w.take)
		}
	}
	kills, freezes := 0, 0
	for begun := time.Now(); time.Since(begun) < *presenceTime; {
		m := f.nodes[rand.IntN(len(f.nodes))]
		for range 20 {
			time.Sleep(time.Duration(rand.IntN(50)) * time.Millisecond)
			c.change(users)
		}
		if rand.IntN(3) == 0 {
			freezes++
			m.freeze(time.Duration(rand.IntN(8000)) * time.Millisecond)
			continue
		}
		kills++
		m.kill()
		time.Sleep(time.Duration(rand.IntN(1500)) * time.Millisecond)
		m.start()
		m.awaitReady()
	}
	want := c.expected()
	problem := "nothing was asked"
	for begun := time.Now(); problem != ""; time.Sleep(100 * time.Millisecond) {
		if time.Since(begun) > 2*patience {
			t.Fatal(problem)
		}
		problem = c.problem(want, watchers)
	}
	joins := 0
	for _, w := range watchers {
		joins += w.joins
	}
	t.Logf("%d kills, %d freezes, %d tabs, %d joins told", kills, freezes, len(c.tabs), joins)
}

// problem is where nodes or pages know something else than who is there.
func (c *usersWithTabs) problem(want map[string]map[string]int, watchers []*watching) string {
	for _, m := range c.fleet.nodes {
		for scene := range presenceScenes {
			got, err := m.presenceOf(fmt.Sprint(scene))
			if err != nil || !maps.Equal(got, want[fmt.Sprint(scene)]) {
				return fmt.Sprintf("node %s, scene %d: %v (%v), want %v", m.name, scene, got, err, want[fmt.Sprint(scene)])
			}
		}
	}
	for _, w := range watchers {
		w.mu.Lock()
		got := slices.Sorted(maps.Keys(w.members))
		w.mu.Unlock()
		if users := slices.Sorted(maps.Keys(want[w.scene])); !slices.Equal(got, users) {
			return fmt.Sprintf("a page in the scene %s knows %v, want %v", w.scene, got, users)
		}
	}
	return ""
}

// presenceOf are the members of a scene, with their connections.
func (m *member) presenceOf(scene string) (map[string]int, error) {
	members, after := make(map[string]int), ""
	for {
		r, _ := http.NewRequest(http.MethodGet, m.url+"/v1/presence?key=order&limit=1000&value="+scene+"&after="+after, nil)
		r.Header.Set("Authorization", "Bearer shop-key")
		response, err := m.http.Do(r)
		if err != nil {
			return nil, err
		}
		var answer struct {
			Members []struct {
				User        string
				Connections int
			}
			Next string
		}
		err = json.NewDecoder(response.Body).Decode(&answer)
		response.Body.Close()
		if err != nil {
			return nil, err
		}
		for _, member := range answer.Members {
			members[member.User] = member.Connections
		}
		if after = answer.Next; after == "" {
			return members, nil
		}
	}
}
