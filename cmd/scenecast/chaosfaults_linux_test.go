package main_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"scenecast/freeport"
	"scenecast/redisclient/redistest"
)

// killNode ends a node, and starts it again a while later.
func killNode(m *member, random *rand.Rand) {
	m.kill()
	time.Sleep(time.Duration(random.IntN(1200)) * time.Millisecond)
	m.start()
}

func stopNode(m *member, random *rand.Rand) {
	m.freeze(time.Duration(300+random.IntN(2500)) * time.Millisecond)
}

func restartNode(m *member, _ *rand.Rand) {
	m.terminate()
	m.start()
}

// faultsOfNodes are those that any engine's nodes bear.
func faultsOfNodes() []chaosFault {
	return []chaosFault{
		{"kill", "a node is killed (SIGKILL), and started again after 0 to 1.2 s", killNode},
		{"stop", "a node hangs (SIGSTOP) for 0.3 to 2.8 s", stopNode},
		{"restart", "a node is restarted in order (SIGTERM)", restartNode},
	}
}

// startNATSChaos starts three nodes with NATS embedded, each in a network of its own and with a disk of its own, where that is permitted.
func startNATSChaos(t *testing.T) *underChaos {
	c := &underChaos{faults: faultsOfNodes()}
	n, err := newNetworks(t, 3)
	if err != nil {
		t.Logf("network namespaces are not permitted here, so no node is cut off: %v", err)
		c.fleet = prepareFleet(t, freeport.Addrs(t, 3), freeport.Addrs(t, 3), nil)
	} else {
		c.fleet = prepareFleet(t, n.at(9502), n.at(9601), n.before())
		c.faults = append(c.faults, chaosFault{"partition", "a node is cut off from the others for 1 to 4 s", func(m *member, random *rand.Rand) {
			i := c.index(m)
			n.cut(i)
			time.Sleep(time.Duration(1000+random.IntN(3000)) * time.Millisecond)
			n.join(i)
		}})
	}
	disks := make(map[*member]*disk)
	for _, m := range c.nodes {
		d, err := newDisk(t, filepath.Join(m.dir, "data"))
		if err != nil {
			t.Logf("no file system can be mounted here, so no disk is filled or slow: %v", err)
			break
		}
		disks[m] = d
	}
	if len(disks) == len(c.nodes) {
		c.faults = append(c.faults,
			chaosFault{"full", "a node's disk is full for 1 to 3 s", func(m *member, random *rand.Rand) {
				fill(t, disks[m].dir, 10)
				time.Sleep(time.Duration(1000+random.IntN(2000)) * time.Millisecond)
				makeRoom(t, disks[m].dir)
			}},
			chaosFault{"slow", "a node's disk takes up to 200 ms for a write, for 1 to 4 s", func(m *member, random *rand.Rand) {
				lasts := time.Duration(1000+random.IntN(3000)) * time.Millisecond
				for begun := time.Now(); time.Since(begun) < lasts; {
					disks[m].hang(200 * time.Millisecond)
					time.Sleep(50 * time.Millisecond)
				}
			}},
			chaosFault{"hang", "a node's disk takes no write for 1 to 3 s", func(m *member, random *rand.Rand) {
				disks[m].hang(time.Duration(1000+random.IntN(2000)) * time.Millisecond)
			}})
	}
	c.start()
	return c
}

// startRedisChaos starts three nodes on a Redis with Sentinels. That so many replicas have a push is waited for before it is answered.
func startRedisChaos(t *testing.T, wait int) *underChaos {
	redis := redistest.StartWatched(t, 1+wait)
	var urls []string
	for _, s := range redis.Sentinels {
		urls = append(urls, s.Addr)
	}
	env := []string{"env", "SCENECAST_REDIS_SENTINEL_MASTER=" + redis.Name, "SCENECAST_REDIS_REGISTRY=true", fmt.Sprint("SCENECAST_REDIS_WAIT_REPLICAS=", wait)}
	c := &underChaos{fleet: prepareNodes(t, freeport.Addrs(t, 3), [][]string{env, env, env}), faults: faultsOfNodes(), mended: redis.AwaitReplicas}
	c.check = func() { c.awaitNoGhosts(redis) }
	ctx, stop := context.WithCancel(context.Background())
	var watching sync.WaitGroup
	watching.Go(func() { promoteWhereNobodyIs(ctx, t, redis) })
	t.Cleanup(func() {
		stop()
		watching.Wait()
	})
	for _, m := range c.nodes {
		m.args = append(m.args, "--engine", "redis", "--redis-url", "redis://"+strings.Join(urls, ","), "--cluster-node", m.name)
	}
	c.faults = append(c.faults,
		chaosFault{"master-kill", "the master is killed, and started again after 2 to 4 s", func(_ *member, random *rand.Rand) {
			master := redis.Master()
			master.Kill()
			time.Sleep(time.Duration(2000+random.IntN(2000)) * time.Millisecond)
			master.Restart()
		}},
		chaosFault{"master-stop", "the master hangs for 0.3 to 4 s", func(_ *member, random *rand.Rand) {
			master := redis.Master()
			master.Stop()
			time.Sleep(time.Duration(300+random.IntN(3700)) * time.Millisecond)
			master.Continue()
		}})
	c.start()
	return c
}

// promoteWhereNobodyIs does what an operator does where Sentinels cannot: on a busy machine, a master that comes back while another one is
// promoted can end with each server a replica of the other, and none that Sentinels would promote.
func promoteWhereNobodyIs(ctx context.Context, t *testing.T, redis *redistest.Watched) {
	for leaderless := time.Now(); ctx.Err() == nil; time.Sleep(500 * time.Millisecond) {
		for _, s := range redis.Servers {
			if !strings.Contains(s.Say("INFO replication"), "role:slave") {
				leaderless = time.Now()
			}
		}
		if time.Since(leaderless) < 10*time.Second {
			continue
		}
		named := redis.Sentinels[0].Say("SENTINEL GET-MASTER-ADDR-BY-NAME " + redis.Name)
		for _, s := range redis.Servers {
			if strings.Contains(named, s.Port()) {
				t.Logf("for 10 s all servers have been replicas of each other; %s, which Sentinels name, is promoted by hand", s.Addr)
				s.Say("REPLICAOF NO ONE")
			}
		}
	}
}

// awaitNoGhosts waits until the registry, in the Redis that is the master by now, has as many connections as there are: none, when all pages
// have left. What nodes have left behind that were killed is reaped within 15 s.
func (c *underChaos) awaitNoGhosts(redis *redistest.Watched) {
	c.t.Helper()
	client := redis.Master().Client()
	var ghosts []string
	for deadline := time.Now().Add(2 * patience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		answer := redistest.Do(c.t, client, "HKEYS", "{scenecast}:connections")
		if ghosts, _ = answer.AsStrSlice(); len(ghosts) == 0 {
			return
		}
	}
	c.t.Errorf("the registry has the connections %v, and there are none", ghosts)
}

func (f *fleet) index(m *member) int {
	for i := range f.nodes {
		if f.nodes[i] == m {
			return i
		}
	}
	panic("a node of another fleet")
}
