package redistest

import (
	"strconv"
	"strings"
	"testing"
	"time"
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
	deadline := time.Now().Add(30 * time.Second)
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
