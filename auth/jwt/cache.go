package jwt

import (
	"crypto/sha256"
	"sync"
)

// cache keeps the tokens that were verified last, by their digests: between half of its size and all of it. Its methods may be called
// concurrently.
type cache struct {
	size int // how many tokens, at most

	mu         sync.Mutex
	newer      map[digest]*verified
	older      map[digest]*verified // what was not asked for since newer was empty is forgotten first
	generation uint64               // rises when everything is forgotten
}

type digest [sha256.Size]byte

func (c *cache) get(d digest) *verified {
	c.mu.Lock()
	defer c.mu.Unlock()
	v := c.newer[d]
	if v == nil {
		if v = c.older[d]; v != nil {
			c.put(d, v)
		}
	}
	return v
}

// add keeps a token that was verified by keys of this generation. Of another one it is not kept: a key may be gone since.
func (c *cache) add(d digest, v *verified, generation uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if generation == c.generation {
		c.put(d, v)
	}
}

// put, with mu held, keeps a token among the newer ones.
func (c *cache) put(d digest, v *verified) {
	if len(c.newer) >= c.size/2 {
		c.older, c.newer = c.newer, nil
	}
	if c.newer == nil {
		c.newer = make(map[digest]*verified)
	}
	c.newer[d] = v
}

func (c *cache) now() (generation uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.generation
}

// clear forgets everything.
func (c *cache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.newer, c.older = nil, nil
	c.generation++
}

func (c *cache) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.newer) + len(c.older)
}
