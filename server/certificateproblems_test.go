package server

import (
	"slices"
	"testing"
	"time"

	"scenecast/metrics"
)

// TestCertificateProblems: certificates for long and for a few days are told of when what renews them is late, and not before.
func TestCertificateProblems(t *testing.T) {
	const day = 24 * time.Hour
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		life, left time.Duration
		want       []string
	}{
		{90 * day, 30 * day, nil},
		{90 * day, 14 * day, nil},
		{90 * day, 14*day - 1, []string{"the certificate f.pem expires on 2026-03-15 and was not renewed (tls)"}},
		{6 * day, 2 * day, nil},
		{6 * day, day - 1, []string{"the certificate f.pem expires on 2026-03-02 and was not renewed (tls)"}},
		{398 * day, 14 * day, nil},
		{398 * day, day, []string{"the certificate f.pem expires on 2026-03-02 and was not renewed (tls)"}},
		{90 * day, -day, []string{"the certificate f.pem has expired, on 2026-02-28 (tls)"}},
	} {
		ends := now.Add(c.left)
		got := englishOf(certificateProblems([]metrics.Certificate{{Setting: "tls", Name: "f.pem", NotBefore: ends.Add(-c.life), NotAfter: ends}}, now))
		if !slices.Equal(got, c.want) {
			t.Errorf("%v of %v left: %q, want %q", c.left, c.life, got, c.want)
		}
	}
	want := []string{"no certificate for push.example.com has been obtained yet (tls.acme)"}
	if got := englishOf(certificateProblems([]metrics.Certificate{newCertificate(settingACME, "push.example.com", nil)}, now)); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
