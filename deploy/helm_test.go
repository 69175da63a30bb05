package deploy_test

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/yaml"
)

const (
	chartSecrets = `secrets: {clientTokens: token-of-all-pages, apiKeys: '[{name: backend, key: key-of-the-backend}, {name: operations, key: key-of-operations, allow: [admin, read]}]', clusterSecret: secret-of-the-nodes}`
	redisSecrets = `secrets: {clientTokens: token-of-all-pages, apiKeys: '[{name: backend, key: key-of-the-backend}]', redisPassword: password-of-redis}`
)

// TestChartIsClean: `helm lint --strict` finds nothing.
func TestChartIsClean(t *testing.T) {
	var values map[string]any
	if err := yaml.Unmarshal([]byte(chartSecrets), &values); err != nil {
		t.Fatal(err)
	}
	for _, m := range lint.All("helm/scenecast", values, namespace, true).Messages {
		if m.Severity > support.InfoSev {
			t.Error(m)
		}
	}
}

// TestChart: whatever values are given, the objects go together, and the program takes each pod's configuration with its environment without
// a mistake and without a warning.
func TestChart(t *testing.T) {
	existing := map[string]string{"client-tokens": "token-of-all-pages", "api-keys": "[{name: backend, key: key-of-the-backend}]", "cluster-secret": "secret-of-the-nodes"}
	for _, c := range []struct {
		name, values string
		replicas     int
		want         string // in the first pod's configuration
	}{
		{"defaults", chartSecrets, 3, "peers:\n  - push-scenecast-1.push-scenecast-nodes.shop.svc:9601\n  - push-scenecast-2.push-scenecast-nodes.shop.svc:9601\n"},
		{"the docs", documentedValues(t), 3, "engine: nats\n"},
		{"one", "replicas: 1\nsecrets: {clientTokens: token-of-all-pages, apiKeys: '[{name: backend, key: key-of-the-backend}]'}", 1, "engine: nats\n"},
		{"memory", "engine: memory\nreplicas: 1\npreStop: {drain: false}\n" + chartSecrets, 1, "engine: memory\n"},
		{"redis", "engine: redis\nreplicas: 2\nconfig: {redis: {url: 'redis://redis:6379/0'}, data_dir: /data/log, hooks: {events: [{name: orders, url: 'https://shop/hooks', secret: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw}]}}\n" + redisSecrets, 2, "url: redis://redis:6379/0\n"},
		{"external NATS", "replicas: 4\nconfig: {nats: {url: 'nats://nats:4222'}}\n" + chartSecrets, 4, "url: nats://nats:4222\n"},
		{"five, and all else", `{replicas: 5, existingSecret: ours, serviceMonitor: {enabled: true, labels: {release: prometheus}, apiKey: {name: ours, key: prometheus}},
			prometheusRule: {enabled: true, labels: {release: prometheus}},
			service: {type: LoadBalancer, annotations: {a: b}}, persistence: {storageClass: fast}, podAnnotations: {c: d}, nodeSelector: {disk: ssd},
			tolerations: [{key: push, operator: Exists}], imagePullSecrets: [{name: registry}], affinity: {nodeAffinity: {}}, image: {tag: v1.2.3},
			config: {max_connections: 7, limits: {per_address: 100}, cluster: {election: safe}}}`, 5, "election: safe\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r, err := render(c.values)
			if err != nil {
				t.Fatal(err)
			}
			checkRelease(t, r, c.replicas)
			if first := r.files.Data[r.pod(0)+".yaml"]; !strings.Contains(first, c.want) {
				t.Errorf("no %q in\n%s", c.want, first)
			}
			for i := range c.replicas {
				env, err := r.environment(r.pod(i), existing)
				if err != nil {
					t.Fatal(err)
				}
				file := filepath.Join(t.TempDir(), "scenecast.yaml")
				if err := os.WriteFile(file, []byte(r.files.Data[r.pod(i)+".yaml"]), 0o600); err != nil {
					t.Fatal(err)
				}
				cmd := program(t, "config", "check", "--config", file)
				cmd.Env = env
				out, err := cmd.CombinedOutput()
				warned := strings.Contains(string(out), "warning") && c.name != "the docs" // whose secrets are placeholders
				if err != nil || warned {
					t.Errorf("%s: %v: %s\n%s", r.pod(i), err, out, r.files.Data[r.pod(i)+".yaml"])
				}
			}
		})
	}
}

