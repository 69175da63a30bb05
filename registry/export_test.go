package registry

import "time"

// Fast has a registry do everything much more often.
func (o Options) Fast() Options {
	o.timing = timing{
		gather: 2 * time.Millisecond,
		renew:  100 * time.Millisecond,
		lease:  600 * time.Millisecond,
		hash:   time.Second,
		reap:   100 * time.Millisecond,
		reaper: 300 * time.Millisecond,
		retry:  20 * time.Millisecond,
	}
	return o
}

// Kill ends a registry as the death of its process does: nothing more is written.
func (r *Registry) Kill() {
	r.abort()
	close(r.stopping)
	r.running.Wait()
	if c := r.client.Load(); c != nil {
		(*c).Close()
	}
}

// Noted is how many connections the table has, and how many changes of them are noted as not written.
func (r *Registry) Noted() (entries, changes int) {
	r.table.mu.Lock()
	defer r.table.mu.Unlock()
	return len(r.table.entries), len(r.table.dirty)
}
