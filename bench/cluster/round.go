package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// result is what a round has measured.
type result struct {
	perSecond    float64
	page, answer spread  // ms
	cpu          float64 // µs per push, of the nodes
	redisCPU     float64 // … and of Redis
	partial      int     // pushes that not every node has answered
}

// spread is how long something took.
type spread struct{ p50, p99 float64 }

func spreadOf(took []time.Duration) spread {
	if len(took) == 0 {
		return spread{}
	}
	slices.Sort(took)
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	return spread{ms(took[len(took)/2]), ms(took[len(took)*99/100])}
}

// round starts the servers, has publishers publish for a while, and reads what comes to a page of the last node.
func round(ctx context.Context, binary string, s setup, l load, duration time.Duration) (result, error) {
	r, err := start(ctx, binary, s)
	if err != nil {
		return result{}, err
	}
	defer r.stop()
	page, err := listen(ctx, r.urls[len(r.urls)-1])
	if err != nil {
		return result{}, err
	}
	defer page.stop()
	to := r.urls[:1]
	if l.everywhere {
		to = r.urls
	}
	var publishers []*publisher
	for range l.publishers {
		for _, u := range to {
			publishers = append(publishers, &publisher{url: u, load: l, nodes: s.nodes})
		}
	}
	warm := &publisher{url: to[0], load: l, nodes: s.nodes}
	for range 20 {
		if err := warm.publish(ctx, time.Now()); err != nil {
			return result{}, err
		}
	}
	page.reset()
	r.profile(s.name+" "+l.name, duration)
	used, usedByRedis, begun := r.cpu(), r.redisCPU(), time.Now()
	var running sync.WaitGroup
	for i, p := range publishers {
		running.Go(func() { p.run(ctx, begun.Add(duration), l.rate/len(publishers), i, len(publishers)) })
	}
	running.Wait()
	took := time.Since(begun)
	cpu, redisCPU := r.cpu()-used, r.redisCPU()-usedByRedis
	var out result
	var answers []time.Duration
	pushes := 0
	for _, p := range publishers {
		if p.err != nil {
			return result{}, p.err
		}
		pushes += p.pushes
		out.partial += p.partial
		answers = append(answers, p.answers...)
	}
	got := page.await(pushes)
	if len(got) != pushes {
		return result{}, fmt.Errorf("the page got %d of %d pushes (%w)", len(got), pushes, page.ended())
	}
	out.perSecond = float64(pushes) / took.Seconds()
	out.page, out.answer = spreadOf(got), spreadOf(answers)
	out.cpu = float64(cpu) / float64(time.Microsecond) / float64(pushes)
	out.redisCPU = float64(redisCPU) / float64(time.Microsecond) / float64(pushes)
	return out, nil
}

// publisher publishes to one node.
type publisher struct {
	url     string
	load    load
	nodes   int
	pushes  int
	partial int
	answers []time.Duration
	err     error
}

// run publishes until then. Where there is a rate, the publishers take turns: nobody's calls come in step by themselves.
func (p *publisher) run(ctx context.Context, until time.Time, rate, place, of int) {
	var interval time.Duration
	if rate > 0 {
		interval = time.Duration(p.load.batch) * time.Second / time.Duration(rate)
	}
	next := time.Now().Add(interval * time.Duration(place) / time.Duration(of))
	for time.Now().Before(until) && ctx.Err() == nil {
		if rate > 0 {
			time.Sleep(time.Until(next))
			next = next.Add(interval)
		}
		begun := time.Now()
		if p.err = p.publish(ctx, begun); p.err != nil {
			return
		}
		p.answers = append(p.answers, time.Since(begun))
	}
}

var client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}}

// publish makes one call. Its pushes carry the time at which it began.
func (p *publisher) publish(ctx context.Context, begun time.Time) error {
	push := `{"to":{"page":"home"},"message":{"at":` + strconv.FormatInt(begun.UnixNano(), 10) + `,"text":"` + strings.Repeat("x", 100) + `"}}`
	body := push
	if p.load.batch > 1 {
		body = "[" + strings.TrimSuffix(strings.Repeat(push+",", p.load.batch), ",") + "]"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url+"/v1/push", strings.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+key)
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %.200s (%w)", answer.Status, text, err)
	}
	var results []struct{ Matched, Nodes int }
	if p.load.batch == 1 {
		results = make([]struct{ Matched, Nodes int }, 1)
		err = json.Unmarshal(text, &results[0])
	} else {
		err = json.Unmarshal(text, &results)
	}
	if err != nil {
		return err
	}
	for _, r := range results {
		if r.Nodes != p.nodes {
			p.partial++
		}
	}
	p.pushes += len(results)
	return nil
}

// page reads an event stream.
type page struct {
	cancel context.CancelFunc
	mu     sync.Mutex
	took   []time.Duration
	err    error // that ended the stream
	done   chan struct{}
}

func listen(ctx context.Context, at string) (*page, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at+"/v1/events?page=home&token="+url.QueryEscape(token), nil)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	answer, err := http.DefaultClient.Do(request.WithContext(ctx)) //nolint:bodyclose // whoever reads the stream closes it
	if err != nil {
		cancel()
		return nil, err
	}
	p := &page{cancel: cancel, done: make(chan struct{})}
	lines := bufio.NewReaderSize(answer.Body, 1<<20)
	if _, err := lines.ReadString('\n'); err != nil || answer.StatusCode != http.StatusOK {
		cancel()
		_ = answer.Body.Close()
		return nil, fmt.Errorf("listen: %s (%w)", answer.Status, err)
	}
	go func() {
		defer close(p.done)
		defer answer.Body.Close()
		prefix := []byte(`data: {"at":`)
		for {
			line, err := lines.ReadSlice('\n')
			if err != nil {
				p.mu.Lock()
				p.err = err
				p.mu.Unlock()
				return
			}
			if rest, ok := bytes.CutPrefix(line, prefix); ok {
				number, _, _ := bytes.Cut(rest, []byte(","))
				at, _ := strconv.ParseInt(string(number), 10, 64)
				took := time.Since(time.Unix(0, at))
				p.mu.Lock()
				p.took = append(p.took, took)
				p.mu.Unlock()
			}
		}
	}()
	return p, nil
}

// reset forgets what has come, once nothing more comes.
func (p *page) reset() {
	for before := -1; ; {
		p.mu.Lock()
		n := len(p.took)
		if n == before {
			p.took = nil
			p.mu.Unlock()
			return
		}
		before = n
		p.mu.Unlock()
		time.Sleep(100 * time.Millisecond)
	}
}

// await waits until so many have come, or for 5 s.
func (p *page) await(n int) (took []time.Duration) {
	for range 50 {
		p.mu.Lock()
		took = slices.Clone(p.took)
		p.mu.Unlock()
		if len(took) >= n {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	return took
}

func (p *page) ended() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

func (p *page) stop() {
	p.cancel()
	<-p.done
}
