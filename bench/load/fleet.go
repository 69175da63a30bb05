package load

import (
	"bytes"
	"context"
	"net/netip"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"scenecast/language"
)

// atOnce is how many pages connect at a time: fewer than a listener's queue has room for.
const atOnce = 128

// transport makes the pages' connections and reads them. It feeds a page under its shard's lock, and tells the fleet of
// each that is lost.
type transport interface {
	// open begins a page's connection, and sends this request on it. An invalid source leaves the choice to the system.
	open(p *page, request []byte, source netip.Addr) error
	// close ends all connections, and returns when nothing is read any more.
	close()
}

// fleet is the pages of a run.
type fleet struct {
	handshake handshake
	envelope  Envelope
	ledger    *ledger
	clock     time.Time // what a page's time is counted from
	patience  time.Duration
	sources   sources
	dialect   Dialect
	labels    func(page int) url.Values
	stalling  int // the first so many pages are those that stall makes stop; their latencies are nobody's business

	transport transport
	shards    []*shard
	pages     []page
	connected atomic.Int64
	places    chan struct{} // one for each page that is connecting
	changed   chan struct{} // told of every loss, and when all are connected
	closing   atomic.Bool

	mu      sync.Mutex
	failure error // the first loss
	strayed int   // messages that are none of this run's
}

// newPages makes the pages, dealt out to this many shards.
func (f *fleet) newPages(n, shards int) {
	f.places = make(chan struct{}, atOnce)
	f.changed = make(chan struct{}, 1)
	for range shards {
		f.shards = append(f.shards, &shard{latencies: NewHistogram()})
	}
	f.pages = make([]page, n)
	for i := range f.pages {
		f.pages[i] = page{fleet: f, shard: f.shards[i%shards], number: int32(i), fd: -1}
	}
}

// connect opens all pages and waits for their welcomes. The first page that fails ends it.
func (f *fleet) connect(ctx context.Context, progress func(connected int)) error {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	seen, last := int64(0), time.Now()
	for next := 0; ; {
		if err := f.failed(); err != nil {
			return language.Errorf("%d of %d pages are connected, then: %w", f.connected.Load(), len(f.pages), err)
		}
		connected := f.connected.Load()
		if connected == int64(len(f.pages)) {
			progress(int(connected))
			return nil
		}
		free := f.places
		if next == len(f.pages) {
			free = nil
		}
		select {
		case free <- struct{}{}:
			p := &f.pages[next]
			if err := f.transport.open(p, f.handshake.request(f.dialect.Target(f.labels(next))), f.sources.of(next)); err != nil {
				f.lost(p, err)
			}
			next++
		case <-f.changed:
		case <-tick.C:
			progress(int(connected))
			if connected > seen {
				seen, last = connected, time.Now()
			}
			if time.Since(last) > f.patience {
				return language.Errorf("%d of %d pages are connected, and none within %v since", connected, len(f.pages), f.patience)
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// welcomed says that one more page is open.
func (f *fleet) welcomed() {
	<-f.places
	if f.connected.Add(1) == int64(len(f.pages)) {
		f.wake()
	}
}

// lost says that a page's connection has ended.
func (f *fleet) lost(p *page, err error) {
	if f.closing.Load() {
		return
	}
	f.mu.Lock()
	if f.failure == nil {
		f.failure = language.Errorf("page %d: %w", p.number, err)
	}
	f.mu.Unlock()
	f.ledger.fault(&f.ledger.faults.Closed, "page %d: %v", p.number, err)
	f.wake()
}

func (f *fleet) wake() {
	select {
	case f.changed <- struct{}{}:
	default:
	}
}

func (f *fleet) failed() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.failure
}

// strange notes a message that is not as it was sent, or is somebody else's.
func (f *fleet) strange(p *page, message []byte) {
	if bytes.Contains(message, f.envelope.head) {
		f.ledger.fault(&f.ledger.faults.Damaged, "page %d got the damaged message %.200q", p.number, string(message))
		return
	}
	f.mu.Lock()
	f.strayed++
	f.mu.Unlock()
}

// foreign is how many messages came that are none of this run's.
func (f *fleet) foreign() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.strayed
}

// staller is a transport that can leave a page's bytes unread.
type staller interface {
	stall(p *page) error
}

// stall has the first pages stop reading, for good.
func (f *fleet) stall() error {
	t, can := f.transport.(staller)
	if !can {
		return language.NewError("pages that never read are to be had on Linux alone, and without TLS")
	}
	for i := range f.stalling {
		if err := t.stall(&f.pages[i]); err != nil {
			return err
		}
	}
	return nil
}

// close ends all pages.
func (f *fleet) close() {
	f.closing.Store(true)
	f.transport.close()
}

// await waits until nothing is to come any more. False: nothing came for as long as patience allows.
func (f *fleet) await(ctx context.Context) (bool, error) {
	check := time.NewTicker(f.patience)
	defer check.Stop()
	before := int64(-1)
	for {
		open := f.ledger.open.Load()
		if open == 0 {
			return true, nil
		}
		select {
		case <-f.ledger.none:
		case <-check.C:
			if open == before {
				return false, nil
			}
			before = open
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
}
