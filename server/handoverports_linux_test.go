package server

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"scenecast/freeport"
	"scenecast/handover"
)

// dashboardURL is where the dashboard of a server with a port of its own is.
func (g *generation) dashboardURL() string {
	return "http://" + g.dashboard.listener.Addr().String() + "/dashboard/"
}

// logInToDashboard is the cookie that the key of moves gets.
func logInToDashboard(t *testing.T, url string) string {
	t.Helper()
	response, err := http.Post(url+"login", "application/json", strings.NewReader(`{"key":"`+moveKey+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusNoContent {
		t.Fatalf("the login is answered %s", response.Status)
	}
	return response.Cookies()[0].Name + "=" + response.Cookies()[0].Value
}

// askDashboard makes a call with a cookie, over a connection of its own.
func askDashboard(ctx context.Context, url, cookie string) (status int, answer string, err error) {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"api/v1/nodes", nil)
	if err != nil {
		return 0, "", err
	}
	request.Header.Set("Cookie", cookie)
	response, err := client.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response.StatusCode, string(body), err
}

// TestHandoverOfDashboard: the dashboard's own port answers at each step of two handovers, and a session goes on. A step is a line that a new
// process logs.
func TestHandoverOfDashboard(t *testing.T) {
	m := newMoves(t, map[string]string{"dashboard.enabled": "true", "dashboard.listen": "127.0.0.1:0"})
	steps := make(chan struct{}, 1)
	m.options.Logger = logOfFailure(t, writerFunc(func(line []byte) (int, error) {
		select {
		case steps <- struct{}{}:
		default: // the next call comes behind this step as well
		}
		return len(line), nil
	}))
	url := m.current.dashboardURL()
	cookie := logInToDashboard(t, url)
	ask := func(when string) {
		if status, answer, err := askDashboard(t.Context(), url, cookie); err != nil || status != http.StatusOK {
			t.Errorf("%s: %d %s, %v", when, status, answer, err)
		}
	}
	stop, calls := make(chan struct{}), 0
	var asking sync.WaitGroup
	asking.Go(func() {
		for {
			select {
			case <-steps:
				ask("meanwhile")
				calls++
			case <-stop:
				return
			}
		}
	})
	for range 2 {
		m.awaitEnd(m.next())
		if got := m.current.dashboardURL(); got != url {
			t.Errorf("it is at %s now, and was at %s", got, url)
		}
		ask("afterwards")
	}
	close(stop)
	asking.Wait()
	t.Logf("%d calls during two handovers", calls)
}

// TestHandoverChangesDashboard: a process of which the dashboard has no port of its own, or one elsewhere, hands over as any does.
func TestHandoverChangesDashboard(t *testing.T) {
	addrs := freeport.Addrs(t, 2)
	m := newMoves(t, map[string]string{"dashboard.enabled": "true"})
	for _, addr := range []string{addrs[0], addrs[1], "", addrs[0]} {
		m.options.Config.Dashboard.Listen = addr
		m.awaitEnd(m.next())
		url := "http://" + m.current.Addr().String() + "/dashboard/"
		if addr != "" {
			url = "http://" + addr + "/dashboard/"
		}
		logInToDashboard(t, url)
	}
	// The same port at another host cannot be opened while the running process has it, and must not be taken for the one that is asked for.
	_, port, _ := net.SplitHostPort(addrs[0])
	o := m.options
	o.Config.Dashboard.Listen = ":" + port
	m.awaitListening()
	if s, err := New(t.Context(), o); !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), "dashboard.listen") {
		t.Errorf("the same port at all addresses: %v, %v", s, err)
	}
	logInToDashboard(t, "http://"+addrs[0]+"/dashboard/")
}

// TestHandoverToOlderVersion: one that does not say that it takes the dashboard's port is neither sent it nor told of it.
func TestHandoverToOlderVersion(t *testing.T) {
	m := newMoves(t, map[string]string{"dashboard.enabled": "true", "dashboard.listen": "127.0.0.1:0"})
	for _, takes := range []bool{false, true} {
		m.awaitListening()
		m.socket = nil
		f := m.fakeSuccessor()
		f.hello(func(h *handover.Hello) { h.Dashboard = takes })
		w, err := decodeWelcome(f.until(handover.KindWelcome))
		files := 0
		for fd, ok := f.TakeFile(); ok; fd, ok = f.TakeFile() {
			files++
			if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0); err != nil || flags&unix.O_NONBLOCK == 0 {
				t.Errorf("descriptor %d blocks (%#x, %v), and so the running process", files, flags, err)
			}
			_ = unix.Close(fd)
		}
		want := len(m.current.loops) + 1
		if takes {
			want++
		}
		if err != nil || w.hasDashboard != takes || files != want {
			t.Errorf("takes %v: %+v, %v, with %d descriptors, want %d", takes, w, err, files, want)
		}
		f.Close()
		awaitTrue(t, "the server hands over again", func() bool { return len(m.current.handover.busy) == 1 })
	}
}

// TestIsAt: an open port is the one of the settings where both host and port are.
func TestIsAt(t *testing.T) {
	open := func(ip string, port int) net.Addr { return &net.TCPAddr{IP: net.ParseIP(ip), Port: port} }
	for _, c := range []struct {
		open   net.Addr
		wanted string
		want   bool
	}{
		{open("127.0.0.1", 9503), "127.0.0.1:9503", true},
		{open("127.0.0.1", 9503), "localhost:9503", true},
		{open("127.0.0.1", 9503), "127.0.0.1:0", true},
		{open("127.0.0.1", 9503), "127.0.0.1:9504", false},
		{open("::", 9503), ":9503", true},
		{open("::", 9503), "0.0.0.0:9503", true},
		{open("::", 9503), "[::]:0", true},
		{open("::", 9503), "127.0.0.1:9503", false},
		{open("127.0.0.1", 9503), ":9503", false},
		{open("127.0.0.1", 9503), "0.0.0.0:0", false},
		{open("::1", 9503), "127.0.0.1:9503", false},
		{&net.UnixAddr{Name: "/run/port"}, "127.0.0.1:9503", false},
		{open("127.0.0.1", 9503), "nonsense", false},
	} {
		if got := isAt(c.open, c.wanted); got != c.want {
			t.Errorf("%v for %s: %v", c.open, c.wanted, got)
		}
	}
}
