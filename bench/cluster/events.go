package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// event is what was measured of something that happens to a cluster, or of one to which nothing happens.
type event struct {
	name   string
	values []float64
}

// events measures what does not depend on a load: starting, being idle, nodes that die.
func events(ctx context.Context, binary string, rounds int, only string) error {
	var all []*event
	note := func(name string, value float64) {
		i := slices.IndexFunc(all, func(e *event) bool { return e.name == name })
		if i < 0 {
			i = len(all)
			all = append(all, &event{name: name})
		}
		all[i].values = append(all[i].values, value)
		fmt.Fprintf(os.Stderr, "%s: %.2f\n", name, value)
	}
	for range rounds {
		if only != "redis" {
			if err := eventsRound(ctx, binary, note); err != nil {
				return err
			}
		}
		if only != "nats" {
			if err := redisEvents(ctx, binary, note); err != nil {
				return err
			}
		}
	}
	fmt.Println("| | median | each round |")
	fmt.Println("|---|---|---|")
	for _, e := range all {
		var each []string
		for _, v := range e.values {
			each = append(each, strconv.FormatFloat(v, 'f', 2, 64))
		}
		slices.Sort(e.values)
		fmt.Printf("| %s | %.2f | %s |\n", e.name, e.values[len(e.values)/2], strings.Join(each, ", "))
	}
	return nil
}

// How long servers are idle before and while it is measured what that costs.
const (
	settle = 2 * time.Second
	idle   = 10 * time.Second
)

func eventsRound(ctx context.Context, binary string, note func(string, float64)) error {
	alone, err := start(ctx, binary, setups[0])
	if err != nil {
		return err
	}
	time.Sleep(settle)
	memory := alone.memory()
	alone.stop()

	three := setups[slices.IndexFunc(setups, func(s setup) bool { return s.nodes == 3 })]
	begun := time.Now()
	r, err := start(ctx, binary, three)
	if err != nil {
		return err
	}
	defer r.stop()
	note("start of three, s", time.Since(begun).Seconds())
	time.Sleep(settle)
	used := r.cpu()
	time.Sleep(idle)
	note("idle: CPU per node, % of a core", 100*float64(r.cpu()-used)/float64(idle)/3)
	note("idle: memory per node above the memory engine, MiB", r.memory()/3-memory)

	leader, err := r.leader(ctx)
	if err != nil {
		return err
	}
	follower := (leader + 1) % 3
	pause, err := r.pause(ctx, []int{leader, (leader + 2) % 3}, func() { r.kill(follower) })
	if err != nil {
		return err
	}
	note("a follower killed: longest time without publishes, s", pause.Seconds())
	warm := &publisher{url: r.urls[leader], load: load{batch: 250}, nodes: 2}
	for range 400 {
		if err := warm.publish(ctx, time.Now()); err != nil {
			return err
		}
	}
	begun = time.Now()
	if err := r.restart(follower); err != nil {
		return err
	}
	note("a node that starts and reads 100,000 pushes: ready after, s", time.Since(begun).Seconds())

	time.Sleep(settle)
	if leader, err = r.leader(ctx); err != nil { // a node that comes back may have had a leader elected
		return err
	}
	follower = (leader + 1) % 3
	pause, err = r.pause(ctx, []int{leader, (leader + 2) % 3}, func() { _ = hang(r.cmds[follower].Process) })
	if err != nil {
		return err
	}
	note("a follower hangs: longest time without publishes, s", pause.Seconds())
	_ = resume(r.cmds[follower].Process)
	time.Sleep(settle)

	if leader, err = r.leader(ctx); err != nil {
		return err
	}
	pause, err = r.pause(ctx, []int{(leader + 1) % 3, (leader + 2) % 3}, func() { r.kill(leader) })
	if err != nil {
		return err
	}
	note("the leader killed: longest time without publishes, s", pause.Seconds())
	return nil
}

// leader is which server leads the log.
func (r *servers) leader(ctx context.Context) (int, error) {
	request, _ := http.NewRequestWithContext(ctx, http.MethodGet, r.urls[0]+"/v1/nodes", nil)
	request.Header.Set("Authorization", "Bearer "+key)
	answer, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	var nodes struct{ Log struct{ Leader string } }
	if err := json.NewDecoder(answer.Body).Decode(&nodes); err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimPrefix(nodes.Log.Leader, "n"))
}

// pause publishes some 1,000 times a second to the servers at these places, has something happen, and returns the longest time in which no
// publish was answered by 200.
func (r *servers) pause(ctx context.Context, at []int, happen func()) (longest time.Duration, err error) {
	answered, err := r.answered(ctx, at, happen)
	for i := 1; i < len(answered); i++ {
		longest = max(longest, answered[i].Sub(answered[i-1]))
	}
	return longest, err
}

// answered is when publishes were answered by 200, in order, from just before something happens.
func (r *servers) answered(ctx context.Context, at []int, happen func()) (answered []time.Time, err error) {
	const publishers, interval = 4, 8 * time.Millisecond
	ctx, cancel := context.WithTimeout(ctx, 8*time.Second)
	defer cancel()
	var mu sync.Mutex
	var running sync.WaitGroup
	for _, i := range at {
		for range publishers {
			p := &publisher{url: r.urls[i], load: load{batch: 1}, nodes: 3}
			running.Go(func() {
				for ctx.Err() == nil {
					if err := p.publish(ctx, time.Now()); err == nil {
						mu.Lock()
						answered = append(answered, time.Now())
						mu.Unlock()
					}
					time.Sleep(interval)
				}
			})
		}
	}
	time.Sleep(time.Second)
	mu.Lock()
	answered = answered[max(0, len(answered)-1):]
	mu.Unlock()
	happen()
	running.Wait()
	if len(answered) == 0 || time.Since(answered[len(answered)-1]) > time.Second {
		return nil, errors.New("no publish is answered any more")
	}
	return answered, nil
}
