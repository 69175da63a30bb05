package server_test

import (
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"scenecast"
	"scenecast/api"
)

// metrics are the series of /metrics on the main port, by name and labels.
func (r *running) metrics() map[string]string {
	r.t.Helper()
	status, answer := r.call(http.MethodGet, "/metrics", apiKey, "", "")
	if status != http.StatusOK {
		r.t.Fatalf("metrics: %d %s", status, answer)
	}
	series := make(map[string]string)
	for line := range strings.SplitSeq(answer, "\n") {
		if end := strings.LastIndexByte(line, ' '); end >= 0 && line[0] != '#' {
			series[line[:end]] = line[end+1:]
		}
	}
	return series
}

func (r *running) expectMetrics(want map[string]string) {
	r.t.Helper()
	got := r.metrics()
	for series, value := range want {
		if got[series] != value {
			r.t.Errorf("%s is %q, want %q", series, got[series], value)
		}
	}
}

// TestMetrics tell of what has happened.
func TestMetrics(t *testing.T) {
	s := startWith(t, map[string]string{"apps": twoApps, "limits.connections": "3"}, func(o *options) { o.Version = `1.2 "x"` })
	s.expectMetrics(map[string]string{
		`scenecast_build_info{version="1.2 \"x\""}`: "1", `scenecast_pushes_total`: "0", `scenecast_ready`: "1", `scenecast_engine_healthy`: "1",
		`scenecast_push_duration_seconds_count{receipt="queued"}`: "0", `scenecast_index_labels`: "0",
		`scenecast_refused_total{reason="too_many"}`: "0", `scenecast_visitors_turned_away_total`: "0",
	})
	s.page("page=home")
	s.page("page=list")
	s.native("token=shop-page")
	s.visit("127.0.0.1", "token="+pageToken)
	s.goodbye(s.native("token=" + pageToken))
	s.goodbye(s.native("token=wrong"))
	s.visit("127.0.0.1", "token="+pageToken+"&page=%zz")
	for _, to := range []string{`"*"`, `{"page":"home"}`, `{"page":"nobody"}`} {
		if status, answer := s.push(`{"to":` + to + `,"message":1}`); status != http.StatusOK {
			t.Errorf("push: %d %s", status, answer)
		}
	}
	s.expectMetrics(map[string]string{
		`scenecast_connections{app="default"}`:                                 "2",
		`scenecast_connections{app="shop"}`:                                    "1",
		`scenecast_pushes_total`:                                               "3",
		`scenecast_deliveries_total{outcome="queued",wire="tutorial"}`:         "3",
		`scenecast_deliveries_total{outcome="dropped",wire="tutorial"}`:        "0",
		`scenecast_deliveries_total{outcome="queued",wire="native"}`:           "0",
		`scenecast_push_duration_seconds_count{receipt="queued"}`:              "3",
		`scenecast_push_duration_seconds_count{receipt="acked"}`:               "0",
		`scenecast_http_requests_total{route="POST /v1/push",status="200"}`:    "3",
		`scenecast_http_request_duration_seconds_count{route="POST /v1/push"}`: "3",
		`scenecast_outbox_bytes`:                                               "0",
		`scenecast_frames_dropped_total`:                                       "0",
		`scenecast_frames_coalesced_total`:                                     "0",
		`scenecast_endings_total{cause="page_closed"}`:                         "0",
		`scenecast_endings_total{cause="refused"}`:                             "2",
		`scenecast_refused_total{reason="too_many"}`:                           "2",
		`scenecast_refused_total{reason="unauthorized"}`:                       "1",
		`scenecast_refused_total{reason="invalid"}`:                            "1",
		`scenecast_refused_total{reason="forbidden"}`:                          "0",
		`scenecast_refused_total{reason="internal"}`:                           "0",
		`scenecast_refused_total{reason="limit_exceeded"}`:                     "0",
	})
}

