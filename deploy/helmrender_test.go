package deploy_test

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	policy "k8s.io/api/policy/v1"
	"sigs.k8s.io/yaml"
)

const namespace = "shop"

// release is the objects that Helm makes of the chart.
type release struct {
	set         apps.StatefulSet
	services    []core.Service
	files       core.ConfigMap
	secret      *core.Secret
	disruptions *policy.PodDisruptionBudget
	monitor     *monitoring.ServiceMonitor
	rules       *monitoring.PrometheusRule
}

// render renders the chart with values in YAML, as `helm install push` does, and decodes each object as Kubernetes does, strictly: a field that
// its kind does not have is an error, as is a value of another type.
func render(values string) (*release, error) {
	chart, err := loader.Load("helm/scenecast")
	if err != nil {
		return nil, err
	}
	given := map[string]any{}
	if err := yaml.UnmarshalStrict([]byte(values), &given); err != nil {
		return nil, err
	}
	all, err := chartutil.ToRenderValues(chart, given, chartutil.ReleaseOptions{Name: "push", Namespace: namespace, IsInstall: true}, nil)
	if err != nil {
		return nil, err
	}
	rendered, err := engine.Render(chart, all)
	if err != nil {
		return nil, err
	}
	r := new(release)
	for _, name := range slices.Sorted(maps.Keys(rendered)) {
		if filepath.Ext(name) != ".yaml" {
			continue
		}
		for document := range strings.SplitSeq(rendered[name], "\n---\n") {
			if err := r.add([]byte(document)); err != nil {
				return nil, fmt.Errorf("%s: %w\n%s", name, err, document)
			}
		}
	}
	return r, nil
}

func (r *release) add(document []byte) error {
	var object struct{ APIVersion, Kind string }
	if err := yaml.Unmarshal(document, &object); err != nil || object.Kind == "" {
		return err
	}
	var into any
	switch object.APIVersion + " " + object.Kind {
	case "apps/v1 StatefulSet":
		into = &r.set
	case "v1 Service":
		r.services = append(r.services, core.Service{})
		into = &r.services[len(r.services)-1]
	case "v1 ConfigMap":
		into = &r.files
	case "v1 Secret":
		r.secret = new(core.Secret)
		into = r.secret
	case "policy/v1 PodDisruptionBudget":
		r.disruptions = new(policy.PodDisruptionBudget)
		into = r.disruptions
	case "monitoring.coreos.com/v1 ServiceMonitor":
		r.monitor = new(monitoring.ServiceMonitor)
		into = r.monitor
	case "monitoring.coreos.com/v1 PrometheusRule":
		r.rules = new(monitoring.PrometheusRule)
		into = r.rules
	default:
		return fmt.Errorf("an object of the kind %+v", object)
	}
	return yaml.UnmarshalStrict(document, into)
}

// pod is the name of one of the pods.
func (r *release) pod(i int) string { return fmt.Sprintf("%s-%d", r.set.Name, i) }

// environment are the variables of a pod's container. The values of a Secret that exists are in existing.
func (r *release) environment(pod string, existing map[string]string) (env []string, err error) {
	values := existing
	if r.secret != nil {
		values = r.secret.StringData
	}
	set := map[string]string{}
	for _, e := range r.set.Spec.Template.Spec.Containers[0].Env {
		value := e.Value
		for name, known := range set { // as Kubernetes does with those that stand in front of it
			value = strings.ReplaceAll(value, "$("+name+")", known)
		}
		switch {
		case e.ValueFrom == nil:
		case e.ValueFrom.FieldRef != nil && e.ValueFrom.FieldRef.FieldPath == "metadata.name":
			value = pod
		case e.ValueFrom.SecretKeyRef != nil:
			ref := e.ValueFrom.SecretKeyRef
			known, exists := values[ref.Key]
			if r.secret != nil && ref.Name != r.secret.Name {
				return nil, fmt.Errorf("%s is of the Secret %s, which is not there", e.Name, ref.Name)
			}
			if !exists && (ref.Optional == nil || !*ref.Optional) {
				return nil, fmt.Errorf("%s: the Secret %s has no %s", e.Name, ref.Name, ref.Key)
			}
			if !exists {
				continue
			}
			value = known
		default:
			return nil, fmt.Errorf("%s comes from %+v", e.Name, e.ValueFrom)
		}
		set[e.Name] = value
		env = append(env, e.Name+"="+value)
	}
	return env, nil
}
