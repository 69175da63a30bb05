package logqueue_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"scenecast/leaktest"
	"scenecast/logqueue"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// reader is a writer whose other side may stall or go away. Read what it got when the writing goroutine is not at it.
type reader struct {
	stalled chan struct{} // until it is closed; nil: it reads
	got     bytes.Buffer
	gone    error
	takes   int // bytes of a write, before gone; then it is gone for good
}

func (r *reader) Write(p []byte) (int, error) {
	if r.stalled != nil {
		<-r.stalled // a channel, because synctest does not know of mutexes
	}
	if r.gone != nil {
		n, _ := r.got.Write(p[:min(r.takes, len(p))])
		r.takes -= n
		return n, r.gone
	}
	return r.got.Write(p)
}

func lost(n int) []byte { return fmt.Appendf(nil, "lost %d\n", n) }

func expect(t *testing.T, r *reader, want string) {
	t.Helper()
	if got := r.got.String(); got != want {
		t.Errorf("the log is\n%s\nwant\n%s", got, want)
	}
	r.got.Reset()
}

func say(w io.Writer, format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }

func TestAllIsWrittenInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := new(reader)
		w := logqueue.Open(r, logqueue.Options{Lost: lost})
		var want strings.Builder
		for i := range 1000 {
			say(w, "line %d", i)
			say(&want, "line %d", i)
		}
		if !w.Close(time.Second) {
			t.Error("what waited was not written")
		}
		expect(t, r, want.String())
	})
}

// TestStalledReader: who logs does not wait; what finds no room is lost, and told in its place when there is room again.
func TestStalledReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &reader{stalled: make(chan struct{})}
		w := logqueue.Open(r, logqueue.Options{MaxBytes: 10, Lost: lost})
		say(w, "1") // being written
		synctest.Wait()
		say(w, "22222222") // waits
		say(w, "33333333") // finds no room
		say(w, "4")        // would find some, but not in its place
		close(r.stalled)
		synctest.Wait()
		expect(t, r, "1\n22222222\nlost 2\n")
		say(w, "5")
		synctest.Wait()
		expect(t, r, "5\n")
		say(w, "a line that is longer than the queue")
		synctest.Wait()
		expect(t, r, "lost 1\n")
		if !w.Close(time.Second) {
			t.Error("the queue is not closed")
		}
		say(w, "6")
		synctest.Wait()
		expect(t, r, "")
	})
}

// TestReaderThatStallsForGood does not keep a program from ending.
func TestReaderThatStallsForGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &reader{stalled: make(chan struct{})}
		w := logqueue.Open(r, logqueue.Options{Lost: lost})
		say(w, "1")
		synctest.Wait()
		say(w, "2")
		begun := time.Now()
		if w.Close(3 * time.Second) {
			t.Error("Close reports that everything was written")
		}
		if took := time.Since(begun); took != 3*time.Second {
			t.Errorf("Close took %v", took)
		}
		close(r.stalled) // and the goroutine ends
	})
}

// TestReaderThatIsGone costs lines; one that is there again is told how many.
func TestReaderThatIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &reader{gone: errors.New("broken pipe")}
		w := logqueue.Open(r, logqueue.Options{Lost: lost})
		for range 3 {
			say(w, "a\nb")
			synctest.Wait()
		}
		r.gone = nil
		say(w, "c")
		synctest.Wait()
		expect(t, r, "c\nlost 6\n")
		r.gone = errors.New("broken pipe")
		say(w, "d")
		if !w.Close(time.Second) {
			t.Error("the queue is not closed")
		}
	})
}

// TestFullDisk: a line that was cut off by a disk that is full stays alone: the next one begins anew.
func TestFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &reader{gone: errors.New("no space left on device"), takes: 5}
		w := logqueue.Open(r, logqueue.Options{Lost: lost})
		for _, line := range []string{"a\nbcdef", "g"} {
			say(w, "%s", line)
			synctest.Wait()
		}
		r.gone = nil
		say(w, "h")
		synctest.Wait()
		expect(t, r, "a\nbcd\nh\nlost 2\n")
		if !w.Close(time.Second) {
			t.Error("the queue is not closed")
		}
	})
}

// TestWithSlog: records are written whole, whoever logs, and none is lost unless there is no room.
func TestWithSlog(t *testing.T) {
	r := new(reader)
	w := logqueue.Open(r, logqueue.Options{Lost: lost})
	log := slog.New(slog.NewTextHandler(w, nil))
	const loggers, records = 8, 100
	var wait sync.WaitGroup
	for i := range loggers {
		wait.Go(func() {
			for j := range records {
				log.Info("said", "logger", i, "record", j)
			}
		})
	}
	wait.Wait()
	if !w.Close(time.Minute) {
		t.Error("the queue is not closed")
	}
	got := strings.Split(strings.TrimSuffix(r.got.String(), "\n"), "\n")
	next := make(map[string]int)
	for _, line := range got {
		var who, n int
		_, record, _ := strings.Cut(line, "msg=said ")
		if _, err := fmt.Sscanf(record, "logger=%d record=%d", &who, &n); err != nil || n != next[fmt.Sprint(who)] {
			t.Fatalf("%q: %v, want record %d", line, err, next[fmt.Sprint(who)])
		}
		next[fmt.Sprint(who)]++
	}
	if len(got) != loggers*records {
		t.Errorf("%d lines, want %d", len(got), loggers*records)
	}
}

// TestWriteDoesNotAllocate where there is room: at debug level, every page's frames are logged.
func TestWriteDoesNotAllocate(t *testing.T) {
	w := logqueue.Open(io.Discard, logqueue.Options{})
	defer w.Close(time.Second)
	line := bytes.Repeat([]byte("x"), 100)
	for range 3 * logqueue.DefaultMaxBytes / len(line) { // until both buffers are as large as they get
		_, _ = w.Write(line)
	}
	if n := testing.AllocsPerRun(1000, func() { _, _ = w.Write(line) }); n > 0.5 {
		t.Errorf("%v allocations per line", n)
	}
}
