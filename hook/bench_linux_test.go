package hook_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"scenecast/hook"
	"scenecast/hook/event"
	"scenecast/hook/queue"
	"scenecast/hook/webhook"
	"scenecast/label"
)

// benchTarget is a target over a queue in memory, or in a file, that calls a real HTTP receiver.
func benchTarget(b *testing.B, inFile bool, receive http.HandlerFunc, o hook.TargetOptions) (target *hook.Target, waits queue.Queue, file string) {
	receiver := httptest.NewServer(receive)
	b.Cleanup(receiver.Close)
	secret, err := webhook.ParseSecret(webhook.NewSecret())
	if err != nil {
		b.Fatal(err)
	}
	client := webhook.NewClient(webhook.Options{URL: receiver.URL, Secrets: []webhook.Secret{secret}, Timeout: 10 * time.Second, StatusOnly: true})
	b.Cleanup(client.Close)
	o.Name, o.App, o.Queue, o.Logger = "h", "a", new(queue.Memory), slog.New(slog.DiscardHandler)
	if inFile {
		file = filepath.Join(b.TempDir(), "hooks.db")
		f, err := queue.Open(file)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = f.Close() })
		if o.Queue, err = f.Queue("a/h"); err != nil {
			b.Fatal(err)
		}
	}
	o.Post = func(ctx context.Context, id string, body []byte) error {
		_, err := client.Post(ctx, id, body)
		return err
	}
	return hook.NewTarget(o), o.Queue, file
}

// benchEvents emits n events of pages with five labels, and after every 100 waits for what pace wants.
func benchEvents(h *hook.Hooks, n int, pace func(emitted int)) {
	for i := range n {
		h.Emit(event.Event{Type: event.Connected, Data: event.Data{App: "a", Labels: label.New(
			label.Label{Key: "@id", Value: fmt.Sprint("5203.", i)}, label.Label{Key: "@protocol", Value: "native"}, label.Label{Key: "@user", Value: fmt.Sprint(i)},
			label.Label{Key: "page", Value: "order"}, label.Label{Key: "order", Value: fmt.Sprint(i % 1000)})}})
		if i%100 == 99 {
			pace(i + 1)
		}
	}
}

// BenchmarkEvents is what an event costs from the hub's word until a receiver on this machine, in this process, has taken it, in signed calls of
// 100; and how many are told in a second, one call after the other. With the queue in a file, each is on the disk before it is sent.
func BenchmarkEvents(b *testing.B) {
	for _, c := range []struct {
		name string
		file bool
	}{{"memory", false}, {"file", true}} {
		b.Run(c.name, func(b *testing.B) {
			target, _, _ := benchTarget(b, c.file, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }, hook.TargetOptions{})
			hooks := hook.New(7)
			hooks.SetSinks([]hook.Sink{target})
			longest := 0
			begun, cpu := time.Now(), cpuTime()
			benchEvents(hooks, b.N, func(emitted int) {
				for {
					s := target.Stats()
					longest = max(longest, s.Queued)
					if emitted-int(s.Delivered) < 5000 {
						return
					}
					time.Sleep(time.Millisecond)
				}
			})
			target.Close(context.Background())
			b.ReportMetric(float64(b.N)/time.Since(begun).Seconds(), "events/s")
			b.ReportMetric(float64((cpuTime()-cpu).Nanoseconds())/float64(b.N), "cpu-ns/event")
			b.ReportMetric(float64(longest), "queued-max")
			if s := target.Stats(); s.Delivered != int64(b.N) || s.Dropped != 0 {
				b.Errorf("%+v, want %d delivered", s, b.N)
			}
		})
	}
}

// BenchmarkFullQueue is what a queue takes that is full, because its backend answers 503: more events than max_queue are emitted, and those that
// find no room are dropped.
func BenchmarkFullQueue(b *testing.B) {
	const emitted, room = 150_000, 100_000
	for _, c := range []struct {
		name string
		file bool
	}{{"memory", false}, {"file", true}} {
		b.Run(c.name, func(b *testing.B) {
			for range b.N {
				before := heap()
				target, waits, file := benchTarget(b, c.file, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }, hook.TargetOptions{})
				hooks := hook.New(7)
				hooks.SetSinks([]hook.Sink{target})
				benchEvents(hooks, emitted, func(emitted int) {
					for waits.Len() < min(emitted-5000, room) { // the disk keeps up
						time.Sleep(time.Millisecond)
					}
				})
				ended, cancel := context.WithCancel(context.Background())
				cancel()
				b.ReportMetric(float64(heap()-before)/room, "heap-B/event")
				target.Close(ended)
				if s := target.Stats(); s.Queued != room || s.Dropped != emitted-room {
					b.Errorf("%+v, want %d to wait", s, room)
				}
				if stat, err := os.Stat(file); err == nil {
					b.ReportMetric(float64(stat.Size())/room, "file-B/event")
				}
			}
		})
	}
}

// heap is what the heap takes.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// cpuTime is what the process has used.
func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
