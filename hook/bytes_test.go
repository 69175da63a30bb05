package hook_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"scenecast/hook"
	"scenecast/hook/event"
	"scenecast/hook/queue"
	"scenecast/label"
)

// sized are events of one size, so many, and one that is larger than others may be together.
func sized(n int) (events []event.Event, large event.Event) {
	for i := range n {
		e := eventOf(fmt.Sprint(i), label.Label{Key: "page", Value: "home"})
		e.At = time.Now().Truncate(time.Second) // fractions are printed as long as they are
		events = append(events, e)
	}
	return events, eventOf("large", label.Label{Key: "note", Value: strings.Repeat("x", 4096)})
}

// TestFullQueueOfBytes: a queue in memory or a file takes events up to the very byte that it may have, and one that has room behind one that has not.
func TestFullQueueOfBytes(t *testing.T) {
	events, large := sized(4)
	item := 8 + len(events[0].AppendJSON(nil))
	for _, kind := range []string{"memory", "file"} {
		for _, c := range []struct{ bytes, kept int }{{item - 1, 0}, {item, 1}, {3*item - 1, 2}, {3 * item, 3}, {4*item - 1, 3}, {4 * item, 4}} {
			t.Run(fmt.Sprint(kind, " of ", c.bytes), func(t *testing.T) {
				var waits queue.Queue = new(queue.Memory)
				if kind == "file" {
					file, err := queue.Open(filepath.Join(t.TempDir(), "hooks.db"))
					if err != nil {
						t.Fatal(err)
					}
					defer func() { _ = file.Close() }()
					if waits, err = file.Queue("h"); err != nil {
						t.Fatal(err)
					}
				}
				var log bytes.Buffer
				b := &backend{refuse: func() error { return errors.New("no") }}
				target := newTarget(b, hook.TargetOptions{MaxBytes: c.bytes, Queue: waits, Logger: slog.New(slog.NewTextHandler(&log, nil))})
				for _, e := range slices.Insert(slices.Clone(events), 0, large) {
					target.Emit(e)
				}
				ended, cancel := context.WithCancel(t.Context())
				cancel()
				target.Close(ended)
				if s := target.Stats(); s.Queued != c.kept || s.Dropped != int64(5-c.kept) || waits.Size() != c.kept*item {
					t.Errorf("%+v with %d bytes, want %d events of %d", s, waits.Size(), c.kept, item)
				}
				if !strings.Contains(log.String(), "events are dropped") || !strings.Contains(log.String(), "max_queue_bytes") {
					t.Errorf("the log does not tell of drops, and which setting decides:\n%s", &log)
				}
			})
		}
	}
}

// fullDisk is a queue that takes nothing.
type fullDisk struct{ queue.Memory }

func (*fullDisk) Append([][]byte) error { return errors.New("no space left") }

// TestIncomingBytes: events that wait for a queue which takes nothing are bounded in bytes as well.
func TestIncomingBytes(t *testing.T) {
	for _, less := range []int{0, 1} {
		synctest.Test(t, func(t *testing.T) {
			events, large := sized(5)
			target := newTarget(new(backend), hook.TargetOptions{MaxBytes: 3*events[0].Size() - less, Queue: new(fullDisk)})
			target.Emit(events[0])
			synctest.Wait() // it is tried to be kept
			target.Emit(large)
			for _, e := range events[1:] {
				target.Emit(e)
			}
			if s := target.Stats(); s.Queued != 3-less || s.Dropped != int64(2+less) {
				t.Errorf("%d bytes less: %+v", less, s)
			}
			ended, cancel := context.WithCancel(t.Context())
			cancel()
			target.Close(ended)
		})
	}
}

// TestBytesOfQueueOfBefore: what a process before has left in the file counts.
func TestBytesOfQueueOfBefore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hooks.db")
	for _, want := range []int{5, 10} {
		file, err := queue.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		waits, err := file.Queue("h")
		if err != nil {
			t.Fatal(err)
		}
		if err := waits.Append([][]byte{[]byte("ab"), []byte("cde")}); err != nil || waits.Size() != want {
			t.Errorf("%d bytes, %v, want %d", waits.Size(), err, want)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
