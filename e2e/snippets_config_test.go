package e2e_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

func checkJSON(t *testing.T, all []snippet) {
	for _, s := range all {
		if !json.Valid([]byte(strings.ReplaceAll(s.code, "…", ""))) && !slices.ContainsFunc(strings.Split(strings.TrimSpace(s.code), "\n"), func(line string) bool { return json.Valid([]byte(line)) }) {
			t.Errorf("%s: no JSON: %s", s.place, s.code)
		}
	}
}

func checkYAML(t *testing.T, all []snippet) {
	for _, s := range all {
		var value any
		err := yaml.Unmarshal([]byte(s.code), &value)
		if err != nil && strings.Contains(err.Error(), "already defined") { // one thing in several spellings, a line each
			for line := range strings.Lines(s.code) {
				err = yaml.Unmarshal([]byte(line), &value)
			}
		}
		if err != nil {
			t.Errorf("%s: %v", s.place, err)
		}
	}
}
