package main_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"scenecast"
	"scenecast/client"
)

// dribble is a page that sends its messages in two halves, with a pause in the midst of the frame, and awaits the answer to each, until it is
// told to end. It returns how many were answered.
func (r *relay) dribble(ctx context.Context) (answered int, err error) {
	c, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		return 0, err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * patience))
	in := bufio.NewReader(c)
	dialer := ws.Dialer{
		Protocols: []string{"scenecast.v1"},
		NetDial:   func(context.Context, string, string) (net.Conn, error) { return &readerConn{c, in}, nil },
	}
	if _, _, _, err := dialer.Dial(ctx, "ws"+strings.TrimPrefix(r.url, "http")+"/v1/connect?page=other&token="+fleetToken); err != nil {
		return 0, err
	}
	for ; ctx.Err() == nil; answered++ {
		frame := ws.MustCompileFrame(ws.MaskFrame(ws.NewTextFrame(fmt.Appendf(nil, `{"type":"ping","id":"%d"}`, answered))))
		cut := 1 + answered%(len(frame)-1)
		if _, err := c.Write(frame[:cut]); err != nil {
			return answered, err
		}
		time.Sleep(time.Duration(answered%20) * time.Millisecond)
		if _, err := c.Write(frame[cut:]); err != nil {
			return answered, err
		}
		for {
			head, err := ws.ReadHeader(in)
			payload := make([]byte, head.Length)
			if err == nil {
				_, err = io.ReadFull(in, payload)
			}
			if err != nil {
				return answered, err
			}
			if head.OpCode == ws.OpText && strings.Contains(string(payload), fmt.Sprintf(`"pong","id":"%d"`, answered)) {
				break
			}
			if head.OpCode == ws.OpClose {
				return answered, fmt.Errorf("closed: %q", payload)
			}
		}
	}
	return answered, nil
}

// readerConn is a connection of which something is buffered.
type readerConn struct {
	net.Conn
	r io.Reader
}

// Read implements io.Reader.
func (c *readerConn) Read(p []byte) (int, error) { return c.r.Read(p) }

// comeBack is a page that leaves again and again and comes back for what it has missed, until it is told to end: it gets every number once, in
// order.
func (r *relay) comeBack(ctx context.Context, id string, random *rand.Rand, got *atomic.Int64) error {
	since, last := scenecast.Position{}, 0
	for ctx.Err() == nil {
		stay, leave := context.WithCancel(ctx)
		var wrong error
		page, err := client.NewPage(client.PageOptions{
			URL: r.url, Token: fleetToken, PageID: id, Labels: map[string][]string{"page": {"home"}}, Since: since,
			OnWelcome: func(w client.Welcome) {
				time.AfterFunc(time.Duration(20+random.IntN(200))*time.Millisecond, leave)
			},
			OnGap: func(g client.Gap) { wrong = fmt.Errorf("a gap: %s", g.Reason) },
		})
		if err != nil {
			leave()
			return err
		}
		_ = page.Run(stay, func(push client.Push) error {
			var n int
			if err := json.Unmarshal(push.Data, &n); err != nil {
				return err
			}
			if last > 0 && n != last+1 && wrong == nil {
				wrong = fmt.Errorf("%d behind %d", n, last)
			}
			last = n
			got.Store(int64(n))
			return nil
		})
		leave()
		if since = page.Position(); wrong != nil {
			return wrong
		}
	}
	return nil
}

