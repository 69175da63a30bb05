package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"scenecast/bench/load"
	"scenecast/capacity"
	"scenecast/freeport"
)

// measurement finds some of the constants.
type measurement struct {
	name    string
	measure func(ctx context.Context, binary string) (capacity.Figures, error)
}

var measurements = []measurement{
	{"WebSocket", func(ctx context.Context, binary string) (capacity.Figures, error) {
		return idle(ctx, binary, "http", manyPages, "/v1/connect", upgrade, capacity.PageMemory, capacity.ConnectCPU)
	}},
	{"event streams", func(ctx context.Context, binary string) (capacity.Figures, error) {
		return idle(ctx, binary, "http", manyPages, "/v1/events", "", capacity.StreamMemory, "")
	}},
	{"TLS", func(ctx context.Context, binary string) (capacity.Figures, error) {
		return idle(ctx, binary, "https", manyPages/4, "/v1/connect", upgrade, capacity.TLSMemory, capacity.TLSCPU)
	}},
	{"kernel", kernel},
	{"log", history},
	{"deliveries", deliveries},
	{"pushes", func(ctx context.Context, binary string) (capacity.Figures, error) {
		return pushes(ctx, binary, capacity.PushCPU)
	}},
	{"NATS", func(ctx context.Context, binary string) (capacity.Figures, error) {
		dir, err := os.MkdirTemp("", "scenecast-capacity")
		if err != nil {
			return nil, err
		}
		defer func() { _ = os.RemoveAll(dir) }()
		return pushes(ctx, binary, capacity.NATSCPU, "SCENECAST_DATA_DIR="+dir)
	}},
	{"Redis", redis},
	{"pings", pings},
}

// errNotHere is why a constant is left out.
var errNotHere = errors.New("left out")

// manyPages are open where pages are measured.
const manyPages = 8_000

// upgrade is what makes a request one of a native page.
const upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
	"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: scenecast.v1\r\n"

// server is a server that is measured.
type server struct {
	*load.Server
	load.Process
	debug *freeport.Port
}

// start starts one with settings.
func start(ctx context.Context, binary string, settings ...string) (*server, error) {
	path, err := filepath.Abs(binary)
	if err != nil {
		return nil, err
	}
	debug, err := freeport.Reserve()
	if err != nil {
		return nil, err
	}
	s, err := load.StartServer(ctx, []string{path}, append(settings, "SCENECAST_DEBUG_LISTEN="+debug.Addr())...)
	if err != nil {
		debug.Release()
		return nil, err
	}
	p, err := load.Watch(s.PID)
	if err != nil {
		s.Close()
		debug.Release()
		return nil, err
	}
	return &server{s, p, debug}, nil
}

// end ends it.
func (s *server) end() {
	s.Close()
	s.debug.Release()
}

// memory is the resident memory without garbage.
func (s *server) memory(ctx context.Context) (float64, error) {
	for range 2 { // what the first one finalizes is collected by the second one
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.debug.Addr()+"/debug/gc", nil)
		if err != nil {
			return 0, err
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			return 0, err
		}
		_ = response.Body.Close()
	}
	n, err := s.Memory()
	return float64(n), err
}

// cpu is what the server has used, in microseconds.
func (s *server) cpu() (float64, error) {
	c, err := s.CPU()
	return float64(c.Total().Microseconds()), err
}

// kernel adds up the objects of a TCP connection that the kernel polls.
func kernel(context.Context, string) (capacity.Figures, error) {
	text, err := os.ReadFile("/proc/slabinfo")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNotHere, err)
	}
	sum := 0.0
	for _, object := range []string{"TCP", "sock_inode_cache", "dentry", "filp", "eventpoll_epi"} {
		m := regexp.MustCompile(`(?m)^` + object + ` +\d+ +\d+ +(\d+)`).FindSubmatch(text)
		if m == nil {
			return nil, fmt.Errorf("%w: /proc/slabinfo lacks %s", errNotHere, object)
		}
		size, _ := strconv.ParseFloat(string(m[1]), 64)
		sum += size
	}
	return capacity.Figures{capacity.KernelMemory: sum}, nil
}

