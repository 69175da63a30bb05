package config

import (
	"math"
	"testing"
	"time"
)

func TestDuration(t *testing.T) {
	for _, c := range []struct {
		text string
		want time.Duration
		as   string // printed
	}{
		{"0", 0, "0s"},
		{"0s", 0, "0s"},
		{"1ns", 1, "1ns"},
		{"250ms", 250 * time.Millisecond, "250ms"},
		{"1.5s", 1500 * time.Millisecond, "1.5s"},
		{"30s", 30 * time.Second, "30s"},
		{"60s", time.Minute, "1m"},
		{"90s", 90 * time.Second, "1m30s"},
		{"600s", 10 * time.Minute, "10m"},
		{"10m0.5s", 10*time.Minute + 500*time.Millisecond, "10m0.5s"},
		{"60m", time.Hour, "1h"},
		{"1h30m", 90 * time.Minute, "1h30m"},
		{"10h10m10s", 10*time.Hour + 10*time.Minute + 10*time.Second, "10h10m10s"},
		{"1h0m1s", time.Hour + time.Second, "1h0m1s"},
		{"100h", 100 * time.Hour, "100h"},
	} {
		d, err := parseDuration(c.text)
		if err != nil || time.Duration(d) != c.want || d.String() != c.as {
			t.Errorf("parseDuration(%q) = %v, %v, want %v, printed %s", c.text, d, err, c.want, c.as)
		}
	}
	for _, text := range []string{"", "1", "s", "1 s", "-1s", "1d", "1m 30s", "9999999h", "١s", "1s\n"} {
		if d, err := parseDuration(text); err == nil || d != 0 {
			t.Errorf("parseDuration(%q) = %v, %v, want an error", text, d, err)
		}
	}
}

func TestSize(t *testing.T) {
	for _, c := range []struct {
		text string
		want Size
		as   string // printed
	}{
		{"0", 0, "0"},
		{"0KiB", 0, "0"},
		{"1", 1, "1"},
		{"512B", 512, "512"},
		{"1023", 1023, "1023"},
		{"1024", 1024, "1KiB"},
		{"1025", 1025, "1025"},
		{"64KiB", 64 << 10, "64KiB"},
		{"64 KiB", 64 << 10, "64KiB"},
		{"1024KiB", 1 << 20, "1MiB"},
		{"1536KiB", 3 << 19, "1536KiB"},
		{"1GiB", 1 << 30, "1GiB"},
		{"1073741824", 1 << 30, "1GiB"},
	} {
		s, err := parseSize(c.text)
		if err != nil || s != c.want || s.String() != c.as {
			t.Errorf("parseSize(%q) = %v, %v, want %d, printed %s", c.text, int(s), err, c.want, c.as)
		}
	}
	for _, text := range []string{
		"", "KiB", "-1", "1K", "1KB", "1kib", "1.5MiB", "1 MiB MiB", "1MiBKiB", "1073741825", "2GiB", "1025MiB", "2147483647GiB",
		"9223372036854775808", "1_000", "0x10", "1e3", "١",
	} {
		if s, err := parseSize(text); err == nil || s != 0 {
			t.Errorf("parseSize(%q) = %d, %v, want an error", text, int(s), err)
		}
	}
}

// FuzzDuration: what is printed reads back.
func FuzzDuration(f *testing.F) {
	for _, n := range []int64{0, 1, 1e9, 60e9, 3600e9, 3601e9, 36_000e9, 600e9, math.MaxInt64} {
		f.Add(n)
	}
	f.Fuzz(func(t *testing.T, n int64) {
		d := Duration(n & math.MaxInt64)
		if back, err := parseDuration(d.String()); err != nil || back != d {
			t.Errorf("%d ns are printed %v, which reads as %d, %v", int64(d), d, int64(back), err)
		}
	})
}

// FuzzSize: what is printed reads back, and what reads is within bounds.
func FuzzSize(f *testing.F) {
	f.Add(uint32(64<<10), "64KiB")
	f.Add(uint32(1<<30), "1073741825")
	f.Fuzz(func(t *testing.T, n uint32, text string) {
		s := Size(n % (maxSize + 1))
		if back, err := parseSize(s.String()); err != nil || back != s {
			t.Errorf("%d bytes are printed %v, which reads as %d, %v", int(s), s, int(back), err)
		}
		if s, err := parseSize(text); s < 0 || s > maxSize || err != nil && s != 0 {
			t.Errorf("parseSize(%q) = %d, %v", text, int(s), err)
		}
	})
}
