package churn

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"scenecast"
	"scenecast/client"
)

// page is a place among the pages of a run. One page after the other is there, or, where pages resume, the same one at one address after
// the other.
type page struct {
	run    *run
	number int
	leave  chan struct{} // holds a value when the page is to leave

	seen atomic.Uint64 // where it stands, as a sequence number
	here atomic.Bool   // it is connected

	open    stretch
	isOpen  bool
	lately  [remembered]uint64 // the last pushes that it was given, as a ring
	written int                // to lately
	next    int                // address
	came    bool               // it was connected once
}

// remembered is how many pushes a page knows again, to tell one that comes twice from one that comes late.
const remembered = 64

// awayAtMost is how long a page that comes back has been away: a random time up to that.
const awayAtMost = time.Second

// live is one visit after the other, until ctx ends.
func (p *page) live(ctx context.Context) {
	var since scenecast.Position
	id := ""
	failures := 0
	for ctx.Err() == nil {
		var stayed, lost bool
		since, id, stayed, lost = p.visit(ctx, since, id)
		if ctx.Err() != nil {
			break
		}
		p.next++
		if stayed {
			failures = 0
		}
		wait := time.Duration(0)
		switch {
		case lost:
			p.run.nodes[(p.next-1)%len(p.run.nodes)].lost.Add(1)
			wait = client.Backoff(failures, nil)
			failures++
		case p.run.options.Resume:
			wait = rand.N(awayAtMost)
		}
		if !p.run.options.Resume {
			p.end(false)
			since, id = scenecast.Position{}, ""
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
	p.end(p.here.Load() || p.run.options.Resume)
}

// end ends the stretch of the log that the page was to get, at the last push that it was given or, of pages that are here at the end
// of the run, at the end of the log.
func (p *page) end(atEnd bool) {
	if p.isOpen {
		p.open.end = atEnd
		p.run.ledger.close(p.open)
	}
	p.isOpen = false
}

// begin begins a stretch of the log behind a position.
func (p *page) begin(behind uint64) {
	p.open, p.isOpen = stretch{page: p.number, from: behind, to: behind}, true
}

// take counts a push that the page is given. welcomed is when this visit began.
func (p *page) take(n *node, push client.Push, welcomed time.Duration) {
	now := time.Since(p.run.clock)
	number, ok := p.run.envelope.Read(push.Data)
	if !ok {
		p.run.ledger.count(func(f *Faults) {
			f.Damaged++
			f.example("page %d got %.80q, which was not pushed", p.number, string(push.Data))
		})
		return
	}
	seq := push.Position.Seq
	sent := p.run.ledger.place(number, seq)
	if !p.isOpen {
		p.begin(seq - 1)
	}
	p.open.got++
	p.open.to = seq
	p.lately[p.written%remembered] = seq
	p.written++
	p.seen.Store(seq)
	n.deliver(now-sent, sent < welcomed)
}

// repeated counts a push that is not behind those that the page has.
func (p *page) repeated(n *node, push client.Push) {
	seq := push.Position.Seq
	isLate := p.isOpen && seq > p.open.from && seq > slices.Min(p.lately[:min(p.written, remembered)]) && !slices.Contains(p.lately[:], seq)
	if isLate {
		p.open.got++ // it is not lost
	}
	p.run.ledger.count(func(f *Faults) {
		if isLate {
			f.OutOfOrder++
		} else {
			f.Doubled++
		}
		f.example("page %d, which has the pushes up to %d, got that at %d from %s", p.number, p.open.to, seq, n.url.Host)
	})
}

// visit is one connection.
func (p *page) visit(ctx context.Context, since scenecast.Position, id string) (at scenecast.Position, pageID string, stayed, lost bool) {
	r := p.run
	node := &r.nodes[p.next%len(r.nodes)]
	visiting, leave := context.WithCancel(ctx)
	defer leave()
	begun := time.Now()
	var welcomed time.Duration
	options := client.PageOptions{
		URL: node.url.String(), Token: r.options.Token, Labels: map[string][]string{labelRun: {r.name}}, PageID: id, Since: since,
		OnWelcome: func(w client.Welcome) {
			welcomed = time.Since(r.clock)
			node.welcomes.Add(1)
			if since == (scenecast.Position{}) {
				p.begin(w.Position.Seq)
				p.seen.Store(w.Position.Seq)
			} else {
				r.resumes.Add(1)
			}
			p.here.Store(true)
			r.welcomed(p)
		},
		OnGap: func(g client.Gap) {
			r.ledger.count(func(f *Faults) {
				f.Gaps++
				f.example("page %d was told of a gap by %s: %s", p.number, node.url.Host, g.Reason)
			})
			if p.end(false); g.Dropped == 0 {
				p.begin(g.Position.Seq)
			} // else the next push is the first one that it did not miss
		},
		OnLost: func(err error, _ time.Duration) {
			lost = true
			r.tellLost(node, err)
			leave()
		},
		OnRepeated: func(push client.Push) { p.repeated(node, push) },
	}
	c, err := client.NewPage(options)
	if err != nil {
		r.tellLost(node, err)
		return since, id, false, true
	}
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		select {
		case <-p.leave:
			if p.here.Load() {
				r.left.Add(1)
			}
			leave()
		case <-stop:
		}
	}()
	err = c.Run(visiting, func(push client.Push) error {
		p.take(node, push, welcomed)
		return nil
	})
	if visiting.Err() == nil { // coming back would be in vain
		lost = true
		r.tellLost(node, err)
	}
	if ctx.Err() == nil {
		p.here.Store(false)
	}
	return c.Position(), c.PageID(), time.Since(begun) > time.Second, lost
}