// history finds what a push takes that is kept.
func history(ctx context.Context, binary string) (capacity.Figures, error) {
	s, err := start(ctx, binary, "SCENECAST_HISTORY_MAX_BYTES=1GiB")
	if err != nil {
		return nil, err
	}
	defer s.end()
	const batches, each, size = 20, 1000, 200
	batch := func() error {
		one := map[string]any{"to": map[string]string{"page": "none"}, "message": string(bytes.Repeat([]byte("x"), size-2))}
		list := make([]any, each)
		for i := range list {
			list[i] = one
		}
		body, err := json.Marshal(list)
		if err != nil {
			return err
		}
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL.JoinPath("/v1/push").String(), bytes.NewReader(body))
		if err != nil {
			return err
		}
		r.Header = http.Header{"Authorization": {"Bearer " + s.Key}, "Content-Type": {"application/json"}}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			return err
		}
		defer func() { _ = response.Body.Close() }()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("a batch is answered %s", response.Status)
		}
		return nil
	}
	if err := batch(); err != nil {
		return nil, err
	}
	before, err1 := s.memory(ctx)
	for range batches {
		if err := batch(); err != nil {
			return nil, err
		}
	}
	after, err2 := s.memory(ctx)
	return capacity.Figures{capacity.PushMemory: (after - before) / (batches * each)}, errors.Join(err1, err2)
}

// bench runs the measurement of a server by package load.
func (s *server) bench(ctx context.Context, o load.Options) (*load.Report, error) {
	o.URL, o.Token, o.Key, o.PID, o.Native, o.Rounds = s.URL, s.Token, s.Key, s.PID, true, 3
	return load.Run(ctx, o)
}

func deliveries(ctx context.Context, binary string) (capacity.Figures, error) {
	s, err := start(ctx, binary)
	if err != nil {
		return nil, err
	}
	defer s.end()
	r, err := s.bench(ctx, load.Options{Pages: manyPages, To: []string{load.Everybody}, Pushes: 64})
	if err != nil {
		return nil, err
	}
	return capacity.Figures{
		capacity.DeliveryCPU: r.Scenes[0].Median.CPUOfDelivery.Total(),
		capacity.BurstCPU:    r.Scenes[1].Median.CPUOfDelivery.Total(),
	}, nil
}

// pushes finds what a push to one page takes.
func pushes(ctx context.Context, binary, name string, settings ...string) (capacity.Figures, error) {
	s, err := start(ctx, binary, settings...)
	if err != nil {
		return nil, err
	}
	defer s.end()
	r, err := s.bench(ctx, load.Options{Pages: 100, To: []string{load.One}, Pushes: 1000, Pipeline: 1})
	if err != nil {
		return nil, err
	}
	return capacity.Figures{name: r.Scenes[0].Median.CPUOfPush.Total()}, nil
}

func redis(ctx context.Context, binary string) (capacity.Figures, error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNotHere, err)
	}
	reserved, err := freeport.Reserve()
	if err != nil {
		return nil, err
	}
	defer reserved.Release()
	_, port, _ := net.SplitHostPort(reserved.Addr())
	child, err := load.StartChild(exec.Command(path, "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes"), nil)
	if err != nil {
		return nil, err
	}
	defer child.Close()
	for begun := time.Now(); time.Since(begun) < 10*time.Second; time.Sleep(20 * time.Millisecond) {
		if c, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
			_ = c.Close()
			break
		}
	}
	return pushes(ctx, binary, capacity.RedisCPU, "SCENECAST_ENGINE=redis", "SCENECAST_REDIS_URL=redis://127.0.0.1:"+port)
}

// pings finds what a ping and its answer take.
func pings(ctx context.Context, binary string) (capacity.Figures, error) {
	s, err := start(ctx, binary, "SCENECAST_WEBSOCKET_PING_INTERVAL=1s", "SCENECAST_WEBSOCKET_PONG_WAIT=5s")
	if err != nil {
		return nil, err
	}
	defer s.end()
	if err := load.RaiseFileLimit(manyPages); err != nil {
		return nil, err
	}
	p := pages{server: s, scheme: "http", path: "/v1/connect", head: upgrade}
	var answering sync.WaitGroup
	defer answering.Wait()
	defer p.close()
	var count atomic.Int64
	for n := range manyPages {
		if err := p.connect(ctx, n); err != nil {
			return nil, err
		}
		c := p.conns[n]
		answering.Go(func() { answerPings(c, &count) })
	}
	before, err1 := s.cpu()
	begun := count.Load()
	select {
	case <-time.After(10 * time.Second):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	pinged := count.Load() - begun
	after, err2 := s.cpu()
	if pinged == 0 {
		return nil, errors.New("no page was pinged")
	}
	return capacity.Figures{capacity.PingCPU: (after - before) / float64(pinged)}, errors.Join(err1, err2)
}
