package nats_test

import (
	"fmt"
	"testing"
	"time"

	"scenecast"
	"scenecast/engine/cluster"
	"scenecast/engine/nats"
)

// TestRestartWhenEverythingIsTooOld: a node that was down for longer than its log keeps records starts, and goes on behind them.
func TestRestartWhenEverythingIsTooOld(t *testing.T) {
	for name, url := range map[string]string{"Embedded": "", "External": external(t).ClientURL()} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			last := scenecast.Position{}
			for round := range 3 {
				o := nats.Options{URL: url, Name: "old", MaxAge: 500 * time.Millisecond, MaxBytes: 16 << 20, Logger: logger()}
				if url == "" {
					o.Embedded.Dir = dir
				}
				b, err := nats.New(o)
				if err != nil {
					t.Fatal(err)
				}
				e := cluster.New(b, cluster.Options{ID: scenecast.NewNodeID(), Logger: logger()})
				if err := e.Start(t.Context(), new(sink)); err != nil {
					t.Fatalf("start %d: %v", round, err)
				}
				for i := range 3 {
					p, err := e.Submit(push(fmt.Sprint(round, ".", i)))
					if err != nil {
						t.Fatal(err)
					}
					got, err := p.Wait(t.Context())
					if err != nil || got.Position.Seq <= last.Seq {
						t.Fatalf("push: %+v behind %v, %v", got, last, err)
					}
					last = got.Position
				}
				if err := e.Close(); err != nil {
					t.Error(err)
				}
				time.Sleep(1200 * time.Millisecond)
			}
		})
	}
}
