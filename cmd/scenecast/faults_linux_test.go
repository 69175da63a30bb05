package main_test

import (
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"scenecast/client"
)

// damage does something to every file of a directory tree that holds entries of logs.
func damage(t *testing.T, dir string, how func(path string, size int64) error) (files int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".blk" || !strings.Contains(path, "SCENECAST_") {
			return err
		}
		info, err := entry.Info()
		if err != nil || info.Size() < 1000 {
			return err
		}
		files++
		return how(path, info.Size())
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// flip changes bytes in the middle of a file.
func flip(path string, size int64) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	b := make([]byte, 200)
	if _, err := f.ReadAt(b, size/2); err != nil {
		return err
	}
	for i := range b {
		b[i] ^= 0x55
	}
	_, err = f.WriteAt(b, size/2)
	return err
}

// halve cuts off the second half.
func halve(path string, size int64) error { return os.Truncate(path, size/2) }

// TestDamagedLogOfOneNode: one node of three finds its files damaged when it starts. It has what the others have, and nobody notices.
func TestDamagedLogOfOneNode(t *testing.T) {
	for name, how := range map[string]func(string, int64) error{"Flipped": flip, "CutOff": halve} {
		t.Run(name, func(t *testing.T) {
			f := newFleet(t, 3)
			l := startLoad(t, f)
			time.Sleep(time.Second)
			m := f.nodes[rand.IntN(3)]
			m.kill()
			if damage(t, m.dir, how) == 0 {
				t.Error("nothing was damaged")
			}
			m.start()
			m.awaitReady()
			time.Sleep(500 * time.Millisecond)
			l.end()
		})
	}
}

// TestDamagedLogOfASingleNode: it starts, and pages that come back get what is left, as it was pushed, or are told of a gap.
func TestDamagedLogOfASingleNode(t *testing.T) {
	for name, how := range map[string]func(string, int64) error{"Flipped": flip, "CutOff": halve} {
		t.Run(name, func(t *testing.T) {
			f := newFleet(t, 1)
			m := f.nodes[0]
			b := &client.Backend{URL: m.url, Key: fleetKey, HTTP: m.http}
			push := func(n int) {
				t.Helper()
				text := strconv.Quote(fmt.Sprint(n, " ", strings.Repeat("x", 300)))
				if _, err := b.Push(t.Context(), client.PushRequest{To: client.Audience("*"), Message: []byte(text)}); err != nil {
					t.Fatal(err)
				}
			}
			var since client.Welcome
			left := func() {}
			visit := func(p client.PageOptions, ends func(client.Push) bool) {
				t.Helper()
				ctx, leave := context.WithTimeout(t.Context(), patience)
				defer leave()
				left = leave // a gap ends at the newest, behind which nothing comes
				p.URL, p.Token, p.PageID = m.url, fleetToken, "page"
				p.OnWelcome = func(w client.Welcome) {
					if since.ID == "" {
						since = w
						leave()
					}
				}
				page, err := client.NewPage(p)
				if err != nil {
					t.Fatal(err)
				}
				_ = page.Run(ctx, func(push client.Push) error {
					if ends(push) {
						leave()
					}
					return nil
				})
			}
			visit(client.PageOptions{}, func(client.Push) bool { return true })
			for n := range 200 {
				push(n)
			}
			m.kill()
			if damage(t, m.dir, how) == 0 {
				t.Error("nothing was damaged")
			}
			m.start()
			m.awaitReady()
			push(200)
			gaps, last, shown := 0, -1, 0
			visit(client.PageOptions{Since: since.Position, OnGap: func(client.Gap) { gaps++; left() }}, func(p client.Push) bool {
				text, err := strconv.Unquote(string(p.Data))
				number, rest, _ := strings.Cut(text, " ")
				n, err2 := strconv.Atoi(number)
				if err != nil || err2 != nil || n <= last || rest != strings.Repeat("x", 300) {
					t.Errorf("the page was given %q behind %d", p.Data, last)
				}
				if n != last+1 && gaps == 0 {
					t.Errorf("%d follows %d, and the page was told of no gap", n, last)
				}
				last = n
				shown++
				return n == 200
			})
			if last != 200 && gaps == 0 {
				t.Errorf("the page was given %d pushes up to %d, and no gap", shown, last)
			}
			t.Logf("the page was given %d of 201 pushes, and told of %d gaps; the node's log: %s", shown, gaps, lines(m.log.String(), "WARN", "ERROR"))
		})
	}
}

// lines are those of a log that have one of the words.
func lines(log string, words ...string) string {
	var some []string
	for _, line := range strings.Split(log, "\n") {
		for _, word := range words {
			if strings.Contains(line, word) && !strings.Contains(line, "configuration:") {
				some = append(some, "\n  "+line)
			}
		}
	}
	return strings.Join(some, "")
}

// TestPartition cuts one node of three off for a while, by routes in network namespaces. The side with a majority goes on; the other
// takes no pushes, and says so; and when the network is whole again, pages of all three have everything, once and in order.
func TestPartition(t *testing.T) {
	n, err := newNetworks(t, 3)
	if err != nil {
		t.Skipf("network namespaces are not permitted here, so nothing was cut off: %v", err)
	}
	f := newFleetAt(t, n.at(9502), n.at(9601), n.before())
	l := startLoad(t, f)
	time.Sleep(time.Second)
	if *chaos < 50 {
		partition(t, f, n, rand.IntN(3), 4*time.Second)
	} else {
		for node := range f.nodes { // one of them leads the log
			partition(t, f, n, node, 30*time.Second)
		}
	}
	time.Sleep(time.Second)
	l.end()
}

// partition cuts a node off for a while, with pushes to it and to another one, until it is ready again.
func partition(t *testing.T, f *fleet, n *networks, node int, lasts time.Duration) {
	t.Helper()
	alone, other := f.nodes[node], f.nodes[(node+1)%3]
	n.cut(node)
	push := func(m *member) error {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_, err := (&client.Backend{URL: m.url, Key: fleetKey, HTTP: m.http}).Push(ctx, client.PushRequest{To: client.Audience(`nobody == "here"`), Message: []byte(`1`)})
		return err
	}
	begun := time.Now()
	refused, taken := 0, 0
	var without time.Duration
	for last := begun; time.Since(begun) < lasts; time.Sleep(50 * time.Millisecond) {
		if push(alone) != nil {
			refused++
		} else if time.Since(begun) > 3*time.Second {
			t.Errorf("the node that is cut off takes a push %v after it was", time.Since(begun))
		}
		if push(other) == nil {
			without, last = max(without, time.Since(last)), time.Now()
			taken++
		}
	}
	if refused == 0 || taken == 0 {
		t.Errorf("the node that is cut off refused %d pushes, and one of the others took %d", refused, taken)
	}
	n.join(node)
	healed := time.Now()
	alone.awaitReady()
	t.Logf("%s was cut off for %v and refused %d pushes; another one took %d, and none for %v; all were ready %v after it was over",
		alone.name, lasts, refused, taken, without.Round(time.Millisecond), time.Since(healed).Round(time.Millisecond))
}