// TestChartAlerts: the alerts are those of deploy/prometheus, and are there on demand alone, with the labels that the operator selects by.
func TestChartAlerts(t *testing.T) {
	if r, err := render(chartSecrets); err != nil || r.rules != nil {
		t.Errorf("nobody has asked for alerts: %+v, %v", r.rules, err)
	}
	r, err := render("prometheusRule: {enabled: true, labels: {release: prometheus}}\n" + chartSecrets)
	if err != nil || r.rules == nil {
		t.Fatalf("no alerts: %v", err)
	}
	shipped, err := os.ReadFile("prometheus/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var want monitoring.PrometheusRuleSpec
	if err := yaml.UnmarshalStrict(shipped, &want); err != nil {
		t.Fatal(err)
	}
	if len(want.Groups) == 0 || len(want.Groups[0].Rules) < 20 || !reflect.DeepEqual(r.rules.Spec, want) {
		t.Errorf("the alerts of the chart are %+v; those of deploy/prometheus %+v", r.rules.Spec, want)
	}
	if r.rules.Labels["release"] != "prometheus" || r.rules.Labels["app.kubernetes.io/instance"] != "push" {
		t.Errorf("labels: %v", r.rules.Labels)
	}
}

// documentedValues are the values that docs/operations.md gives the chart. What it does with them is about the objects that the chart makes.
func documentedValues(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(operations)
	if err != nil {
		t.Fatal(err)
	}
	_, part, found := strings.Cut(string(text), "### Helm\n")
	_, part, fenced := strings.Cut(part, "```yaml\n")
	values, _, _ := strings.Cut(part, "```")
	if !found || !fenced {
		t.Fatal("the docs have no values for the chart")
	}
	r, err := render(values)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"helm install push deploy/helm/scenecast --namespace " + namespace + " --create-namespace --values values.yaml",
		"kubectl --namespace " + namespace + " rollout status statefulset/" + r.set.Name,
	}
	if lines := shellLines(t, operations, "### Helm\n"); !slices.Equal(lines, want) {
		t.Errorf("the docs do %q; want %q", lines, want)
	}
	return values
}

// TestDocumentedLifecycle: what docs/operations.md shows of a container is read by Kubernetes, and runs the chart's command.
func TestDocumentedLifecycle(t *testing.T) {
	text, err := os.ReadFile(operations)
	if err != nil {
		t.Fatal(err)
	}
	_, part, found := strings.Cut(string(text), "```yaml\nlifecycle:\n")
	block, _, _ := strings.Cut(part, "```")
	if !found {
		t.Fatal("the docs show no lifecycle")
	}
	var shown core.Container
	if err := yaml.UnmarshalStrict([]byte("lifecycle:\n"+block), &shown); err != nil {
		t.Fatal(err)
	}
	r, err := render(chartSecrets)
	if err != nil {
		t.Fatal(err)
	}
	command, ours := shown.Lifecycle.PreStop.Exec.Command, r.set.Spec.Template.Spec.Containers[0].Lifecycle.PreStop.Exec.Command
	if len(command) < len(ours) || !slices.Equal(command[:len(ours)], ours) {
		t.Errorf("the docs run %q, the chart %q", command, ours)
	}
	if out, err := program(t, append(slices.Clone(command[1:]), "--help")...).CombinedOutput(); err != nil {
		t.Errorf("%q: %v: %s", command, err, out)
	}
}

// TestChartRefuses: values that could not work are told before anything is installed.
func TestChartRefuses(t *testing.T) {
	for values, want := range map[string]string{
		"{}":                           "secrets.clientTokens",
		"replicas: 2\n" + chartSecrets: "/replicas",
		"replicas: 3\nengine: memory\n" + chartSecrets:   "/replicas",
		"replicas: 0\n" + chartSecrets:                   "/replicas",
		"engine: kafka\n" + chartSecrets:                 "/engine",
		"engine: redis\n" + chartSecrets:                 "redis",
		"config: {data_dir: /data/log}\n" + chartSecrets: "/config/data_dir",
		"engine: redis\nconfig: {redis: {url: 'redis://redis:6379/0'}, data_dir: /tmp}\n" + chartSecrets: "/config/data_dir",
		"config: {listen: ':1'}\n" + chartSecrets:                                                        "/config/listen",
		"config: {cluster: {node: a}}\n" + chartSecrets:                                                  "/config/cluster/node",
		"config: {api_keys: []}\n" + chartSecrets:                                                        "/config/api_keys",
		"config: {nats: {credentials: secret}}\n" + chartSecrets:                                         "/config/nats/credentials",
		"replica: 3\n" + chartSecrets:                                                                    "replica",
		"serviceMonitor: {enabled: true}\n" + chartSecrets:                                               "serviceMonitor.apiKey.name",
		"secrets: {clientTokens: t, apiKeys: '[{name: a, key: b}]'}":                                     "secrets.clusterSecret",
	} {
		if _, err := render(values); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n%v; want an error about %s", values, err, want)
		}
	}
}

