package main_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"scenecast/client"
)

// TestHandoverFaults kills and stops the new process at each step, and the old one where the pages have gone: one process has all pages, which
// notice nothing, and a handover that is in order follows.
func TestHandoverFaults(t *testing.T) {
	faulty, err := faultyBinary()
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range []string{
		"kill:new.built", "kill:new.shared", "kill:new.received", "kill:new.ready", "kill:new.take",
		"stop:new.shared", "stop:new.received", "stop:new.ready", "stop:new.take",
		"kill:old.take", "kill:old.taken",
	} {
		t.Run(fault, func(t *testing.T) {
			r := newRelay(t)
			ofOld := strings.Contains(fault, "old.")
			oldFault, newFault := "", fault
			if ofOld {
				oldFault, newFault = fault, ""
			}
			old := r.start(faulty, oldFault)
			r.awaitLog("msg=listening", 1)
			pages, end := r.crowdOf(10)
			defer end()
			next := r.start(faulty, newFault)
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
			if ofOld {
				if err := old.await(t); !killed(err) {
					t.Fatalf("the old process ends by %v", err)
				}
				r.awaitLog("this process has the port and the pages", 1)
				old = next
			} else {
				r.await("the attempt fails", func() bool { // before pages stand still it counts as refused
					log := r.log.String()
					return strings.Contains(log, "handover: failed") || strings.Contains(log, "handover: refused")
				})
				push()
				if strings.HasPrefix(fault, "stop") {
					_ = next.Process.Signal(syscall.SIGCONT)
				}
				if err := next.await(t); err == nil {
					t.Error("the new process ends as if nothing had been")
				}
			}
			push()
			last := r.start(faulty, "")
			r.await("a handover that is in order", func() bool {
				return strings.Contains(r.log.String(), fmt.Sprint("pages=", len(pages), " still=")) && old.hasEnded()
			})
			push()
			r.check(pages, pushes)
			_ = last.Process.Signal(syscall.SIGTERM)
			_ = last.await(t)
		})
	}
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
