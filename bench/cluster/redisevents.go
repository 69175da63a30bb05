package main

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"time"
)

// redisEvents measures what happens to nodes on Redis: it loses all that it has, or its master dies under Sentinels.
func redisEvents(ctx context.Context, binary string, note func(string, float64)) error {
	r, err := start(ctx, binary, setups[slices.IndexFunc(setups, func(s setup) bool { return s.redis })])
	if err != nil {
		return err
	}
	defer r.stop()
	var failed error
	pause, err := r.pause(ctx, []int{0, 1, 2}, func() {
		before := r.redis[0]
		before.kill()
		var again *redis
		if again, failed = startData(ctx, r.dir, before.addr); again != nil {
			r.redis[0] = again
		}
	})
	if err = errors.Join(err, failed); err != nil {
		return err
	}
	note("Redis killed and started again, empty: longest time without publishes, s", pause.Seconds())
	r.stop()
	return failover(ctx, binary, note)
}

// failover kills the master. The time counts from when the replica says that it is one: until then nobody can write anywhere.
func failover(ctx context.Context, binary string, note func(string, float64)) error {
	dir, err := os.MkdirTemp("", "scenecast-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	ports, err := reservePorts(5)
	if err != nil {
		return err
	}
	defer releasePorts(ports)
	watched, err := startWatched(ctx, dir, ports)
	defer func() {
		for _, s := range watched {
			s.kill()
		}
	}()
	if err != nil {
		return err
	}
	var sentinels []string
	for _, s := range watched[2:] {
		sentinels = append(sentinels, s.addr)
	}
	r, err := start(ctx, binary, setup{
		name: "redis, Sentinels", nodes: 3, args: []string{"--engine", "redis", "--redis-url", "redis://" + strings.Join(sentinels, ",")},
		env: []string{"SCENECAST_REDIS_SENTINEL_MASTER=" + watchedMaster},
	})
	if err != nil {
		return err
	}
	defer r.stop()
	var killed, promoted time.Time
	answered, err := r.answered(ctx, []int{0, 1, 2}, func() {
		watched[0].kill()
		killed = time.Now()
		if watched[1].await("ROLE", "master") == nil {
			promoted = time.Now()
		}
	})
	if err != nil {
		return err
	}
	next := slices.IndexFunc(answered, func(at time.Time) bool { return at.After(promoted) })
	if promoted.IsZero() || next < 0 {
		return errors.New("no replica was promoted, or no publish was answered after it was")
	}
	note("the master killed: promoted by Sentinels after, s", promoted.Sub(killed).Seconds())
	note("the master killed: publishes again after it was promoted, s", answered[next].Sub(promoted).Seconds())
	return nil
}
