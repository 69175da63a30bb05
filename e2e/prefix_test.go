package e2e_test

import (
	"io"
	"net"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// forward passes the connections to a port of its own on to a unix socket until the test ends, because a browser opens no such
// sockets and nginx would not tell which port it has chosen.
func forward(t *testing.T, socket string) (addr string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer from.Close()
				to, err := net.Dial("unix", socket)
				if err != nil {
					return
				}
				defer to.Close()
				running.Go(func() {
					_, _ = io.Copy(to, from)
					_ = to.Close()
				})
				_, _ = io.Copy(from, to)
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		running.Wait()
	})
	return listener.Addr().String()
}

// The demo works below the prefix that nginx strips, with the configuration that docs/operations.md shows: its pages connect, and
// its buttons reach them.
func TestPrefixThroughNginx(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```nginx\n(.*?)```").FindStringSubmatch(string(text))
	if block == nil {
		t.Fatal("docs/operations.md shows no configuration of nginx")
	}
	b := serve(t, anyPort)
	addr := forward(t, runNginx(t, strings.ReplaceAll(block[1], "127.0.0.1:9502", b.addr)))
	home, back := newTab(t, profile{language: "zh-CN"}), newTab(t, profile{language: "zh-CN"})
	home.open("http://" + addr + "/push/demo/home")
	home.wait(`document.querySelector("#state").dataset.state === "open" && e2e.welcomed === 1`)
	home.setSpeed(slow)
	back.open("http://" + addr + "/push/demo/back")
	press(back, "pushHomeLogic", "done", "按钮 1 → 到达 1 个页面。")
	home.waitFor(`e2e.popupTexts()`, []string{text1})
	for _, page := range []*tab{home, back} {
		page.expect(`e2e.violations`, []string{})
	}
}
