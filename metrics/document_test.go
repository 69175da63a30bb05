package metrics

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

var update = flag.Bool("update", false, "write docs/metrics.md instead of comparing it")

// documentWords are what a language has of docs/metrics.md. Which metrics there are, with which labels, of which type and in which order, is
// the code's; what each of them is, in the last column, stands in the document alone, and a new metric begins with its help.
type documentWords struct {
	begin, head, end string
	sections         []documentSection // as in tables
}

// documentSection is what stands above a table.
type documentSection struct{ heading, text string }

var inEnglish = documentWords{
	begin: `# Metrics

[中文](metrics.zh-CN.md)

Every metric of ` + "`GET /metrics`" + `, in the text format of Prometheus. Which there are, their labels and their types are written by ` + "`go test ./metrics -run TestDocument -update`" + `; what
each of them is, is edited here. How to scrape them, and on what to alert: [operations.md](operations.md#metrics). Times are in seconds, sizes in bytes.
`,
	head: "| metric | type | is |\n",
	end: `
## The process

The rest are those of the Go runtime (` + "`go_…`" + `) and of the process (` + "`process_…`" + `), among them ` + "`process_open_fds`, `process_max_fds` and `process_resident_memory_bytes`" + `.
How many pages speak which protocol tells ` + "`GET /v1/labels?key=@protocol`" + `.
`,
	sections: []documentSection{
		{"Pages and pushes", "Those of tokens (`scenecast_page_token_…`, `scenecast_key_set_…`) are there where an app takes signed tokens (`jwt`)."},
		{"HTTP and certificates", "Those of certificates (`scenecast_certificate_…`) are there for those of the port (`tls`, `tls.acme`) and those by which this node shows itself to its cluster and to Redis (`cluster.tls`, `redis.tls`)."},
		{"Loops and indexes", "The work of a node is done by loops, as many as cores; each has an index of the labels of its pages."},
		{"Engine and log", "Those of the log (`scenecast_engine_lag_…`, `_leader`, `_replicas`, `_records_…`, `_pushes_failed_total`, `_tallies_late_total`) are there with the engines `nats` and `redis`, alone or in a cluster."},
		{"Presence, hooks, registry, handovers", "Those of hooks are there where a hook is set (`hooks`), and those of the [registry](registry.md) with `redis.registry`."},
	},
}

var inChinese = documentWords{
	begin: `# 指标

[English](metrics.md)

` + "`GET /metrics`" + ` 的全部指标，Prometheus 的文本格式。有哪些指标、它们的标签和类型由 ` + "`go test ./metrics -run TestDocument -update`" + ` 写出；每个指标是什么，在这里编辑。
怎样抓取、该对什么告警，见 [operations.zh-CN.md](operations.zh-CN.md#指标)。时间以秒计，大小以字节计。
`,
	head: "| 指标 | 类型 | 是什么 |\n",
	end: `
## 进程

其余的是 Go 运行时（` + "`go_…`" + `）和进程（` + "`process_…`" + `）的指标，其中有 ` + "`process_open_fds`、`process_max_fds` 和 `process_resident_memory_bytes`" + `。
使用各种协议的页面各有多少，由 ` + "`GET /v1/labels?key=@protocol`" + ` 得知。
`,
	sections: []documentSection{
		{"页面和推送", "令牌的指标（`scenecast_page_token_…`、`scenecast_key_set_…`）在有应用接受签名的令牌（`jwt`）时才有。"},
		{"HTTP 和证书", "证书的指标（`scenecast_certificate_…`）包括端口的证书（`tls`、`tls.acme`），以及这个节点向集群和 Redis 出示的证书（`cluster.tls`、`redis.tls`）。"},
		{"循环和索引", "节点的工作由循环完成，循环与处理器核心一样多；每个循环有一个索引，记录它的页面的标签。"},
		{"引擎和日志", "日志的指标（`scenecast_engine_lag_…`、`_leader`、`_replicas`、`_records_…`、`_pushes_failed_total`、`_tallies_late_total`）在使用引擎 `nats` 和 `redis` 时才有，单独一个节点或在集群里。"},
		{"在场信息、hooks、登记、交接", "hooks 的指标在设置了 hook（`hooks`）时才有，[登记](registry.zh-CN.md)的指标在 `redis.registry` 时才有。"},
	},
}

// documentRow is a metric in a document: its name, labels, type and what it is.
var documentRow = regexp.MustCompile("(?m)^\\| `(scenecast_[a-z_]+)(?:\\{[a-z,]+\\})?` \\| [a-z]+ \\| (.+) \\|$")

// document is the whole document, with what each metric is by its name.
func (w documentWords) document(explanations map[string]string) string {
	var b strings.Builder
	b.WriteString(w.begin)
	for i, section := range w.sections {
		fmt.Fprintf(&b, "\n## %s\n\n", section.heading)
		b.WriteString(section.text + "\n\n" + w.head + "|---|---|---|\n")
		for _, m := range tables[i] {
			name, explanation := m.name, explanations[m.name]
			if len(m.labels) > 0 {
				name += "{" + strings.Join(m.labels, ",") + "}"
			}
			if explanation == "" {
				explanation = m.help
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", name, map[kind]string{counter: "counter", gauge: "gauge", durations: "histogram"}[m.kind], explanation)
		}
	}
	b.WriteString(w.end)
	return b.String()
}

// TestDocument: docs/metrics.md, in both languages, has the metrics of the code, each explained in the document's language.
func TestDocument(t *testing.T) {
	for path, words := range map[string]documentWords{"../docs/metrics.md": inEnglish, "../docs/metrics.zh-CN.md": inChinese} {
		if len(words.sections) != len(tables) {
			t.Fatalf("%s has %d sections, and there are %d tables of metrics", path, len(words.sections), len(tables))
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		explanations := make(map[string]string)
		for _, row := range documentRow.FindAllStringSubmatch(string(text), -1) {
			explanations[row[1]] = row[2]
		}
		want := words.document(explanations)
		if *update {
			if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		} else if string(text) != want {
			t.Errorf("%s is not what the code says; `go test ./metrics -run TestDocument -update` writes it", path)
		}
		for _, row := range documentRow.FindAllStringSubmatch(want, -1) {
			isChinese := strings.ContainsFunc(row[2], func(r rune) bool { return unicode.Is(unicode.Han, r) })
			if strings.HasSuffix(path, ".zh-CN.md") != isChinese {
				t.Errorf("%s explains %s in another language: %s", path, row[1], row[2])
			}
		}
	}
}
