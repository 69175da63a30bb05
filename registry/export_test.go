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

// Patient is Fast for a node that counts as gone only after a minute, as a test on a busy machine may be kept waiting.
func (o Options) Patient() Options {
	o = o.Fast()
	o.timing.lease, o.timing.hash = time.Minute, 2*time.Minute
	return o
}

// Unhurried undoes Fast.
func (o Options) Unhurried() Options {
	o.timing = timing{}
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

// HandedOver is how long the list is of what the loops have handed over.
func (r *Registry) HandedOver() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.events)
}