// TestHandoverChaos has processes take over from each other in a row, while at each handover one of the two may be killed or stopped at a step of
// it, and the other goes on. Pages that stand, read slowly, send half frames, and are coming back for what they have missed notice nothing, and
// pushes are answered, also those whose publisher waits for acknowledgements. Faults by which pages must come back have a test of their own
// (TestHandoverFaults). With -handover-other, which must have the fault points too, it is two versions in turns.
func TestHandoverChaos(t *testing.T) {
	t.Parallel()
	faulty, err := faultyBinary()
	if err != nil {
		t.Fatal(err)
	}
	var faults []string
	for _, f := range handoverFaults {
		if f.has != nobody && f.fault != "stop:old.ready" && (*handoverOther == "" || !strings.HasSuffix(f.fault, "old.ready")) { // a version may be older than what it does at a death
			faults = append(faults, f.fault)
		}
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	random.Shuffle(len(faults), func(i, j int) { faults[i], faults[j] = faults[j], faults[i] })
	r := newRelay(t)
	current := r.start(faulty, "")
	r.awaitLog("another process can take over", 1)
	pages, end := r.crowdOf(20)
	defer end()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var others sync.WaitGroup
	got := make([]atomic.Int64, 4)
	for i := range got {
		id, random := fmt.Sprint("comes-back-", i), rand.New(rand.NewPCG(seed, uint64(i+2)))
		others.Go(func() {
			if err := r.comeBack(ctx, id, random, &got[i]); err != nil {
				t.Errorf("%s: %v", id, err)
			}
		})
		others.Go(func() {
			if n, err := r.dribble(ctx); err != nil && ctx.Err() == nil || n == 0 {
				t.Errorf("a page that sends half frames ends after %d: %v", n, err)
			}
		})
	}
	stop := r.pushAll()
	killed, done := 0, 0
	for round := 0; done < *handoverRounds && !t.Failed(); round++ {
		if round > 6**handoverRounds {
			t.Fatalf("%d handovers of %d", done, round)
		}
		program := faulty
		if *handoverOther != "" && round%2 == 0 {
			program = *handoverOther
		}
		fault, oldFault := "", false
		if len(faults) > 0 && round%3 != 2 {
			fault, faults = faults[0], faults[1:]
			oldFault = strings.Contains(fault, ":old.")
		}
		if oldFault { // the running process has it from its start: one that is in order takes over first, and has it
			next := r.start(program, strings.Replace(fault, "pause", "stop", 1))
			if !r.settled(current, next) {
				continue
			}
			current, done = next, done+1
			fault = strings.Replace(fault, "stop", "pause", 1)
		}
		next := r.start(program, map[bool]string{false: strings.Replace(fault, "pause", "stop", 1)}[oldFault])
		faulted := next
		if oldFault {
			faulted = current
		}
		if strings.HasPrefix(fault, "pause") || strings.HasPrefix(fault, "stop") {
			r.await("a process stops, or the attempt ends before", func() bool { return faulted.isStopped() || r.hasEnded(current, next) })
			if strings.HasPrefix(fault, "stop") {
				attempts := strings.Count(r.log.String(), gaveUp)
				r.await("the other one gives up", func() bool {
					return strings.Count(r.log.String(), gaveUp) > attempts || r.hasEnded(current, next) || !faulted.isStopped()
				})
			}
			_ = faulted.Process.Signal(syscall.SIGCONT)
		}
		if strings.HasPrefix(fault, "kill") {
			killed++
		}
		if r.settled(current, next) {
			current, done = next, done+1
		}
	}
	sent := stop()
	r.check(pages, sent)
	for i := range got {
		r.await("pages that come back have everything", func() bool { return got[i].Load() == int64(sent) || t.Failed() })
	}
	cancel()
	others.Wait()
	t.Logf("%d handovers, %d kills, %d pushes", done, killed, sent)
	_ = current.Process.Signal(syscall.SIGTERM)
	_ = current.await(t)
}

// settled waits until one of two processes has ended, and, where it was the old one, until the new one can be taken over from.
func (r *relay) settled(old, next *process) (moved bool) {
	r.t.Helper()
	r.await("one of two processes ends", func() bool { return r.hasEnded(old, next) })
	if next.hasEnded() {
		return false
	}
	r.await("the new process can be taken over from", func() bool {
		c, err := net.Dial("unix", r.args[len(r.args)-1])
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
	return true
}

// pushAll pushes numbers to the pages at home until it is told to stop, every tenth with a receipt, and says how many. A push whose answer a killed
// process has taken along is made again with its key, and happens once.
func (r *relay) pushAll() (stop func() int) {
	ending, ended := make(chan struct{}), make(chan struct{})
	sent := 0
	backend := &client.Backend{URL: r.url, Key: fleetKey}
	go func() {
		defer close(ended)
		for {
			select {
			case <-ending:
				return
			default:
			}
			sent++
			request := client.PushRequest{To: json.RawMessage(`{"page":"home"}`), Message: fmt.Appendf(nil, "%d", sent), IdempotencyKey: fmt.Sprint(sent)}
			if sent%10 == 0 {
				request.Receipt, request.Timeout = "acked", 200*time.Millisecond
			}
			var err error
			for range 50 {
				if _, err = backend.Push(context.Background(), request); err == nil {
					break
				}
				time.Sleep(20 * time.Millisecond)
			}
			if err != nil {
				r.t.Errorf("push %d: %v", sent, err)
				return
			}
			time.Sleep(2 * time.Millisecond)
		}
	}()
	return func() int { close(ending); <-ended; return sent }
}