// checkRelease looks after what the objects say of each other.
func checkRelease(t *testing.T, r *release, replicas int) {
	t.Helper()
	pod := r.set.Spec.Template
	if *r.set.Spec.Replicas != int32(replicas) || len(r.files.Data) != replicas {
		t.Errorf("%d replicas, %d files; want %d", *r.set.Spec.Replicas, len(r.files.Data), replicas)
	}
	for key, value := range pod.Labels {
		if e := append(validation.IsQualifiedName(key), validation.IsValidLabelValue(value)...); e != nil {
			t.Errorf("label %s=%s: %v", key, value, e)
		}
	}
	selectsPods := func(what string, selector map[string]string) {
		for key, value := range selector {
			if pod.Labels[key] != value {
				t.Errorf("%s wants %s=%s, which the pods are not", what, key, value)
			}
		}
		if len(selector) == 0 {
			t.Errorf("%s selects every pod", what)
		}
	}
	selectsPods("the set", r.set.Spec.Selector.MatchLabels)
	container := pod.Spec.Containers[0]
	ports := map[intstr.IntOrString]bool{}
	for _, p := range container.Ports {
		ports[intstr.FromString(p.Name)], ports[intstr.FromInt32(p.ContainerPort)] = true, true
	}
	headless := false
	for _, s := range r.services {
		headless = headless || s.Name == r.set.Spec.ServiceName && s.Spec.ClusterIP == core.ClusterIPNone && s.Spec.PublishNotReadyAddresses
		selectsPods("service "+s.Name, s.Spec.Selector)
		for _, p := range s.Spec.Ports {
			if !ports[p.TargetPort] && p.Name != "cluster" {
				t.Errorf("service %s leads to port %s, which pods do not have", s.Name, p.TargetPort.String())
			}
		}
		if e := validation.IsDNS1035Label(s.Name); e != nil {
			t.Errorf("service %s: %v", s.Name, e)
		}
	}
	if !headless {
		t.Errorf("no headless service %s", r.set.Spec.ServiceName)
	}
	for _, p := range []*core.Probe{container.StartupProbe, container.LivenessProbe, container.ReadinessProbe} {
		if p == nil || p.HTTPGet == nil || !ports[p.HTTPGet.Port] {
			t.Errorf("a probe asks at no port: %v", p)
		}
	}
	checkVolumes(t, r)
	pods, own := pod.Spec.SecurityContext, container.SecurityContext
	if !*pods.RunAsNonRoot || *pods.RunAsUser != 65532 || !*own.ReadOnlyRootFilesystem || *own.AllowPrivilegeEscalation || !slices.Contains(own.Capabilities.Drop, "ALL") ||
		pods.SeccompProfile.Type != core.SeccompProfileTypeRuntimeDefault || *pod.Spec.AutomountServiceAccountToken {
		t.Errorf("pods have more rights than they need: %+v, %+v", pods, own)
	}
	if r.disruptions == nil || r.disruptions.Spec.MaxUnavailable.IntValue() != 1 {
		t.Errorf("disruptions: %+v", r.disruptions)
	} else {
		selectsPods("the PodDisruptionBudget", r.disruptions.Spec.Selector.MatchLabels)
	}
	if r.monitor != nil {
		e := r.monitor.Spec.Endpoints[0]
		matched := 0
		for _, s := range r.services {
			if slices.ContainsFunc(s.Spec.Ports, func(p core.ServicePort) bool { return p.Name == e.Port }) {
				matched++
				if job := s.Labels[r.monitor.Spec.JobLabel]; job != "scenecast" {
					t.Errorf("the job is %q, and that of the alerts scenecast", job)
				}
				for key, value := range r.monitor.Spec.Selector.MatchLabels {
					if s.Labels[key] != value {
						t.Errorf("the ServiceMonitor wants %s=%s, which service %s is not", key, value, s.Name)
					}
				}
			}
		}
		if matched != 1 || e.Path != "/metrics" || e.Authorization == nil || e.Authorization.Credentials.Key == "" {
			t.Errorf("Prometheus asks %d services, as %+v", matched, e)
		}
	}
	var times struct {
		DrainDelay string `json:"drain_delay"`
		Drain      string
	}
	if err := yaml.Unmarshal([]byte(r.files.Data[r.pod(0)+".yaml"]), &times); err != nil {
		t.Fatal(err)
	}
	delay, err := time.ParseDuration(times.DrainDelay)
	if err != nil {
		t.Error(err)
	}
	drain, err := time.ParseDuration(times.Drain)
	if grace := time.Duration(*pod.Spec.TerminationGracePeriodSeconds) * time.Second; err != nil || grace <= delay+drain {
		t.Errorf("pods are killed after %v, and drain for %v and %v: %v", grace, delay, drain, err)
	}
}

func checkVolumes(t *testing.T, r *release) {
	t.Helper()
	volumes := map[string]bool{}
	for _, v := range r.set.Spec.Template.Spec.Volumes {
		volumes[v.Name] = true
		if v.ConfigMap != nil && v.ConfigMap.Name != r.files.Name {
			t.Errorf("no ConfigMap %s", v.ConfigMap.Name)
		}
	}
	for _, v := range r.set.Spec.VolumeClaimTemplates {
		if volumes[v.Name] {
			t.Errorf("two volumes %s", v.Name)
		}
		volumes[v.Name] = true
		if q := v.Spec.Resources.Requests[core.ResourceStorage]; q.Cmp(resource.MustParse("1Gi")) < 0 {
			t.Errorf("a volume of %v", &q)
		}
	}
	for _, m := range r.set.Spec.Template.Spec.Containers[0].VolumeMounts {
		if !volumes[m.Name] {
			t.Errorf("no volume %s", m.Name)
		}
	}
}
