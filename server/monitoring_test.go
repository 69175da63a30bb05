package server_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"scenecast/freeport"
)

var monitoring = flag.Bool("monitoring", false, "have a Prometheus scrape a server, and answer the queries of all dashboards and alerts")

// dashboard is a file of deploy/grafana, as far as it is of interest.
type dashboard struct {
	Panels []struct {
		Title   string
		Targets []struct{ Expr string }
	}
}

func dashboards(t *testing.T) map[string]dashboard {
	t.Helper()
	files, err := filepath.Glob("../deploy/grafana/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("dashboards: %v %v", files, err)
	}
	all := make(map[string]dashboard)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var d dashboard
		if err := json.Unmarshal(text, &d); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all[filepath.Base(file)] = d
	}
	return all
}

// TestAlertsDocument: docs/operations.md says of each alert when it fires, and of no others, in both languages and in the order of the file.
func TestAlertsDocument(t *testing.T) {
	names := func(file, pattern string) (names []string) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(text), -1) {
			names = append(names, m[1])
		}
		return names
	}
	alerts := names("../deploy/prometheus/alerts.yaml", `(?m)^ +- alert: (\w+)$`)
	for file := range operationsDocuments {
		if got := names(file, "(?m)^\\| `(Scenecast\\w+)` \\|"); !slices.Equal(got, alerts) || len(alerts) < 10 {
			t.Errorf("%s has the alerts\n\t%q, want\n\t%q", file, got, alerts)
		}
	}
}

// expectMonitored compares what dashboards and alerts name with the metrics that are served: names of Go's and of the process too.
func expectMonitored(t *testing.T, served []string) {
	t.Helper()
	named := make(map[string]string) // where
	find := func(where, expr string) {
		for _, name := range regexp.MustCompile(`\b(?:scenecast|go|process)_\w+`).FindAllString(expr, -1) {
			named[name] = where
		}
	}
	for file, d := range dashboards(t) {
		for _, p := range d.Panels {
			for _, target := range p.Targets {
				find(file+": "+p.Title, target.Expr)
			}
		}
	}
	alerts, err := os.ReadFile("../deploy/prometheus/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	find("alerts.yaml", string(alerts))
	if len(named) < 50 {
		t.Errorf("only %d metrics are named", len(named))
	}
	for name, where := range named {
		if base := strings.TrimSuffix(name, "_bucket"); !slices.Contains(served, base) {
			t.Errorf("%s names %s, which is not served", where, name)
		}
	}
}

// TestMonitoring: a Prometheus that is set up as docs/operations.md shows scrapes a server under load, and the queries of all panels of the
// dashboards answer something.
func TestMonitoring(t *testing.T) {
	if !*monitoring {
		t.Skip("only with -monitoring: make test-monitoring")
	}
	s := start(t, monitored(t), nil)
	prometheus := startPrometheus(t, s.addr)
	stop, stopped := make(chan struct{}), make(chan struct{})
	defer func() {
		close(stop)
		<-stopped
	}()
	s.page("page=home")
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
			s.push(`{"to":"page == \"home\"","message":1}`)
		}
	}()
	fill := strings.NewReplacer("$job", "scenecast", "$instance", s.addr, "$__rate_interval", "10s")
	for file, d := range dashboards(t) {
		for _, p := range d.Panels {
			for _, target := range p.Targets {
				expr := fill.Replace(target.Expr)
				deadline := time.Now().Add(patience)
				for n, err := prometheus.query(t.Context(), expr); n == 0; n, err = prometheus.query(t.Context(), expr) {
					if time.Now().After(deadline) {
						t.Errorf("%s, %s: nothing, %v: %s", file, p.Title, err, expr)
						break
					}
					time.Sleep(200 * time.Millisecond)
				}
			}
		}
	}
	if firing, err := prometheus.query(t.Context(), `ALERTS{alertname=~"ScenecastDown|ScenecastNotReady"}`); firing != 0 || err != nil {
		t.Errorf("%d alerts of a server that is well, %v", firing, err)
	}
}

// prometheusServer is the address of one.
type prometheusServer string

func startPrometheus(t *testing.T, target string) prometheusServer {
	t.Helper()
	rules, err := filepath.Abs("../deploy/prometheus/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	config := "global: {scrape_interval: 1s, evaluation_interval: 1s}\n" + documented(t, "operations.md", "yaml", "rule_files:")
	for old, ours := range map[string]string{"[alerts.yaml]": "[" + rules + "]", `["10.0.0.1:9502", "10.0.0.2:9502"]`: `["` + target + `"]`, "API_KEY": apiKey} {
		if !strings.Contains(config, old) {
			t.Fatalf("docs/operations.md has no %s in\n%s", old, config)
		}
		config = strings.Replace(config, old, ours, 1)
	}
	file := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	addr := freeport.Addrs(t, 1)[0]
	cmd := exec.Command("prometheus", "--config.file", file, "--storage.tsdb.path", filepath.Join(dir, "data"), "--web.listen-address", addr)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	return prometheusServer(addr)
}

// query is how many series an expression has now.
func (p prometheusServer) query(ctx context.Context, expr string) (n int, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+string(p)+"/api/v1/query?query="+url.QueryEscape(expr), nil)
	if err != nil {
		return 0, err
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	var answer struct {
		Error string
		Data  struct{ Result []json.RawMessage }
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return 0, err
	}
	if answer.Error != "" {
		return 0, fmt.Errorf("%s", answer.Error)
	}
	return len(answer.Data.Result), nil
}
