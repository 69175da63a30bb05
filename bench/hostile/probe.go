package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

const (
	probePages    = 8
	probeInterval = 20 * time.Millisecond
	probePatience = 2 * time.Minute // for a ping's answer
)

// roundTrips are those of healthy pages in one measurement.
type roundTrips struct{ p50, p99, max time.Duration }

// probe is pages that ping and do nothing else.
type probe struct{ pages []*probePage }

// probePage is one of them. A goroutine reads it until it is closed.
type probePage struct {
	*page
	pongs  chan int      // the id of each
	closed chan struct{} // when nothing more comes; then err is why
	err    error
	pinged int
}

func openProbe(ctx context.Context, t *target) (*probe, error) {
	p := new(probe)
	for range probePages {
		c, err := dial(ctx, t.address, native, "page=healthy")
		if err != nil {
			p.close()
			return nil, err
		}
		page := &probePage{page: c, pongs: make(chan int, 1), closed: make(chan struct{})}
		go page.listen()
		p.pages = append(p.pages, page)
	}
	return p, nil
}

func (p *probe) close() {
	for _, page := range p.pages {
		page.close()
		<-page.closed
	}
}

// listen tells of the pongs. Everything else that comes is of no interest.
func (p *probePage) listen() {
	defer close(p.closed)
	for {
		f, err := p.read()
		if err != nil {
			p.err = err
			return
		}
		if f.op == opClose {
			_, _ = p.conn.Write(masked(0x80|opClose, f.payload))
			p.err = errors.New(f.closing())
			return
		}
		var id int
		if _, err := fmt.Sscanf(string(f.payload), `{"type":"pong","id":%d,`, &id); err == nil {
			p.pongs <- id
		}
	}
}

// measure pings for so long. A ping without an answer by then is waited for: the longest stalls are what this is about.
func (p *probe) measure(ctx context.Context, duration time.Duration) (roundTrips, error) {
	ctx, stop := context.WithTimeout(ctx, duration)
	defer stop()
	var running sync.WaitGroup
	all := make([]*hdrhistogram.Histogram, len(p.pages))
	errs := make([]error, len(p.pages))
	for i, page := range p.pages {
		all[i] = hdrhistogram.New(1, probePatience.Microseconds(), 3)
		running.Go(func() {
			time.Sleep(time.Duration(i) * probeInterval / probePages) // so that they take turns
			errs[i] = page.pingUntil(ctx.Done(), all[i])
		})
	}
	running.Wait()
	for _, h := range all[1:] {
		all[0].Merge(h)
	}
	at := func(quantile float64) time.Duration {
		return time.Duration(all[0].ValueAtQuantile(quantile)) * time.Microsecond
	}
	// One page that is lost is enough to say; all eight would say the same.
	for _, err := range errs {
		if err != nil {
			return roundTrips{at(50), at(99), at(100)}, err
		}
	}
	return roundTrips{at(50), at(99), at(100)}, nil
}

func (p *probePage) pingUntil(done <-chan struct{}, h *hdrhistogram.Histogram) error {
	tick := time.NewTicker(probeInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-p.closed:
			return p.err
		case <-done:
			return nil
		}
		took, err := p.ping()
		if err != nil {
			return err
		}
		_ = h.RecordCorrectedValue(max(took.Microseconds(), 1), probeInterval.Microseconds()) // within the bounds by probePatience
	}
}

// ping waits for its answer.
func (p *probePage) ping() (time.Duration, error) {
	p.pinged++
	began := time.Now()
	if _, err := p.conn.Write(text(`{"type":"ping","id":` + strconv.Itoa(p.pinged) + `}`)); err != nil {
		return 0, err
	}
	select {
	case id := <-p.pongs:
		if id != p.pinged {
			return 0, fmt.Errorf("the answer to ping %d has the id %d", p.pinged, id)
		}
		return time.Since(began), nil
	case <-p.closed:
		return 0, errors.Join(p.err, io.EOF)
	case <-time.After(probePatience):
		return 0, fmt.Errorf("no answer to a ping within %v", probePatience)
	}
}
