package admission_test

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"scenecast/admission"
	"scenecast/problem"
)

// retry is when a refusal says that it is worth trying again; 0: there is none.
func retry(t *testing.T, err error, setting string) time.Duration {
	t.Helper()
	if err == nil {
		return 0
	}
	var p *problem.Problem
	if !errors.As(err, &p) || p.Kind != problem.TooMany || p.Setting != setting || p.Retry <= 0 {
		t.Fatalf("%v, want it to be decided by %s", err, setting)
	}
	return p.Retry
}

// TestConnectRate: an address, and a /64 of IPv6, has a rate of its own.
func TestConnectRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := admission.AddressLimits{Connects: 1}
		a := admission.NewAddresses(func() admission.AddressLimits { return limits })
		for _, c := range []struct {
			from string
			want time.Duration
		}{
			{"192.0.2.1", 0}, {"192.0.2.1", time.Second}, {"192.0.2.2", 0},
			{"2001:db8::1", 0}, {"2001:db8::2", time.Second}, {"2001:db8:0:1::1", 0},
		} {
			if wait := retry(t, a.Connect(netip.MustParseAddr(c.from)), "limits.connect_rate"); wait != c.want {
				t.Errorf("%s: to wait %v, want %v", c.from, wait, c.want)
			}
		}
		time.Sleep(time.Second)
		if err := a.Connect(netip.MustParseAddr("192.0.2.1")); err != nil {
			t.Errorf("a second later: %v", err)
		}
		if connects, tokens := a.Refused(); connects != 2 || tokens != 0 {
			t.Errorf("refused are %d and %d", connects, tokens)
		}
		limits = admission.AddressLimits{}
		if err := a.Connect(netip.MustParseAddr("192.0.2.1")); err != nil {
			t.Errorf("without a limit: %v", err)
		}
	})
}

// TestFailedTokens: an address that has shown too many wrong tokens is refused until their time has passed, whatever it does; others are not.
func TestFailedTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := admission.NewAddresses(func() admission.AddressLimits { return admission.AddressLimits{FailedTokens: 2} })
		from, other := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
		for i := range 2 {
			if err := a.Check(from); err != nil {
				t.Errorf("after %d: %v", i, err)
			}
			a.Failed(from)
		}
		for range 3 { // asking costs nothing
			if wait := retry(t, a.Check(from), "limits.failed_tokens"); wait != 500*time.Millisecond {
				t.Errorf("to wait %v", wait)
			}
			if wait := retry(t, a.Connect(from), "limits.failed_tokens"); wait != 500*time.Millisecond {
				t.Errorf("as a page: to wait %v", wait)
			}
		}
		if err := errors.Join(a.Check(other), a.Connect(other)); err != nil {
			t.Errorf("another address: %v", err)
		}
		time.Sleep(500 * time.Millisecond)
		if err := a.Check(from); err != nil {
			t.Errorf("half a second later: %v", err)
		}
	})
}

// TestConnectsForgetNoFailures: where pages may come as fast as they like, those of many addresses take no room from one that has shown wrong
// tokens.
func TestConnectsForgetNoFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := admission.NewAddresses(func() admission.AddressLimits { return admission.AddressLimits{FailedTokens: 1} })
		bad := netip.MustParseAddr("192.0.2.1")
		a.Failed(bad)
		for i := range uint32(1<<16 + 1) {
			var from [4]byte
			binary.BigEndian.PutUint32(from[:], 10<<24|i)
			if err := a.Connect(netip.AddrFrom4(from)); err != nil {
				t.Fatalf("%v: %v", from, err)
			}
		}
		if a.Connect(bad) == nil {
			t.Error("its wrong token was forgotten")
		}
	})
}

// TestManyAddresses: the table is bounded; those heard of least recently are forgotten, and one that goes on is not.
func TestManyAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := admission.NewAddresses(func() admission.AddressLimits { return admission.AddressLimits{Connects: 1} })
		busy, quiet := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
		_, _ = a.Connect(busy), a.Connect(quiet)
		for i := range uint32(1 << 16) {
			var from [4]byte
			binary.BigEndian.PutUint32(from[:], 10<<24|i)
			if err := a.Connect(netip.AddrFrom4(from)); err != nil {
				t.Fatalf("%v: %v", from, err)
			}
			if i%1000 == 0 && a.Connect(busy) == nil {
				t.Fatal("the busy one was forgotten")
			}
		}
		if err := a.Connect(quiet); err != nil {
			t.Errorf("the quiet one was not forgotten: %v", err)
		}
		if a.Connect(busy) == nil {
			t.Error("the busy one was forgotten")
		}
	})
}
