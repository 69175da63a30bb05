package server_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// fewDescriptors is in the environment of the process that is a server with few file descriptors.
const fewDescriptors = "SCENECAST_TEST_FEW_DESCRIPTORS"

// TestServeWithFewDescriptors is that process: it says its address, and serves until its input ends.
func TestServeWithFewDescriptors(t *testing.T) {
	if os.Getenv(fewDescriptors) == "" {
		t.Skip("a part of TestFewDescriptors")
	}
	s := start(t, map[string]string{"http.head_timeout": "1h", "http.idle_timeout": "1h"}, nil)
	fmt.Println("listening on", s.addr)
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// serveWithFewDescriptors runs a server that may have so many.
func serveWithFewDescriptors(t *testing.T, limit int) *running {
	t.Helper()
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip(err)
	}
	command := exec.Command("sh", "-c", fmt.Sprintf(`ulimit -n %d; exec "$0" "$@"`, limit),
		os.Args[0], "-test.run=^TestServeWithFewDescriptors$", fmt.Sprintf("-portable=%v", *portable))
	command.Env = append(os.Environ(), fewDescriptors+"=1")
	command.Stderr = os.Stderr
	stdin, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	addr := ""
	for addr == "" && lines.Scan() {
		addr, _ = strings.CutPrefix(lines.Text(), "listening on ")
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		for lines.Scan() {
		}
		if err := command.Wait(); err != nil {
			t.Errorf("the server: %v", err)
		}
	})
	return &running{t: t, addr: addr, secrets: new(secrets)}
}

// TestFewDescriptors: kept connections that wait for nothing give way, pages leave the last descriptors to others whichever way they
// come, and are told so in the form that has them come back.
func TestFewDescriptors(t *testing.T) {
	s := serveWithFewDescriptors(t, 64)
	const health = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
	healthy := func() bool {
		conn, err := net.Dial("tcp", s.addr)
		if err != nil {
			return false
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(patience))
		_, _ = io.WriteString(conn, health)
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		return err == nil && response.StatusCode == http.StatusOK
	}

	// Idle connections, far more than there are descriptors.
	var kept []net.Conn
	for range 200 {
		conn, in := s.raw(health)
		if response, err := http.ReadResponse(in, nil); err != nil || response.StatusCode != http.StatusOK {
			t.Fatalf("connection %d: %+v, %v", len(kept), response, err)
		}
		kept = append(kept, conn)
	}
	if !healthy() {
		t.Error("no health check behind idle connections")
	}
	for _, conn := range kept {
		_ = conn.Close()
	}

	// Pages that come on kept connections, which is the way past a loop's own check.
	in, refused := 0, 0
	for range 64 {
		_, reader := s.raw(health + upgrade("/?token="+pageToken))
		first, err := http.ReadResponse(reader, nil)
		if err != nil || first.StatusCode != http.StatusOK {
			t.Fatalf("behind %d pages: %+v, %v", in, first, err)
		}
		readAll(t, first)
		switch second, err := http.ReadResponse(reader, nil); {
		case err == nil && second.StatusCode == http.StatusSwitchingProtocols:
			in++
		case err == nil && second.StatusCode == http.StatusServiceUnavailable && strings.Contains(readAll(t, second), "no file descriptor left"):
			refused++
		default:
			t.Fatalf("behind %d pages: %+v, %v", in, second, err)
		}
	}
	if in == 0 || refused == 0 {
		t.Errorf("%d pages are in, %d were refused", in, refused)
	}
	for range 3 {
		if !healthy() {
			t.Error("no health check behind pages")
		}
	}
	// Pages that come first on their connections take what is left.
	for refused := 0; refused < 3; {
		conn, reader := s.raw(upgrade("/?token=" + pageToken))
		response, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatal(err)
		}
		if response.StatusCode == http.StatusServiceUnavailable {
			refused++
			_ = conn.Close()
		}
	}
	events := s.events("token=" + pageToken)
	if stream := readAll(t, events.head); events.head.StatusCode != http.StatusOK || !strings.HasPrefix(stream, "retry: ") ||
		!strings.Contains(stream, `"code":4503`) {
		t.Errorf("a stream: %s %q", events.head.Status, stream)
	}
	if !healthy() {
		t.Error("no health check behind all of them")
	}
}
