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

// TestDocument: docs/settings.md, in both languages, is what the code says.
func TestDocument(t *testing.T) {
	for path, words := range map[string]documentWords{"../docs/settings.md": inEnglish, "../docs/settings.zh-CN.md": inChinese} {
		if *update {
			if err := os.WriteFile(path, []byte(words.document()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != words.document() {
			t.Errorf("%s is not what the code says (%v); `go test ./config -run TestDocument -update` writes it", path, err)
		}
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

// documentWords are what a language has of docs/settings.md.
type documentWords struct{ begin, live, restart, reference, file string }

var inEnglish = documentWords{
	begin: `# Settings

[中文](settings.zh-CN.md)

Every setting, written by ` + "`go test ./config -run TestDocument -update`" + `. What each does stands [below](#what-each-does).

**live**: a running server takes a change over when it reads its configuration anew (SIGHUP, ` + "`scenecast reload`" + `, ` + "`POST /v1/reload`" + `).
**restart**: it names the setting in the answer and in the log, and keeps what it started with. That a port speaks TLS at all, or has its
certificates by ACME, needs a restart, too. More: [operations.md](operations.md#settings-that-change-while-it-runs).

| setting | default | environment | reload |
`,
	live: "live", restart: "restart",
	reference: `
## What each does

This file, [scenecast.yaml](../config/scenecast.yaml), is what ` + "`scenecast config init`" + ` writes (where the locale is Chinese, it is in Chinese), with secrets in the places of TOKEN and KEY.

`,
	file: config.Reference,
}

var inChinese = documentWords{
	begin: `# 设置

[English](settings.md)

全部设置，由 ` + "`go test ./config -run TestDocument -update`" + ` 生成。每个设置的作用见[下文](#每个设置的作用)。

**立即**：运行中的服务器重新读取配置（SIGHUP、` + "`scenecast reload`" + `、` + "`POST /v1/reload`" + `）时，改动随即生效。
**重启**：服务器在应答和日志里指出该设置，继续用启动时的值。端口是否使用 TLS、是否用 ACME 取得证书，
改变时也需要重启。详见 [operations.zh-CN.md](operations.zh-CN.md#运行中可以改变的设置)。

| 设置 | 默认值 | 环境变量 | 重新加载 |
`,
	live: "立即", restart: "重启",
	reference: `
## 每个设置的作用

下面的文件 [scenecast.zh-CN.yaml](../config/scenecast.zh-CN.yaml) 是 ` + "`scenecast config init`" + ` 写出的（在中文环境下），其中 TOKEN 和 KEY 处是新生成的密钥。

`,
	file: config.ChineseReference,
}

// document is all settings, with their defaults and what becomes of a change while the server runs, and the reference.
func (w documentWords) document() string {
	var b strings.Builder
	b.WriteString(w.begin + "|---|---|---|---|\n")
	for _, key := range config.Keys() {
		reload := w.restart
		if config.IsLive(key) {
			reload = w.live
		}
		fmt.Fprintf(&b, "| `%s` | %s | `%s` | %s |\n", key, cell(setting(config.Default(), key)), config.Variable(key), reload)
	}
	b.WriteString(w.reference + "```yaml\n" + w.file + "```\n")
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
