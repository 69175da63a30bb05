package main_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"scenecast/client"
)

// survivor is who has the pages behind a fault.
type survivor string

const (
	oldGoesOn  survivor = "the old process, which goes on"
	newHasThem survivor = "the new process, as if nothing had been"
	either     survivor = "one of the two, which depends on how long the fault lasted"
	nobody     survivor = "none: the pages come back, to the new process"
)

// handoverFaults are the points at which a process is killed (kill -9) or stopped, as docs/adr/0024-live-handover.md has the sequence, and who
// has the pages behind it. A process that was stopped goes on when the other one has given up or gone on (stop), or before (pause).
var handoverFaults = []struct {
	fault string
	has   survivor
}{
	{"kill:new.built", oldGoesOn}, {"kill:new.shared", oldGoesOn}, {"kill:new.received", oldGoesOn}, {"kill:new.ready", oldGoesOn}, {"kill:new.take", oldGoesOn},
	{"stop:new.shared", oldGoesOn}, {"stop:new.received", oldGoesOn}, {"stop:new.ready", oldGoesOn}, {"stop:new.take", oldGoesOn},
	{"pause:new.shared", either}, {"pause:new.ready", either}, {"pause:new.take", either}, {"pause:new.taken", newHasThem},
	{"kill:old.built", nobody}, {"kill:old.live", nobody}, {"kill:old.frozen", nobody}, {"kill:old.shared", nobody}, {"kill:old.pages", nobody},
	{"kill:old.ready", newHasThem}, {"kill:old.take", newHasThem}, {"kill:old.taken", newHasThem},
	{"pause:old.built", either}, {"pause:old.live", either}, {"pause:old.frozen", either}, {"pause:old.shared", either}, {"pause:old.pages", either},
	{"pause:old.ready", either}, {"stop:old.ready", oldGoesOn}, {"stop:old.take", newHasThem}, {"stop:old.taken", newHasThem},
}

const (
	tookOver = "this process has the port and the pages"
	gaveUp   = "and this process goes on with the pages"
	refused  = "handover: refused"
)

// TestHandoverFaults kills and stops both processes at each step: one of them has all pages, which notice nothing, and a handover that is in
// order follows. Only where the old one is killed before the new one has everything the pages come back, to the new one.
func TestHandoverFaults(t *testing.T) {
	faulty, err := faultyBinary()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range handoverFaults {
		t.Run(c.fault, func(t *testing.T) {
			t.Parallel()
			r := newRelay(t)
			how, where, _ := strings.Cut(c.fault, ":")
			fault := strings.Replace(c.fault, "pause", "stop", 1)
			ofOld := strings.HasPrefix(where, "old.")
			oldFault, newFault := "", fault
			if ofOld {
				oldFault, newFault = fault, ""
			}
			old := r.start(faulty, oldFault)
			r.awaitLog("another process can take over", 1)
			pages, end := r.crowdOf(6)
			defer end()
			next := r.start(faulty, newFault)
			faulted, other := next, old
			if ofOld {
				faulted, other = old, next
			}
			if how == "kill" {
				if err := faulted.await(t); !killed(err) {
					t.Fatalf("the process ends by %v", err)
				}
			} else {
				r.await("the process stops", faulted.isStopped)
				switch {
				case how == "pause":
				case ofOld && c.has == newHasThem:
					r.awaitLog(tookOver, 1)
				case ofOld:
					_ = other.await(t) // it gives up
				default:
					r.await("the attempt fails", func() bool {
						return strings.Contains(r.log.String(), gaveUp) || strings.Contains(r.log.String(), refused)
					})
				}
				_ = faulted.Process.Signal(syscall.SIGCONT)
			}
			r.await("one of them has the pages", func() bool { return r.hasEnded(old, next) })
			serving, has := old, oldGoesOn
			if old.hasEnded() {
				serving, has = next, newHasThem
			}
			if c.has == nobody {
				r.awaitLog("starting without the pages of the process before", 1)
				r.awaitLog("another process can take over", 2)
				end()
				pages, end = r.crowdOf(6)
				defer end()
			} else if has != c.has && c.has != either {
				t.Errorf("the pages have %s, want %s", has, c.has)
			}
			pushes := 0
			push := func() {
				t.Helper()
				pushes++
				backend := &client.Backend{URL: r.url, Key: fleetKey}
				result, err := backend.Push(t.Context(), client.PushRequest{To: json.RawMessage(`{"page":"home"}`), Message: fmt.Appendf(nil, "%d", pushes)})
				if err != nil || result.Matched != len(pages) {
					t.Errorf("push %d: %+v, %v", pushes, result, err)
				}
			}
			push()
			if serving != old {
				r.awaitLog("another process can take over", 2)
			}
			before := strings.Count(r.log.String(), tookOver)
			last := r.start(binary, "")
			r.awaitLog(tookOver, before+1)
			if err := serving.await(t); err != nil {
				t.Errorf("the process before ends by %v", err)
			}
			push()
			r.check(pages, pushes)
			_ = last.Process.Signal(syscall.SIGTERM)
			_ = last.await(t)
		})
	}
}

// hasEnded reports whether one of two processes has ended.
func (r *relay) hasEnded(old, next *process) bool { return old.hasEnded() || next.hasEnded() }

// isStopped reports whether a process is stopped by a signal.
func (p *process) isStopped() bool {
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.Process.Pid))
	_, state, _ := strings.Cut(string(stat), ") ")
	return strings.HasPrefix(state, "T")
}

func (p *process) hasEnded() bool {
	select {
	case err := <-p.ended:
		p.ended <- err
		return true
	default:
		return false
	}
}

func killed(err error) bool {
	exit := new(exec.ExitError)
	return errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL
}
