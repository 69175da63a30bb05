package main_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"scenecast/client"
)

// TestDiskFull: a node whose disk is full refuses pushes within moments, and never says of one that it was taken that was not; and when
// there is room again it goes on by itself.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=160m"); err != nil {
		t.Skipf("no small file system can be mounted here, so no disk was filled: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	filler := filepath.Join(dir, "filler")
	if err := os.WriteFile(filler, make([]byte, 80<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	f := newFleet(t, 1, "--data-dir", filepath.Join(dir, "data"))
	m := f.nodes[0]
	push := func() (time.Duration, error) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		begun := time.Now()
		_, err := (&client.Backend{URL: m.url, Key: fleetKey, HTTP: m.http}).Push(ctx, client.PushRequest{
			To: client.Audience("*"), Message: json.RawMessage(strconv.Quote(strings.Repeat("x", 100_000))),
		})
		return time.Since(begun), err
	}
	taken := 0
	var err error
	var took time.Duration
	for ; err == nil && taken < 500; taken++ {
		took, err = push()
	}
	var refused *client.Error
	if !errors.As(err, &refused) || refused.Status != 507 || refused.Setting != "data_dir" {
		t.Fatalf("after %d pushes: %v", taken, err)
	}
	t.Logf("the disk is full after %d pushes: %v within %v", taken, err, took)
	for range 3 {
		took, err := push()
		t.Logf("the next: %v within %v", err, took)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	for time.Since(begun) < patience {
		if _, err = push(); err == nil {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if err != nil {
		t.Errorf("there is room again, and it does not go on: %v", err)
	}
	t.Logf("it goes on %v after there was room", time.Since(begun).Round(time.Millisecond))
}
