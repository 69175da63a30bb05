package redistest

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"
)

// slots is how many a Cluster has.
const slots = 16384

// StartSentinel starts a server as a Sentinel with this configuration file, which it rewrites.
func StartSentinel(tb testing.TB, file string, args ...string) *Server {
	tb.Helper()
	return start(tb, append([]string{file, "--sentinel", "--bind", "127.0.0.1", "--port", "PORT", "--dir", "DIR"}, args...))
}

// Join makes one Cluster of servers that were started with --cluster-enabled yes, each a master of as many slots, and waits until all of
// them know that it is whole.
func Join(tb testing.TB, servers []*Server) {
	tb.Helper()
	for i, s := range servers {
		c := s.Client()
		first, last := i*slots/len(servers), (i+1)*slots/len(servers)-1
		Do(tb, c, "CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(first), strconv.Itoa(last))
		Do(tb, c, "CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i+1))
		if i > 0 {
			Do(tb, c, "CLUSTER", "MEET", "127.0.0.1", servers[0].Port())
		}
	}
	deadline := time.Now().Add(patience)
	for _, s := range servers {
		c := s.Client()
		for {
			info, nodes := Do(tb, c, "CLUSTER", "INFO"), Do(tb, c, "CLUSTER", "NODES")
			state, _ := info.ToString()
			known, _ := nodes.ToString()
			if strings.Contains(state, "cluster_state:ok") && strings.Count(known, " connected") == len(servers) {
				break
			}
			if time.Now().After(deadline) {
				tb.Fatalf("%s knows no whole Cluster:\n%s\n%s", s.Addr, state, known)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// Watched is a master, its replicas, and three Sentinels that watch them.
type Watched struct {
	Name      string    // by which the Sentinels know the master
	Servers   []*Server // that keep data; the first is the master at the start
	Sentinels []*Server
}

// downAfter is how long a server must be silent for others to take it for dead, in milliseconds.
const downAfter = "1000"

// StartWatched starts them, with arguments for those that keep data, and waits until all know of each other.
func StartWatched(tb testing.TB, replicas int, args ...string) *Watched {
	tb.Helper()
	master := Start(tb, args...)
	return Watch(tb, master, master.Addr, replicas, args...)
}

// Watch starts replicas and Sentinels of a master that runs, which they reach at this address.
func Watch(tb testing.TB, master *Server, address string, replicas int, args ...string) *Watched {
	tb.Helper()
	w := &Watched{Name: "shop", Servers: []*Server{master}}
	host, port, _ := net.SplitHostPort(address)
	for range replicas {
		w.Servers = append(w.Servers, Start(tb, append([]string{"--replicaof", host + " " + port, "--repl-diskless-sync-delay", "0"}, args...)...))
	}
	for i := range 3 {
		file := filepath.Join(tb.TempDir(), "sentinel.conf")
		text := fmt.Sprintf("sentinel monitor %[1]s %[2]s %[3]s 2\nsentinel down-after-milliseconds %[1]s %[4]s\nsentinel failover-timeout %[1]s 3000\n"+
			"sentinel myid %040[5]d\n", w.Name, host, port, downAfter, i+1)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			tb.Fatal(err)
		}
		w.Sentinels = append(w.Sentinels, StartSentinel(tb, file))
	}
	for _, s := range w.Sentinels {
		c := s.Client()
		await(tb, func() bool {
			answer := Do(tb, c, "SENTINEL", "MASTER", w.Name)
			known, _ := answer.AsStrMap()
			return known["num-slaves"] == strconv.Itoa(replicas) && known["num-other-sentinels"] == "2" && known["flags"] == "master"
		})
	}
	awaitReplicas(tb, master, replicas)
	return w
}

// Master is the server that is the master by now, as most Sentinels say.
func (w *Watched) Master() *Server {
	votes := make(map[string]int)
	for _, sentinel := range w.Sentinels {
		answer := sentinel.Do("SENTINEL", "GET-MASTER-ADDR-BY-NAME", w.Name)
		if at, err := answer.AsStrSlice(); err == nil && len(at) == 2 {
			votes[net.JoinHostPort(at[0], at[1])]++
		}
	}
	for _, s := range w.Servers {
		if votes[s.Addr] >= 2 {
			return s
		}
	}
	w.Servers[0].tb.Fatalf("the Sentinels name %v", votes)
	panic("not reached")
}

// AwaitReplicas waits until the master that the Sentinels name has all other servers as replicas, which have all its data.
func (w *Watched) AwaitReplicas() {
	tb := w.Servers[0].tb
	tb.Helper()
	await(tb, func() bool {
		answer := w.Master().Do("INFO", "replication")
		text, _ := answer.ToString()
		return strings.Count(text, "state=online") == len(w.Servers)-1
	})
}

// StartCluster starts a Redis Cluster of so many masters with one replica each, and waits until it is whole. The masters come first, in
// the order of their slots.
func StartCluster(tb testing.TB, masters int, args ...string) (servers []*Server) {
	tb.Helper()
	for range 2 * masters {
		servers = append(servers, Start(tb, append([]string{"--cluster-enabled", "yes", "--cluster-config-file", "DIR/nodes.conf",
			"--cluster-node-timeout", downAfter, "--repl-diskless-sync-delay", "0", "--cluster-migration-barrier", "9"}, args...)...))
	}
	Join(tb, servers[:masters])
	for i, s := range servers[masters:] {
		c, of := s.Client(), servers[i]
		Do(tb, c, "CLUSTER", "MEET", "127.0.0.1", of.Port())
		answer := Do(tb, of.Client(), "CLUSTER", "MYID")
		master, _ := answer.ToString()
		await(tb, func() bool {
			_, err := c.Do(tb.Context(), c.B().Arbitrary("CLUSTER", "REPLICATE", master).Build()).ToMessage()
			return err == nil // it may not know the other yet
		})
	}
	for _, of := range servers[:masters] {
		awaitReplicas(tb, of, 1)
	}
	for _, s := range servers {
		c := s.Client()
		await(tb, func() bool {
			answer := Do(tb, c, "CLUSTER", "NODES")
			text, _ := answer.ToString()
			return strings.Count(text, " connected") == len(servers) && strings.Count(text, "slave") == masters
		})
	}
	return servers
}

// ClusterMaster is which of the servers is the master of a key by now, as most of those that run say. While a replica takes the place of its
// master no most of them may say the same, which is waited for.
func ClusterMaster(tb testing.TB, servers []*Server, key string) (master *Server) {
	tb.Helper()
	await(tb, func() bool {
		votes := make(map[string]int)
		running := 0
		for _, s := range servers {
			if s.ended == nil {
				continue
			}
			running++
			keySlot, slots := s.Do("CLUSTER", "KEYSLOT", key), s.Do("CLUSTER", "SLOTS")
			slot, _ := keySlot.AsInt64()
			ranges, _ := slots.ToArray()
			for _, r := range ranges {
				votes[masterOf(r, slot)]++
			}
		}
		for _, s := range servers {
			if 2*votes[s.Addr] > running {
				master = s
			}
		}
		return master != nil
	})
	return master
}

// masterOf is the address of the master of a range of CLUSTER SLOTS, if the slot is in it.
func masterOf(m rueidis.RedisMessage, slot int64) string {
	values, err := m.ToArray()
	if err != nil || len(values) < 3 {
		return ""
	}
	first, _ := values[0].AsInt64()
	last, _ := values[1].AsInt64()
	node, _ := values[2].ToArray()
	if slot < first || slot > last || len(node) < 2 {
		return ""
	}
	host, _ := node[0].ToString()
	port, _ := node[1].AsInt64()
	return net.JoinHostPort(host, strconv.FormatInt(port, 10))
}

// awaitReplicas waits until a master has so many replicas that have all its data.
func awaitReplicas(tb testing.TB, master *Server, replicas int) {
	tb.Helper()
	c := master.Client()
	await(tb, func() bool {
		answer := Do(tb, c, "INFO", "replication")
		text, _ := answer.ToString()
		return strings.Count(text, "state=online") == replicas
	})
}

func await(tb testing.TB, is func() bool) {
	tb.Helper()
	for deadline := time.Now().Add(patience); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			tb.Fatal("the servers do not come together")
		}
	}
}
