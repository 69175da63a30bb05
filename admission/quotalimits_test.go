package admission_test

import (
	"net/netip"
	"testing"

	"scenecast"
	"scenecast/admission"
)

// TestQuotaWithOtherLimits: other limits count for pages that come from then on, and whoever came while there was none for addresses does not
// count against one, nor is it taken off one.
func TestQuotaWithOtherLimits(t *testing.T) {
	here := netip.MustParseAddr("192.0.2.1")
	quota := admission.NewQuota(admission.Limits{})
	acquire := func(what string, want bool) scenecast.Lease {
		t.Helper()
		lease, err := quota.Acquire("app", here)
		if (err == nil) != want {
			t.Errorf("%s: %v", what, err)
		}
		return lease
	}
	early := acquire("without limits", true)
	quota.SetLimits(admission.Limits{PerAddress: 1})
	counted := acquire("the first of its address", true)
	acquire("the second", false)
	quota.Release(early)
	acquire("the second, when one has left that was not counted", false)
	quota.SetLimits(admission.Limits{})
	late := acquire("without limits again", true)
	quota.SetLimits(admission.Limits{PerAddress: 2, PerApp: map[string]int{"app": 3}})
	quota.Release(late)
	acquire("the second of two", true)
	acquire("the third of two", false)
	quota.Release(counted)
	acquire("the second of two, when one has left", true)
	quota.SetLimits(admission.Limits{PerApp: map[string]int{"app": 2}})
	acquire("one more than the app may have", false)
	quota.SetLimits(admission.Limits{})
	acquire("without limits at last", true)
	if n := quota.ByApp()["app"]; n != 3 {
		t.Errorf("%d pages are counted, want 3", n)
	}
}
