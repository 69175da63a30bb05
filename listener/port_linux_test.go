package listener

import (
	"fmt"
	"net"
	"sync"
	"testing"
)

// TestChosenPorts: of servers that open ports of the kernel's choice at the same time, each gets one of its own, with all of its sockets.
func TestChosenPorts(t *testing.T) {
	t.Parallel()
	const servers, sockets = 200, 4
	opened, failed := make([][]*net.TCPListener, servers), make([]error, servers)
	var opening sync.WaitGroup
	for i := range servers {
		opening.Go(func() { opened[i], failed[i] = openPort(t.Context(), "127.0.0.1:0", sockets, 16<<10) })
	}
	opening.Wait()
	owner := make(map[string]int)
	for i, ports := range opened {
		if failed[i] != nil || len(ports) != sockets {
			t.Errorf("server %d has %d sockets: %v", i, len(ports), failed[i])
			continue
		}
		for _, l := range ports {
			addr := fmt.Sprint(l.Addr())
			if other, taken := owner[addr]; taken && other != i {
				t.Errorf("the servers %d and %d have the port %s", other, i, addr)
			}
			owner[addr] = i
			_ = l.Close()
		}
	}
}