// TestWhyAPageWasClosed: one line of the log says so, and one figure counts it.
func TestWhyAPageWasClosed(t *testing.T) {
	s := start(t, map[string]string{"log.level": "debug", "client_tokens": `[{token: token-of-42, user: "42"}]`}, nil)
	p := s.native("token=token-of-42&page=home&page_id=p1")
	s.read(p) // the welcome
	if status, answer := s.call(http.MethodPost, "/v1/disconnect", apiKey, "", `{"to":{"@user":"42"},"code":4001,"reason":"signed out"}`); status != 200 {
		t.Fatalf("disconnect: %d %s", status, answer)
	}
	s.goodbye(p)
	var lines []string
	awaitThat(t, "a line of the log", func() bool {
		lines = regexp.MustCompile(`(?m)^.*msg="connection ended".*$`).FindAllString(s.log.String(), -1)
		return len(lines) > 0
	})
	want := regexp.MustCompile(`level=DEBUG msg="connection ended" connection=\d+\.\d+ app=default protocol=native user=42 page_id=p1 ` +
		`cause=disconnected code=4001 detail="signed out"$`)
	if len(lines) != 1 || !want.MatchString(lines[0]) {
		t.Errorf("the log says %q, want one line like %s", lines, want)
	}
	if strings.Contains(s.log.String(), "token-of-42") {
		t.Error("the log has the token")
	}
	s.expectMetrics(map[string]string{`scenecast_endings_total{cause="disconnected"}`: "1", `scenecast_endings_total{cause="page_closed"}`: "0"})
}

// operationsDocuments are docs/operations.md in both languages, by their headings of the section about endings.
var operationsDocuments = map[string]string{
	"../docs/operations.md":       "## Why a page was closed",
	"../docs/operations.zh-CN.md": "## 页面为何被关闭",
}

// TestCausesDocument: docs/operations.md explains each cause of an ending, and no others, in both languages.
func TestCausesDocument(t *testing.T) {
	var causes []string
	for _, c := range scenecast.Causes() {
		causes = append(causes, c.String())
	}
	slices.Sort(causes)
	for file, heading := range operationsDocuments {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, section, _ := strings.Cut(string(text), heading)
		section, _, _ = strings.Cut(section, "\n## ")
		var documented []string
		for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|").FindAllStringSubmatch(section, -1) {
			documented = append(documented, row[1])
		}
		slices.Sort(documented)
		if !slices.Equal(documented, causes) {
			t.Errorf("%s has %q, and there are %q", file, documented, causes)
		}
	}
}

// TestMetricsAreForOperators: keys of the default app that may read, and whoever reaches the debug port.
func TestMetricsAreForOperators(t *testing.T) {
	s := start(t, map[string]string{"apps": twoApps, "debug.listen": "127.0.0.1:0"}, nil)
	for _, c := range []struct {
		key    string
		status int
	}{{"", 401}, {"wrong", 401}, {pageToken, 401}, {pushKey, 403}, {"shop-key", 403}, {apiKey, 200}} {
		if status, answer := s.call(http.MethodGet, "/metrics", c.key, "", ""); status != c.status {
			t.Errorf("with the key %q: %d %.80s, want %d", c.key, status, answer, c.status)
		}
	}
	debug := *s
	debug.addr = regexp.MustCompile(`msg=debug addr=(\S+)`).FindStringSubmatch(s.log.String())[1]
	if status, answer := debug.call(http.MethodGet, "/metrics", "", "", ""); status != 200 || !strings.Contains(answer, "scenecast_connections") {
		t.Errorf("on the debug port: %d %.80s", status, answer)
	}
}

// monitored are settings of a server that has all metrics.
func monitored(t *testing.T) map[string]string {
	client := newCertificate(t, "node.example")
	return map[string]string{ // with a log of its own a registry and a hook, whose figures are documented as well
		"data_dir": t.TempDir(), "redis.registry": "true", "redis.url": "rediss://127.0.0.1:1", "redis.tls.cert": client.cert, "redis.tls.key": client.key,
		"hooks.events": "[{name: all, url: 'http://127.0.0.1:1'}]", "hooks.connect": "{url: 'http://127.0.0.1:1', on_error: allow}",
		"hooks.call": "{url: 'http://127.0.0.1:1'}", "jwt.keys": "[{key: 'a secret of thirty-two bytes, at least', alg: HS256}]",
		"debug.listen": "127.0.0.1:0", "drain": "1s", // for events that nobody takes
	}
}

// documentedMetrics are the metrics that a document has, each with its labels and its type.
func documentedMetrics(t *testing.T, file string) (metrics []string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range regexp.MustCompile("(?m)^\\| `(scenecast_[a-z_]+)(?:\\{([a-z,]+)\\})?` \\| ([a-z]+) \\|").FindAllStringSubmatch(string(text), -1) {
		labels := strings.Split(row[2], ",")
		slices.Sort(labels)
		metrics = append(metrics, fmt.Sprintf("%s %s %s", row[1], strings.Join(labels, ","), row[3]))
	}
	slices.Sort(metrics)
	return metrics
}

