package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"time"
)

// attackerVariable is the variable by which this program, when it runs itself once more, knows that it attacks, and what.
const attackerVariable = "HOSTILE_ATTACK"

// closeWait is how long the attacker may take to end.
const closeWait = 10 * time.Second

// order is what the attacker is told.
type order struct {
	Scenario string
	Scale    float64
	Target   address
}

// process is the attacker, seen from this program. It says a line when it is prepared. It attacks at a first line of its standard
// input and stops at a second, when it says what it has done; it ends, and leaves its connections, at the end of the input.
type process struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	errors  bytes.Buffer
	closing sync.Once
}

// startAttacker returns when the attack is prepared.
func startAttacker(ctx context.Context, o order) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	what, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	a := &process{cmd: exec.CommandContext(ctx, "nice", "-n", "10", self)}
	a.cmd.Env = append(os.Environ(), attackerVariable+"="+string(what))
	a.cmd.Stderr = &a.errors
	out, err1 := a.cmd.StdoutPipe()
	in, err2 := a.cmd.StdinPipe()
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	a.in, a.out = in, bufio.NewReader(out)
	if err := a.cmd.Start(); err != nil {
		return nil, err
	}
	if _, err := a.out.ReadString('\n'); err != nil {
		a.close()
		return nil, fmt.Errorf("the attack could not be prepared: %s", bytes.TrimSpace(a.errors.Bytes()))
	}
	return a, nil
}

func (a *process) begin() error {
	_, err := io.WriteString(a.in, "begin\n")
	return err
}

// stop returns what the attacker has done. It keeps its connections.
func (a *process) stop() (string, error) {
	if _, err := io.WriteString(a.in, "stop\n"); err != nil {
		return "", err
	}
	said, err := a.out.ReadString('\n')
	if err != nil {
		a.close()
		return "", fmt.Errorf("%w: %s", err, bytes.TrimSpace(a.errors.Bytes()))
	}
	return strings.TrimSpace(said), nil
}

// close ends the attacker and its connections.
func (a *process) close() {
	a.closing.Do(func() {
		a.in.Close()
		a.cmd.WaitDelay = closeWait
		kill := time.AfterFunc(closeWait, func() { _ = a.cmd.Process.Kill() })
		defer kill.Stop()
		_ = a.cmd.Wait()
	})
}

// becomeAttacker makes this process the attacker, if it was started as one, and ends it.
func becomeAttacker() {
	what, ok := os.LookupEnv(attackerVariable)
	if !ok {
		return
	}
	var o order
	err := json.Unmarshal([]byte(what), &o)
	if err == nil {
		err = attackAs(context.Background(), o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// attackAs prepares, attacks when it is told to, and reports.
func attackAs(ctx context.Context, o order) error {
	chosen, err := choose(o.Scenario)
	if err != nil {
		return err
	}
	a := newAttacker(o)
	do, err := chosen[0].prepare(ctx, a)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	in := bufio.NewReader(os.Stdin)
	if _, err := in.ReadString('\n'); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		_, err := in.ReadString('\n')
		stop()
		if err == nil {
			_, _ = in.ReadString('\n')
		}
		close(ended)
	}()
	said, err := do(ctx)
	if err != nil && ctx.Err() == nil {
		said += " then: " + err.Error()
	}
	<-ctx.Done() // what is measured goes on until then
	fmt.Println(oneLine(said))
	<-ended
	runtime.KeepAlive(a)
	return nil
}

// attacker is what attacks are made of.
type attacker struct {
	address
	*backend
	scale float64
	pages []*page // that stay open until the process ends; without a reference the garbage collector would close them
}

func newAttacker(o order) *attacker {
	return &attacker{address: o.Target, backend: newBackend(o.Target), scale: o.Scale}
}

// times is a number of the scenario, as the scale has it; one at least.
func (a *attacker) times(n int) int { return max(1, int(float64(n)*a.scale)) }

// open opens pages, a few at a time. Each has the labels that are made for it.
func (a *attacker) open(ctx context.Context, n int, w wire, window int, labels func(i int) string) ([]*page, error) {
	pages, errs := make([]*page, n), make([]error, n)
	places := make(chan struct{}, 64)
	var opening sync.WaitGroup
	for i := range n {
		places <- struct{}{}
		opening.Go(func() {
			pages[i], errs[i] = dialNarrow(ctx, a.address, w, labels(i), window)
			<-places
		})
	}
	opening.Wait()
	a.pages = append(a.pages, pages...)
	return pages, errors.Join(errs...)
}

// repeat calls until the context ends, from so many goroutines, and returns how often that was. An error ends it.
func repeat(ctx context.Context, goroutines int, call func(ctx context.Context, g, i int) error) (int, error) {
	var running sync.WaitGroup
	counts, errs := make([]int, goroutines), make([]error, goroutines)
	for g := range goroutines {
		running.Go(func() {
			for ctx.Err() == nil {
				if errs[g] = call(ctx, g, counts[g]); errs[g] != nil {
					return
				}
				counts[g]++
			}
		})
	}
	running.Wait()
	sum := 0
	for _, n := range counts {
		sum += n
	}
	if ctx.Err() != nil {
		return sum, nil // what was going on then has failed, of course
	}
	return sum, errors.Join(errs...)
}
