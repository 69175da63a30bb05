package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// notAfter is the line of the metric of a certificate's end.
func notAfter(setting, name string, c certificateFiles) string {
	return fmt.Sprintf("\nscenecast_certificate_not_after_seconds{certificate=%q,setting=%q} %v\n", name, setting, float64(c.notAfter.Unix()))
}

// TestMetricsOfCertificates: each certificate that stands in a file has its end in the metrics, also one that a reload has read anew; a node tells
// of those that soon end.
func TestMetricsOfCertificates(t *testing.T) {
	t.Parallel()
	first, second, redis, next := newCertificate(t, "one.example"), newCertificate(t, "two.example"), newCertificate(t, "redis.example"), newCertificate(t, "new.example")
	s := startReloadable(t, map[string]string{
		"debug.listen": "127.0.0.1:0", "tls.cert": first.cert, "tls.key": first.key,
		"tls.certificates": fmt.Sprintf("[{cert: %s, key: %s}, {cert: %s, key: %s}]", second.cert, second.key, second.cert, second.key),
		"redis.registry":   "true", "redis.url": "rediss://127.0.0.1:1", "redis.tls.cert": redis.cert, "redis.tls.key": redis.key,
	})
	debug := *s.running
	debug.addr = regexp.MustCompile(`msg=debug addr=(\S+)`).FindStringSubmatch(s.log.String())[1]
	expect := func(lines ...string) {
		t.Helper()
		_, text := debug.call(http.MethodGet, "/metrics", "", "", "")
		if n := strings.Count(text, "\nscenecast_certificate_not_after_seconds{"); n != len(lines) {
			t.Errorf("%d certificates, want %d:\n%s", n, len(lines), text)
		}
		for _, line := range lines {
			if !strings.Contains(text, line) {
				t.Errorf("no line %q in\n%s", line, text)
			}
		}
	}
	expect(notAfter("tls", first.cert, first), notAfter("tls", second.cert, second), notAfter("redis.tls", redis.cert, redis))
	s.set(map[string]string{"tls.cert": next.cert, "tls.key": next.key, "tls.certificates": "[]"})
	if _, err := s.ReloadConfiguration(t.Context()); err != nil {
		t.Fatal(err)
	}
	expect(notAfter("tls", next.cert, next), notAfter("redis.tls", redis.cert, redis))

	client := http2Client(t, next.pool)
	awaitThat(t, "the problem of a certificate", func() bool {
		request, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+s.addr+"/v1/nodes", nil)
		request.Header.Set("Authorization", "Bearer "+apiKey)
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		var answer struct{ Nodes []struct{ Problems []string } }
		if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || len(answer.Nodes) != 1 {
			t.Fatalf("%+v, %v", answer, err)
		}
		want := fmt.Sprintf("the certificate %s expires on %s and was not renewed (tls)", next.cert, next.notAfter.UTC().Format("2006-01-02"))
		return strings.Contains(strings.Join(answer.Nodes[0].Problems, "\n"), want)
	})
}
