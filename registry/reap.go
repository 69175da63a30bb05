package registry

import (
	"context"
	_ "embed"
	"slices"
	"time"

	"github.com/redis/rueidis"
)

//go:embed reap.lua
var reapLua string

var reapScript = rueidis.NewLuaScript(reapLua)

// sweepEvery is how often the one node that reaps goes through the whole hash though it knows of no node that is gone: the set of nodes
// may have been lost, by eviction or by hand.
const sweepEvery = 10 * time.Minute

// reap deletes the fields of nodes that are gone, as long as this is the node that does. What fails is tried again: the writer tells
// of a Redis that is away.
func (r *Registry) reap(ctx context.Context) {
	e := &reaper{Registry: r}
	told := false // that something has failed
	for !r.pause(r.timing.reap) {
		if !r.up.Load() {
			continue
		}
		err := e.round(ctx)
		if err != nil && !told && r.up.Load() && ctx.Err() == nil {
			r.log.Warn("registry: nodes that are gone could not be looked for; that is tried again", "error", err)
		}
		told = err != nil
	}
}

type reaper struct {
	*Registry
	renewed time.Time // this node is the one that reaps: it was told so then
	swept   time.Time // the whole hash; zero: not since this is the node that reaps
}

// round looks for nodes that are gone, if this node is the one that reaps, or if none is.
func (e *reaper) round(ctx context.Context) error {
	mine, err := e.acquire(ctx)
	if err != nil || !mine {
		e.swept = time.Time{}
		return err
	}
	gone, err := e.gone(ctx)
	if err != nil || len(gone) == 0 && time.Since(e.swept) < sweepEvery && !e.swept.IsZero() {
		return err
	}
	if err := e.sweep(ctx); err != nil {
		return err
	}
	e.swept = time.Now()
	for _, node := range gone {
		if err := e.reapStep(ctx, node, nil); err != nil {
			return err
		}
	}
	if len(gone) > 0 {
		e.log.Info("registry: the connections of nodes that are gone were removed", "nodes", gone)
	}
	return nil
}

// acquire makes this the node that reaps, or has it stay the one.
func (e *reaper) acquire(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	c := *e.client.Load()
	lease := e.timing.reaper.Milliseconds()
	err := c.Do(ctx, c.B().Set().Key(e.keys.reaper).Value(e.node).Nx().PxMilliseconds(lease).Build()).Error()
	if err == nil || !rueidis.IsRedisNil(err) {
		e.renewed = time.Now()
		return err == nil, err
	}
	// Between these two another may become the one that reaps. Then two do for a while, which does no harm.
	holder, err := c.Do(ctx, c.B().Get().Key(e.keys.reaper).Build()).ToString()
	if err != nil || holder != e.node {
		if rueidis.IsRedisNil(err) {
			err = nil
		}
		return false, err
	}
	e.renewed = time.Now()
	return true, c.Do(ctx, c.B().Pexpire().Key(e.keys.reaper).Milliseconds(lease).Build()).Error()
}

// gone are the nodes of the set that have no lease.
func (e *reaper) gone(ctx context.Context) (gone []string, err error) {
	c := *e.client.Load()
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	nodes, err := c.Do(call, c.B().Smembers().Key(e.keys.nodes).Build()).AsStrSlice()
	if err != nil {
		return nil, err
	}
	for _, node := range nodes {
		alive, err := e.isAlive(ctx, node)
		if err != nil {
			return nil, err
		}
		if !alive {
			gone = append(gone, node)
		}
	}
	return gone, nil
}

// isAlive reports whether a node has a lease.
func (e *reaper) isAlive(ctx context.Context, node string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	c := *e.client.Load()
	n, err := c.Do(ctx, c.B().Exists().Key(e.keys.leaseOf(node)).Build()).AsInt64()
	return n > 0, err
}

// sweep deletes the fields of all nodes without a lease.
func (e *reaper) sweep(ctx context.Context) error {
	alive := make(map[string]bool)
	return e.scan(ctx, func(byNode map[string][]string) error {
		if time.Since(e.renewed) > e.timing.reap {
			if _, err := e.acquire(ctx); err != nil {
				return err
			}
		}
		for node, fields := range byNode {
			is, known := alive[node]
			if !known {
				var err error
				if is, err = e.isAlive(ctx, node); err != nil {
					return err
				}
				alive[node] = is
			}
			if is {
				continue
			}
			for chunk := range slices.Chunk(fields, scanFields) {
				if err := e.reapStep(ctx, node, chunk); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// reapStep deletes fields of a node, or without any forgets it, unless it has a lease.
func (e *reaper) reapStep(ctx context.Context, node string, fields []string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	args := append([]string{node}, fields...)
	return reapScript.Exec(ctx, *e.client.Load(), []string{e.keys.hash, e.keys.leaseOf(node), e.keys.nodes}, args).Error()
}
