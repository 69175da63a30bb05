package e2e_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"scenecast/config"
)

// yamlRule says what reads a block of YAML that is no configuration of Scenecast, or what a configuration relies on besides.
type yamlRule struct {
	document, code string            // the document, and regular expression of the block
	do             any               // a witness, or a func(*testing.T, snippet)
	settings       map[string]string // that the text around it says are needed
}

var yamlRules = []yamlRule{
	{document: "docs/audiences.md", code: `^to: `, do: checkAudiences},
	{document: "docs/operations.md", code: `^# values\.yaml\n`, do: witness{"deploy/helm_test.go", []string{"func TestChart(", "documentedValues(t)"}}},
	{document: "docs/operations.md", code: `^lifecycle:`, do: checkLifecycle},
	{document: "docs/operations.md", code: `^rule_files:`, do: witness{"server/monitoring_test.go", []string{"func TestMonitoring(", `documented(t, "operations.md", "yaml", "rule_files:")`}}},
	{document: "docs/hooks.md", code: `(?m)^    headers: \[Cookie\]`, settings: map[string]string{"http.allowed_origins": "https://shop.example.com"}},
}

// TestYAMLSnippets: each block of YAML is a configuration that the program takes, in both languages, or has a rule that says what else reads it.
func TestYAMLSnippets(t *testing.T) {
	t.Parallel()
	used, total := make([]bool, len(yamlRules)), 0
	for _, document := range documents(t) {
		files := []string{document}
		chinese := strings.TrimSuffix(document, ".md") + ".zh-CN.md"
		if _, err := os.Stat(chinese); err == nil {
			files = append(files, chinese)
		}
		for _, file := range files {
			for _, s := range snippetsOf(t, file) {
				if s.language != "yaml" {
					continue
				}
				total++
				var do any
				var settings map[string]string
				for i, rule := range yamlRules {
					if document == "../"+rule.document && regexp.MustCompile(rule.code).MatchString(s.code) {
						used[i], do, settings = true, rule.do, rule.settings
					}
				}
				switch do := do.(type) {
				case nil:
					checkConfiguration(t, s, settings)
				case witness:
					do.check(t)
				case func(*testing.T, snippet):
					do(t, s)
				}
			}
		}
	}
	for i, rule := range yamlRules {
		if !used[i] {
			t.Errorf("%s has no block like %s", rule.document, rule.code)
		}
	}
	if total < 40 {
		t.Errorf("found only %d blocks of YAML: this test does not read the documents any more", total)
	}
}

// placeholder is where the reader puts in a token or a key.
var placeholder = regexp.MustCompile(`"(TOKEN|CLIENT_TOKEN|KEY|API_KEY)"`)

// checkConfiguration has the block read as a whole scenecast.yaml.
func checkConfiguration(t *testing.T, s snippet, settings map[string]string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "scenecast.yaml")
	if err := os.WriteFile(file, []byte(placeholder.ReplaceAllString(s.code, `"$1-of-the-reader"`)), 0o600); err != nil {
		t.Fatal(err)
	}
	loaded, err := config.Read(config.Sources{File: file, Flags: settings})
	if err != nil {
		t.Errorf("%s: %v", s.place, err)
		return
	}
	if loaded.Empty {
		t.Errorf("%s: sets nothing", s.place)
	}
	for _, warning := range loaded.Warnings {
		if !strings.Contains(warning.Error(), "it can be guessed") { // such as the tutorial's 123456
			t.Errorf("%s: warning: %v", s.place, warning)
		}
	}
}

// checkAudiences has each line, which is one way to write an audience, be that of a trigger.
func checkAudiences(t *testing.T, s snippet) {
	t.Helper()
	for line := range strings.Lines(s.code) {
		s.code = "triggers:\n  orderShipped:\n    params: {order: string}\n    " + line + "    message: shipped\n"
		checkConfiguration(t, s, nil)
	}
}

// checkLifecycle has the program read the flags of what Kubernetes runs. That Kubernetes reads the rest is for TestDocumentedLifecycle of deploy.
func checkLifecycle(t *testing.T, s snippet) {
	t.Helper()
	witness{"deploy/helm_test.go", []string{"func TestDocumentedLifecycle("}}.check(t)
	var pod struct {
		Lifecycle struct {
			PreStop struct{ Exec struct{ Command []string } } `yaml:"preStop"`
		}
	}
	if err := yaml.Unmarshal([]byte(s.code), &pod); err != nil {
		t.Errorf("%s: %v", s.place, err)
	}
	command := pod.Lifecycle.PreStop.Exec.Command
	if len(command) < 2 || command[0] != "/usr/bin/scenecast" {
		t.Fatalf("%s: runs %q", s.place, command)
	}
	newReader(t).parse("scenecast " + strings.Join(command[1:], " "))
}
