package deploy_test

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	core "k8s.io/api/core/v1"

	"scenecast/deploy/container"
)

// startPod makes a container of a pod of a release, as a kubelet would: with its arguments, environment, files, user and name.
func startPod(t *testing.T, n *container.Network, r *release, i int) *container.Container {
	t.Helper()
	pod, name := r.set.Spec.Template.Spec, r.pod(i)
	env, err := r.environment(name, nil)
	if err != nil {
		t.Fatal(err)
	}
	own := pod.Containers[0]
	spec := container.Spec{
		Name: name, Image: image(t), Args: own.Args, Env: env, ReadOnly: *own.SecurityContext.ReadOnlyRootFilesystem,
		User:     fmt.Sprintf("%d:%d", *pod.SecurityContext.RunAsUser, *pod.SecurityContext.RunAsGroup),
		Resolver: fmt.Sprintf("nameserver %s\nsearch %s.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n", n.Addr(), namespace),
	}
	for _, m := range own.VolumeMounts {
		dir := t.TempDir()
		if slices.ContainsFunc(pod.Volumes, func(v core.Volume) bool { return v.Name == m.Name && v.ConfigMap != nil }) {
			for file, text := range r.files.Data {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		} else if err := os.Chown(dir, 0, int(*pod.SecurityContext.FSGroup)); err != nil || os.Chmod(dir, 0o2775) != nil {
			t.Fatal(err)
		}
		spec.Mounts = append(spec.Mounts, container.Mount{Source: dir, Target: m.MountPath, ReadOnly: m.ReadOnly})
	}
	c := create(t, n, spec)
	n.Name(fmt.Sprintf("%s.%s.%s.svc.cluster.local", name, r.set.Spec.ServiceName, namespace), c.Addr)
	start(t, c)
	return c
}

// probe is whether a probe of a pod succeeds.
func probe(t *testing.T, c *container.Container, p *core.Probe) (succeeds bool) {
	t.Helper()
	client := http.Client{Timeout: patience}
	defer client.CloseIdleConnections()
	response, err := client.Get("http://" + c.Addr + ":9502" + p.HTTPGet.Path)
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// TestChartRuns: the pods of a release with the chart's defaults, but for times, find each other by their names and become ready; what one is told
// by a backend, pages of another get. The end of a pod is as the chart has it: by preStop its readiness goes off, and its page is told to come back;
// then SIGTERM ends it with status 0. It comes back with its volume.
func TestChartRuns(t *testing.T) {
	r, err := render("drainDelay: 1s\ndrain: 2s\n" + chartSecrets)
	if err != nil {
		t.Fatal(err)
	}
	n := network(t)
	if err := n.ServeNames(n.Addr() + ":53"); err != nil {
		t.Fatal(err)
	}
	own := r.set.Spec.Template.Spec.Containers[0]
	var pods []*container.Container
	for i := range int(*r.set.Spec.Replicas) {
		pods = append(pods, startPod(t, n, r, i))
	}
	ready := func() {
		t.Helper()
		for _, c := range pods {
			eventually(t, func() string { return "a pod is not ready" }, func() bool {
				return probe(t, c, own.StartupProbe) && probe(t, c, own.LivenessProbe) && probe(t, c, own.ReadinessProbe)
			})
		}
	}
	ready()
	page := program(t, "listen", "--url", "http://"+pods[0].Addr+":9502", "--client-token", "token-of-all-pages", "--label", "page=home")
	stdout, err := page.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := page.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := page.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = page.Process.Kill(); _ = page.Wait() }()
	told, got := bufio.NewScanner(stderr), bufio.NewScanner(stdout)
	until(t, told, "connected at")
	push := func(message string) {
		t.Helper()
		out, err := program(t, "push", "--url", "http://"+pods[1].Addr+":9502", "--api-key", "key-of-the-backend", "--to", `{"page":"home"}`, message).CombinedOutput()
		if err != nil || !strings.Contains(string(out), `"nodes":3`) {
			t.Fatalf("%s, %v", out, err)
		}
	}
	push(`"by another pod"`)
	until(t, got, "by another pod")

	if out, err := pods[0].Exec(t.Context(), own.Lifecycle.PreStop.Exec.Command...); err != nil || !strings.Contains(out, "No page is left") {
		t.Errorf("preStop: %v: %s", err, out)
	}
	if probe(t, pods[0], own.ReadinessProbe) || !probe(t, pods[0], own.LivenessProbe) {
		t.Error("behind preStop, the pod is ready, or is not alive")
	}
	until(t, told, "4503")
	stop(t, pods[0], time.Duration(*r.set.Spec.Template.Spec.TerminationGracePeriodSeconds)*time.Second)
	start(t, pods[0])
	ready()
	until(t, told, "connected at")
	push(`"by another pod, again"`)
	until(t, got, "by another pod, again")
}
