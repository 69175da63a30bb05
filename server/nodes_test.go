package server_test

import (
	"net/http"
	"regexp"
	"testing"
)

// TestOneNode: a server alone is its own one node, and with a log on the disk the one that leads it.
func TestOneNode(t *testing.T) {
	const node = `"self":true,"state":"up","since":"[^"]+","started":"[^"]+","connections":1,"position":"[0-9a-z]+-[0-9]+","lag":0,"lag_ms":0,"engine":"(memory|nats)","loop_lag_ms":[0-9]+(,"problems":\["a loop was blocked [^"]+"\])?}\]}$`
	for _, c := range []struct {
		name     string
		settings map[string]string
		want     string
		metrics  map[string]string
	}{
		{"in memory", nil, `^{"nodes":\[{"id":[0-9]+,` + node, map[string]string{
			`scenecast_engine_nodes{state="known"}`: "1", `scenecast_engine_nodes{state="late"}`: "0", `scenecast_engine_leader`: "",
		}},
		{
			"on the disk", map[string]string{"data_dir": t.TempDir(), "cluster.node": "a"},
			`^{"log":{"leader":"a","replicas":1,"in_sync":1},"nodes":\[{"id":[0-9]+,"name":"a",` + node, map[string]string{
				`scenecast_engine_nodes{state="known"}`: "1", `scenecast_engine_leader`: "1",
				`scenecast_engine_replicas{state="wanted"}`: "1", `scenecast_engine_replicas{state="in_sync"}`: "1",
				`scenecast_engine_lag_records`: "0", `scenecast_engine_lag_seconds`: "0",
				`scenecast_engine_records_appended_total`: "1", `scenecast_engine_records_appended_again_total`: "0",
				`scenecast_engine_pushes_failed_total{kind="unavailable"}`: "0", `scenecast_engine_pushes_failed_total{kind="uncertain"}`: "0",
				`scenecast_engine_tallies_late_total`: "0",
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := start(t, c.settings, nil)
			s.page("page=home")
			if status, answer := s.push(`{"to":"*","message":1}`); status != http.StatusOK {
				t.Fatalf("push: %d %s", status, answer)
			}
			status, answer := s.call(http.MethodGet, "/v1/nodes", apiKey, "", "")
			if status != http.StatusOK || !regexp.MustCompile(c.want).MatchString(answer) {
				t.Errorf("%d %s, want %s", status, answer, c.want)
			}
			s.expectMetrics(c.metrics)
		})
	}
}
