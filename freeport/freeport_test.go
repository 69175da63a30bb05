package freeport

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

// The ports that processes of TestExclusive take, until there are none: below those that other tests reserve meanwhile.
const testFrom, testTo = 8700, 8799

// asProcess is set in a process that reserves ports for TestExclusive, prints them, and keeps them until its input ends.
const asProcess = "FREEPORT_TEST_PROCESS"

func TestMain(m *testing.M) {
	if os.Getenv(asProcess) == "" {
		os.Exit(m.Run())
	}
	for _, p := range takeAll() {
		fmt.Println(p.Number())
		defer p.Release()
	}
	fmt.Println("end")
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// takeAll reserves, in four goroutines, all ports that it gets.
func takeAll() (ports []*Port) {
	var mu sync.Mutex
	var taking sync.WaitGroup
	for range 4 {
		taking.Go(func() {
			for {
				p, err := reserve(testFrom, testTo, nil)
				if err != nil {
					return
				}
				mu.Lock()
				ports = append(ports, p)
				mu.Unlock()
			}
		})
	}
	taking.Wait()
	return ports
}

// TestExclusive: processes, each with several goroutines, that take whatever they get, never get the same port, and a port whose process
// has been killed can be reserved again.
func TestExclusive(t *testing.T) {
	type process struct {
		cmd    *exec.Cmd
		input  io.Closer
		output *bufio.Scanner
	}
	var processes []process
	for range 3 {
		cmd := exec.Command(os.Args[0])
		cmd.Env, cmd.Stderr = append(os.Environ(), asProcess+"=1"), os.Stderr
		input, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		output, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		processes = append(processes, process{cmd, input, bufio.NewScanner(output)})
	}
	owners := make(map[string]int) // by port: 0 is this process
	own := takeAll()
	for _, p := range own {
		if _, again := owners[p.Number()]; again {
			t.Errorf("goroutines of one process have both got %s", p.Number())
		}
		owners[p.Number()] = 0
	}
	for i, p := range processes {
		for p.output.Scan() && p.output.Text() != "end" {
			if of, again := owners[p.output.Text()]; again {
				t.Errorf("process %d has got %s, which is process %d's", i+1, p.output.Text(), of)
			}
			owners[p.output.Text()] = i + 1
		}
	}
	if len(owners) < (testTo-testFrom+1)/2 {
		t.Errorf("%d ports were reserved in all", len(owners))
	}
	for _, p := range processes {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
		_ = p.input.Close()
	}
	again := takeAll()
	if len(again) < len(owners)-len(own) {
		t.Errorf("%d ports can be reserved that killed processes had, want %d", len(again), len(owners)-len(own))
	}
	for _, p := range append(own, again...) {
		p.Release()
	}
}

// TestReserve: on a reserved port a server can listen, again and again; one on which somebody listens is not reserved.
func TestReserve(t *testing.T) {
	p := For(t)
	if !strings.HasPrefix(p.Addr(), "127.0.0.1:") || !strings.HasSuffix(p.Addr(), ":"+p.Number()) {
		t.Errorf("%s, %s", p.Addr(), p.Number())
	}
	for range 2 {
		l, err := net.Listen("tcp", p.Addr())
		if err != nil {
			t.Fatal(err)
		}
		c, err := net.Dial("tcp", p.Addr())
		if err != nil {
			t.Fatal(err)
		}
		s, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		_ = l.Close()
		_ = s.Close() // first, so that its end is the one that stays in TIME_WAIT
		_ = c.Close()
	}
	if again, err := reserve(p.number, p.number, nil); err == nil {
		t.Errorf("%s is reserved twice", again.Addr())
	}
	p.Release()
	l, err := net.Listen("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if taken, err := reserve(p.number, p.number, nil); err == nil {
		t.Errorf("%s is reserved, and somebody listens there", taken.Addr())
	}
	if below, err := reserve(p.number-7, p.number, []int{7}); err == nil {
		t.Errorf("%s is reserved with the one 7 above it, where somebody listens", below.Addr())
	}
}

// TestReserveWithOthers: the ports that belong to a port are reserved and released with it, and stay below the last one.
func TestReserveWithOthers(t *testing.T) {
	base := For(t, 10)
	if other, err := reserve(base.number+10, base.number+10, nil); err == nil {
		t.Errorf("%s is reserved twice", other.Addr())
	}
	base.Release()
	other, err := reserve(base.number+10, base.number+10, nil)
	if err != nil {
		t.Fatal(err)
	}
	other.Release()
	if beyond, err := reserve(base.number, base.number+9, []int{10}); err == nil {
		t.Errorf("%s is reserved, and the one 10 above it is not allowed", beyond.Addr())
	}
}

func TestLast(t *testing.T) {
	for text, want := range map[string]int{
		"32768\t60999\n": 32767,
		"49152 65535":    49151,
		"15000 60999":    14999,
		"1024\t65535\n":  highest, // no room below
		"":               highest, // another system
		"x":              highest,
	} {
		if got := last(text); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
	for range 100 {
		if p := For(t); p.number < lowest || p.number > 65535 {
			t.Errorf("%s", p.Addr())
		}
	}
}