// TestMetricsDocument: docs/metrics.md has the metrics that are served, with their types and labels, and no others, in both languages.
func TestMetricsDocument(t *testing.T) {
	t.Parallel()
	var served []string
	s := start(t, monitored(t), nil)
	s.page("page=home")
	s.call(http.MethodGet, "/healthz", "", "", "") // a route is there from its first request on
	_, answer := s.call(http.MethodGet, "/metrics", apiKey, "", "")
	label := make(map[string]string)
	for _, m := range regexp.MustCompile(`(?m)^(scenecast_\w+)(?:\{(.*)\})? `).FindAllStringSubmatch(answer, -1) {
		var names []string
		for _, l := range regexp.MustCompile(`(\w+)="`).FindAllStringSubmatch(m[2], -1) {
			if l[1] != "le" { // of a histogram's buckets
				names = append(names, l[1])
			}
		}
		label[strings.TrimSuffix(m[1], "_bucket")] = strings.Join(names, ",")
	}
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (\w+) (\w+)$`).FindAllStringSubmatch(answer, -1) {
		switch name := m[1]; {
		case strings.HasPrefix(name, "scenecast_"):
			served = append(served, fmt.Sprintf("%s %s %s", name, label[name], m[2]))
		case !strings.HasPrefix(name, "go_") && !strings.HasPrefix(name, "process_"):
			t.Errorf("the metric %s is not documented", name)
		}
	}
	var names []string
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (\w+) `).FindAllStringSubmatch(answer, -1) {
		names = append(names, m[1])
	}
	expectMonitored(t, names)
	slices.Sort(served)
	for _, file := range []string{"../docs/metrics.md", "../docs/metrics.zh-CN.md"} {
		if documented := documentedMetrics(t, file); !slices.Equal(documented, served) {
			t.Errorf("%s documents\n\t%s\nand served are\n\t%s", file, strings.Join(documented, "\n\t"), strings.Join(served, "\n\t"))
		}
	}
	for _, name := range []string{"process_open_fds", "process_max_fds", "process_resident_memory_bytes"} {
		if !strings.Contains(answer, "\n"+name+" ") {
			t.Errorf("%s is documented, and not served", name)
		}
	}
}

// TestRoutesInMetrics: requests are counted by the pattern of their path, and what clients make up is one route.
func TestRoutesInMetrics(t *testing.T) {
	s := start(t, map[string]string{"pusher": "{enabled: true, id: '1', keys: [{key: app-key, secret: secret-of-the-app}]}"}, nil)
	for _, r := range api.Routes() {
		if r.Path == "/v1/feed" || r.Path == "/v1/drain" || r.Path == "/v1/reload" {
			continue // of these more is heard than an answer
		}
		path := strings.NewReplacer("{id}", "4711", "{name}", "made-up").Replace(r.Path)
		s.call(r.Method, path, apiKey, "", "")
	}
	for i := range 20 {
		s.call(http.MethodGet, fmt.Sprintf("/made/up/%d", i), apiKey, "", "")
		s.call(http.MethodGet, fmt.Sprintf("/v1/pushes/%d", i), apiKey, "", "")
	}
	s.call("MADEUP", "/v1/push", apiKey, "", "")
	s.call(http.MethodGet, "/", "", "", "")
	s.call(http.MethodGet, "/scenecast.js", "", "", "")
	s.call(http.MethodPost, "/apps/1/events", "", "", "")
	got := s.metrics()
	want := map[string]string{
		`scenecast_http_request_duration_seconds_count{route="other"}`:                  "21",
		`scenecast_http_requests_total{route="other",status="404"}`:                     "20",
		`scenecast_http_request_duration_seconds_count{route="GET /v1/pushes/{id}"}`:    "21",
		`scenecast_http_requests_total{route="GET /v1/pushes/{id}",status="404"}`:       "21",
		`scenecast_http_request_duration_seconds_count{route="GET /"}`:                  "1",
		`scenecast_http_request_duration_seconds_count{route="GET /scenecast.js"}`:      "1",
		`scenecast_http_request_duration_seconds_count{route="POST /apps/{id}/events"}`: "1",
	}
	for _, r := range api.Routes() {
		if r.Path != "/v1/feed" && r.Path != "/v1/drain" && r.Path != "/v1/reload" && r.Path != "/v1/pushes/{id}" {
			want[fmt.Sprintf(`scenecast_http_request_duration_seconds_count{route="%s %s"}`, r.Method, r.Path)] = "1"
		}
	}
	for series, n := range want {
		if got[series] != n {
			t.Errorf("%s is %q, want %q", series, got[series], n)
		}
	}
	for series := range got {
		if strings.Contains(series, "4711") || strings.Contains(series, "made") || strings.Contains(series, "MADEUP") {
			t.Errorf("a client's words are in %s", series)
		}
	}
}
