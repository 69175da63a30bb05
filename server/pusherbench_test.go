//go:build unix

package server_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"
	"testing"
	"time"
)

// BenchmarkPusherEvent is what POST /apps/{id}/events costs the process, signature and all, beside POST /v1/push of the same message to the
// same page, in one run: blocks of both take turns. cpu/push is the ratio of the processor time, wall/push that of the time.
func BenchmarkPusherEvent(b *testing.B) {
	settings := pusherApp("")
	settings["log.level"] = "warn"
	settings["history.max_count"] = "1000"
	s := startWith(b, settings, func(o *options) { o.Logger = nil })
	page := s.pusherPage()
	page.subscribe("news", "")
	go func() {
		for {
			if _, _, err := page.Read(b.Context()); err != nil {
				return
			}
		}
	}()
	request := func(path, key, body string) []byte {
		authorization := ""
		if key != "" {
			authorization = "Authorization: Bearer " + key + "\r\n"
		}
		return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n%s", path, authorization, len(body), body)
	}
	const event = `{"name":"my-event","channels":["news"],"data":"{\"text\":\"hello world\",\"at\":1790000000000000000,\"from\":{\"id\":17,\"name\":\"Ann\"}}"}`
	const push = `{"to":"@channel == \"news\"","event":"my-event","message":{"text":"hello world","at":1790000000000000000,"from":{"id":17,"name":"Ann"}}}`
	if n := s.count(`@channel == "news"`); n != 1 {
		b.Fatalf("%d pages are there", n)
	}
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	answers := bufio.NewReader(conn)
	block := func(request []byte) (cpu, wall time.Duration) {
		began, before := time.Now(), cpuTime()
		for range 100 {
			if _, err := conn.Write(request); err != nil {
				b.Fatal(err)
			}
			answer, err := http.ReadResponse(answers, nil)
			if err != nil || answer.StatusCode != 200 {
				b.Fatal(answer, err)
			}
			_, _ = io.Copy(io.Discard, answer.Body)
		}
		return cpuTime() - before, time.Since(began)
	}
	ofEvent := request("/apps/3/events"+signedQuery("POST", "/apps/3/events", pusherKey, pusherSecret, event, time.Now()), "", event)
	ofPush := request("/v1/push", apiKey, push)
	block(ofEvent)
	block(ofPush)
	if n := s.count(`@channel == "news"`); n != 1 {
		b.Fatalf("%d pages are there", n)
	}
	var cpu, wall [2]time.Duration
	for b.Loop() {
		for i, r := range [][]byte{ofEvent, ofPush} {
			c, w := block(r)
			cpu[i] += c
			wall[i] += w
		}
	}
	b.ReportMetric(float64(cpu[0])/float64(cpu[1]), "cpu/push")
	b.ReportMetric(float64(wall[0])/float64(wall[1]), "wall/push")
	b.ReportMetric(float64(cpu[0].Microseconds())/float64(b.N)/100, "cpu-µs/event")
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
