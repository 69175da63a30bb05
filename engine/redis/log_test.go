package redis_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"scenecast"
	"scenecast/engine/cluster"
	"scenecast/engine/redis"
	"scenecast/engine/tail"
	"scenecast/redisclient"
	"scenecast/redisclient/redistest"
)

// TestLogIsTrimmed to about as many bytes as are set.
func TestLogIsTrimmed(t *testing.T) {
	s := redistest.Start(t)
	f := startFleet(t, 2, client(t, redisclient.Options{URL: "redis://" + s.Addr}), func(o *redis.Options) { o.MaxBytes = 4 << 20 })
	data := []byte(`"` + strings.Repeat("x", 64<<10) + `"`)
	for i := range 200 { // some 13 MB
		p := push(fmt.Sprint(i))
		p.Message.Data = data
		pending, err := f.engines[i%2].Submit(p)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := pending.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := length(t, s.Client()); n < 50 || n > 100 { // 64 entries are 4 MiB, and a MiB more or less is not looked at
		t.Errorf("the log has %d entries", n)
	}
	_, late := f.start(t)
	if got := late.ids(); len(got) < 50 || got[len(got)-1] != "199" {
		t.Errorf("a node that starts is given %d pushes", len(got))
	}
}

// TestQuietLogIsTrimmed: what is too old goes also where nothing is published; also where Redis takes no writes any more because of it.
func TestQuietLogIsTrimmed(t *testing.T) {
	for _, isFull := range []bool{false, true} {
		s := redistest.Start(t, "--maxmemory", "64mb")
		c := s.Client()
		f := startFleet(t, 2, client(t, redisclient.Options{URL: "redis://" + s.Addr}), func(o *redis.Options) { o.MaxAge = 3 * time.Second })
		data := []byte(`"` + strings.Repeat("x", 32<<10) + `"`)
		for i := range 300 {
			p := push(fmt.Sprint(i))
			p.Message.Data = data
			pending, err := f.engines[i%2].Submit(p)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := pending.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if isFull {
			do(t, c, "CONFIG SET maxmemory 6mb") // the log has 9 MB
		}
		until(t, func() bool { return length(t, c) < 20 })
		f.publish(t, 0, "when there is room")
		f.check(t)
	}
}

// TestScanFindsDamage: what is missing or foreign in the log is told, and the rest is read.
func TestScanFindsDamage(t *testing.T) {
	s := redistest.Start(t)
	f := startFleet(t, 1, client(t, redisclient.Options{URL: "redis://" + s.Addr}))
	for i := range 5 {
		f.publish(t, 0, fmt.Sprint(i))
	}
	c := s.Client()
	answer := redistest.Do(t, c, "XRANGE", logKey, "-", "+")
	entries, err := answer.AsXRange()
	if err != nil || len(entries) != 6 {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
	do(t, c, "XDEL "+logKey+" "+entries[3].ID, "XADD "+logKey+" * some thing")
	var ids []string
	scan, err := redis.Scan(t.Context(), f.options, cluster.NewReader(tail.KeyOptions{}), func(p *scenecast.Push) { ids = append(ids, p.ID) })
	if err != nil || len(scan.Damage) != 2 || fmt.Sprint(ids) != "[0 1 3 4]" || scan.Epochs != 1 || scan.Records != 4 {
		t.Errorf("%+v, %v, %v", scan, ids, err)
	}
	for i, want := range []string{"what was between is missing", "none of Scenecast's"} {
		if i < len(scan.Damage) && !strings.Contains(scan.Damage[i].Error(), want) {
			t.Errorf("damage %d is %v, want %s", i, scan.Damage[i], want)
		}
	}
}
