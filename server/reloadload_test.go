package server_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"
)

// BenchmarkPushDuringReload is what a push to one page costs its publisher while almost 10,000 pages are there, p99: quiet, and while reloads come
// one behind the other. Both are measured in turns in one run; the ratio is what counts.
func BenchmarkPushDuringReload(b *testing.B) {
	const pages = 9_700 // both ends are in this process, which may have 20,000 descriptors
	s := startReloadable(b, map[string]string{"client_tokens": pageToken + ",token-of-others", "websocket.ping_interval": "0", "tutorial.idle_timeout": "0", "log.level": "info"})
	s.fill(pages - 1)
	watched := s.nativePage("page=watched")
	go func() {
		for {
			if _, _, err := watched.Read(b.Context()); err != nil {
				return
			}
		}
	}()
	push := func() time.Duration {
		began := time.Now()
		s.publish(`{"to":{"page":"watched"},"message":1}`)
		return time.Since(began)
	}
	const turns, each = 10, 300
	var quiet, during []time.Duration
	reloads, limit := 0, 0
	for b.Loop() {
		quiet, during = quiet[:0], during[:0]
		for range turns {
			for range each {
				quiet = append(quiet, push())
			}
			stop, stopped := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(stopped)
				for {
					select {
					case <-stop:
						return
					case <-time.After(10 * time.Millisecond):
					}
					limit++
					s.set(map[string]string{"limits.connections": fmt.Sprint(100_000 + limit)})
					if done, err := s.ReloadConfiguration(b.Context()); err != nil || done.Closed > 0 || len(done.Applied) != 1 {
						b.Errorf("%+v, %v", done, err)
					}
					reloads++
				}
			}()
			for range each {
				during = append(during, push())
			}
			close(stop)
			<-stopped
		}
	}
	if n := s.Connections(); n != pages {
		b.Errorf("%d pages are left of %d", n, pages)
	}
	before, meanwhile := percentile(quiet, 99), percentile(during, 99)
	b.ReportMetric(float64(before.Microseconds()), "quiet-p99-µs")
	b.ReportMetric(float64(meanwhile.Microseconds()), "reload-p99-µs")
	b.ReportMetric(float64(meanwhile)/float64(before), "ratio")
	b.ReportMetric(float64(reloads), "reloads")
}

func percentile(times []time.Duration, p int) time.Duration {
	slices.Sort(times)
	return times[len(times)*p/100]
}

// fill connects pages that say and read nothing more.
func (r *running) fill(pages int) {
	for range pages {
		conn, in := r.raw(upgrade("/?page=home&token=" + pageToken))
		response, err := http.ReadResponse(in, nil)
		if err != nil || response.StatusCode != http.StatusSwitchingProtocols {
			r.t.Fatalf("%v %v", response, err)
		}
		_ = conn
	}
}
