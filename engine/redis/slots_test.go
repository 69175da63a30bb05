package redis_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/redis/rueidis"

	"scenecast/redisclient/redistest"
)

// TestSlotIsMoved: an operator moves the log's slot of a Redis Cluster to another master, key by key, while pushes are published. Publishes
// may fail until it has been moved; nothing is lost, and the nodes go on there by themselves.
func TestSlotIsMoved(t *testing.T) {
	t.Parallel()
	servers := redistest.StartCluster(t, 3)
	f := startFleet(t, 2, client(t, clusterOptions(servers)))
	stop := f.publishers(t)
	f.awaitMore(t, 100)

	from := redistest.ClusterMaster(t, servers, logKey)
	to := servers[0]
	if to == from {
		to = servers[1]
	}
	source, target := from.Client(), to.Client()
	answer := redistest.Do(t, source, "CLUSTER", "KEYSLOT", logKey)
	slot, _ := answer.AsInt64()
	do(t, target, fmt.Sprintf("CLUSTER SETSLOT %d IMPORTING %s", slot, myID(t, source)))
	do(t, source, fmt.Sprintf("CLUSTER SETSLOT %d MIGRATING %s", slot, myID(t, target)))
	do(t, source, "MIGRATE 127.0.0.1 "+to.Port()+" "+logKey+" 0 5000") // its head is where it was: TRYAGAIN
	f.awaitFailure(t, 0, "while the slot is moved")
	until(t, func() bool { // nodes' messages are there, too, and come again and again
		answer := redistest.Do(t, source, "CLUSTER", "GETKEYSINSLOT", fmt.Sprint(slot), "100")
		keys, _ := answer.AsStrSlice()
		for _, key := range keys {
			do(t, source, "MIGRATE 127.0.0.1 "+to.Port()+" "+key+" 0 5000")
		}
		return len(keys) == 0
	})
	for _, s := range []rueidis.Client{target, source} {
		do(t, s, fmt.Sprintf("CLUSTER SETSLOT %d NODE %s", slot, myID(t, target)))
	}
	f.awaitMore(t, 200)
	stop()
	f.check(t)
	f.checkLog(t)
	if n := length(t, target); n == 0 {
		t.Error("the log is not where its slot is")
	}
}

func myID(t *testing.T, c rueidis.Client) string {
	t.Helper()
	answer := redistest.Do(t, c, "CLUSTER", "MYID")
	id, _ := answer.ToString()
	return id
}

// TestClusterIsDown: a master of other slots is gone, with its replica, so the Cluster serves nothing. It is the same again when they are
// back.
func TestClusterIsDown(t *testing.T) {
	t.Parallel()
	servers := redistest.StartCluster(t, 3)
	f := startFleet(t, 2, client(t, clusterOptions(servers)))
	f.publish(t, 0, "before")
	other := 0
	if servers[other] == redistest.ClusterMaster(t, servers, logKey) {
		other = 1
	}
	servers[other+3].Kill()
	servers[other].Kill()
	c := redistest.ClusterMaster(t, servers, logKey).Client()
	until(t, func() bool {
		return c.Do(context.Background(), c.B().Exists().Key(logKey).Build()).Error() != nil
	})
	f.awaitFailure(t, 0, "down")
	f.awaitFailure(t, 1, "down, at the other node")
	servers[other].Restart()
	servers[other+3].Restart()
	f.publish(t, 0, "after")
	f.publish(t, 1, "after, at the other node")
	f.check(t)
	f.checkLog(t)
}
