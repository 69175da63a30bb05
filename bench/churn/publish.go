package churn

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"scenecast"
	"scenecast/client"
	"scenecast/language"
)

const (
	callsPerNode = 8                     // at a time
	callTimeout  = 10 * time.Second      // of one call
	callAgain    = 20 * time.Millisecond // after one that has failed
	takenWithin  = 60 * time.Second      // a push that no node takes until then is given up
)

// publish pushes by the clock until pushing, which is a part of ctx, ends, and returns when all that was called for has been taken.
func (r *run) publish(ctx, pushing context.Context) {
	due := make(chan int)
	var calls sync.WaitGroup
	for range callsPerNode * len(r.nodes) {
		calls.Go(func() {
			for turn := range due {
				r.push(ctx, turn)
			}
		})
	}
	interval := time.Second / time.Duration(r.options.Rate)
	next := time.Now()
	for turn := 0; pushing.Err() == nil; turn++ {
		select {
		case <-time.After(time.Until(next)):
		case <-pushing.Done():
			continue
		}
		select {
		case due <- turn:
		case <-pushing.Done():
		}
		if next = next.Add(interval); time.Since(next) > time.Second { // what could not be pushed is not pushed all at once
			next = time.Now()
		}
		r.options.Progress(language.Textf("%d pushes", turn+1))
	}
	close(due)
	calls.Wait()
}

// push pushes the next message, at one node after the other until one takes it.
func (r *run) push(ctx context.Context, turn int) {
	begun := time.Now()
	number := r.ledger.add(time.Since(r.clock))
	to, _ := json.Marshal(map[string]string{labelRun: r.name}) // a text
	request := client.PushRequest{To: to, Message: r.envelope.Write(number), IdempotencyKey: fmt.Sprintf("%s-%d", r.name, number)}
	var err error
	for ; time.Since(begun) < takenWithin && ctx.Err() == nil; turn++ {
		n := &r.nodes[turn%len(r.nodes)]
		var at scenecast.Position
		if at, err = r.call(ctx, n, request); err == nil {
			n.taken.Add(1)
			r.ledger.place(number, at.Seq)
			return
		}
		n.failed.Add(1)
		select {
		case <-time.After(callAgain):
		case <-ctx.Done():
		}
	}
	r.ledger.count(func(f *Faults) {
		f.NotTaken++
		f.example("the push %d: %v", number, err)
	})
}

func (r *run) call(ctx context.Context, n *node, request client.PushRequest) (at scenecast.Position, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	backend := client.Backend{URL: n.url.String(), Key: r.options.Key, HTTP: r.http, Attempts: 1} // push tries another node
	result, err := backend.Push(ctx, request)
	if err != nil {
		return at, err
	}
	return scenecast.ParsePosition(result.Position)
}
