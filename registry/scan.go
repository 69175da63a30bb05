package registry

import (
	"context"
	"fmt"

	"github.com/redis/rueidis"
)

// scan goes through the hash, in steps, and tells of the fields of each step by the nodes whose they are.
func (r *Registry) scan(ctx context.Context, step func(byNode map[string][]string) error) error {
	var cursor uint64
	for {
		found, err := r.scanStep(ctx, cursor)
		if err != nil {
			return fmt.Errorf("scanning %s: %w", r.keys.hash, err)
		}
		byNode := make(map[string][]string)
		for i := 0; i+1 < len(found.Elements); i += 2 {
			if node, ok := ownerOf(found.Elements[i+1]); ok {
				byNode[node] = append(byNode[node], found.Elements[i])
			}
		}
		if err := step(byNode); err != nil {
			return err
		}
		if cursor = found.Cursor; cursor == 0 {
			return nil
		}
	}
}

func (r *Registry) scanStep(ctx context.Context, cursor uint64) (rueidis.ScanEntry, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	c := *r.client.Load()
	return c.Do(ctx, c.B().Hscan().Key(r.keys.hash).Cursor(cursor).Count(scanFields).Build()).AsScanEntry()
}
