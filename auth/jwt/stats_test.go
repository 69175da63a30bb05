package jwt_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"scenecast/auth/jwt"
)

// TestStats: each token that is shown is counted once, by what became of it.
func TestStats(t *testing.T) {
	var sets jwt.KeySets
	v := jwt.New([]jwt.App{{Name: "a", Issuer: "joe", MaxLifetime: time.Hour, Keys: []jwt.Key{key("", "", secret)}}})
	sets.Count(v)
	hs := func(with string, changes object) string {
		c := object{"iss": "joe", "exp": unix(time.Minute)}
		for name, value := range changes {
			c[name] = value
		}
		return sign("HS256", "", with, c)
	}
	good := hs(secret, nil)
	for _, token := range []string{
		good, good, good,
		hs(secret, object{"exp": unix(-time.Hour)}), hs(secret, object{"iss": "eve"}), hs(secret, object{"exp": unix(2 * time.Hour)}), hs(otherSecret, nil),
		"no token", strings.Repeat("x", jwt.MaxToken+1),
	} {
		_, _ = v.AuthenticatePage(t.Context(), token)
	}
	want := map[string]int64{
		"valid": 1, "known": 2, "expired": 1, "issuer_or_audience": 1, "lifetime": 1, "signature": 1, "malformed": 2, "unavailable": 0,
	}
	got := sets.Stats()
	if !maps.Equal(got.Verifications, want) {
		t.Errorf("%v, want %v", got.Verifications, want)
	}
	if n := got.Times.Count(); n != 7 {
		t.Errorf("%d times, want 7: of all but those that were known", n)
	}
	if got.Age != 0 || !maps.Equal(got.Refreshes, map[string]int64{"read": 0, "failed": 0}) {
		t.Errorf("without a key set: %+v", got)
	}
}
