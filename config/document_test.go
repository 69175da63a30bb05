package config_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"scenecast/config"
)

var update = flag.Bool("update", false, "write docs/settings.md instead of comparing it")

// TestDocument: docs/settings.md is what the code says.
func TestDocument(t *testing.T) {
	const path = "../docs/settings.md"
	if *update {
		if err := os.WriteFile(path, []byte(document()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != document() {
		t.Errorf("%s is not what the code says (%v); `go test ./config -run TestDocument -update` writes it", path, err)
	}
}

// TestChanged: what differs is found, setting by setting, and taken over one by one.
func TestChanged(t *testing.T) {
	from := config.Default()
	for key, c := range another {
		read, _ := config.Read(config.Sources{File: write(t, fileWith(t, key))}) // alone, some make no sense
		to := read.Config
		changed := config.Changed(from, to)
		if len(changed) != 1 || changed[0] != key {
			t.Errorf("with another %s (%s) %q have changed", key, c.text, changed)
			continue
		}
		adopted := from
		adopted.Adopt(to, changed)
		if again := config.Changed(adopted, to); len(again) > 0 {
			t.Errorf("%s was taken over, and %q differ", key, again)
		}
	}
	if changed := config.Changed(from, config.Default()); len(changed) > 0 {
		t.Errorf("of one configuration %q differ", changed)
	}
}

// document is docs/settings.md: all settings, with their defaults and what becomes of a change while the server runs. What each does stands
// in the reference.
func document() string {
	var b strings.Builder
	b.WriteString(`# Settings

Every setting, written by ` + "`go test ./config -run TestDocument -update`" + `. What each does stands in [scenecast.yaml](../config/scenecast.yaml).

**live**: a running server takes a change over when it reads its configuration anew (SIGHUP, ` + "`scenecast reload`" + `, ` + "`POST /v1/reload`" + `).
**restart**: it names the setting in the answer and in the log, and keeps what it started with. That a port speaks TLS at all, or has its
certificates by ACME, needs a restart, too. More: [operations.md](operations.md#settings-that-change-while-it-runs).

| setting | default | environment | reload |
|---|---|---|---|
`)
	for _, key := range config.Keys() {
		reload := "restart"
		if config.IsLive(key) {
			reload = "live"
		}
		fmt.Fprintf(&b, "| `%s` | %s | `%s` | %s |\n", key, cell(setting(config.Default(), key)), config.Variable(key), reload)
	}
	return b.String()
}

// cell is a default in a table.
func cell(value any) string {
	text, err := yaml.Marshal(value)
	if reflect.ValueOf(value).Kind() == reflect.Slice {
		text, err = json.Marshal(value)
	}
	switch trimmed := strings.TrimSpace(string(text)); {
	case err != nil, trimmed == "null", trimmed == `""`, trimmed == "[]", trimmed == "{}":
		return "–"
	default:
		return "`" + trimmed + "`"
	}
}
