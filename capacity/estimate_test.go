package capacity

import (
	"maps"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestCapacityDocument: the table of docs/capacity.md is what the constants above it give, and these are the constants that are measured.
func TestCapacityDocument(t *testing.T) {
	text, err := os.ReadFile("../docs/capacity.md")
	if err != nil {
		t.Fatal(err)
	}
	document := string(text)
	f := make(Figures)
	for _, c := range constants {
		m := regexp.MustCompile(`(?m)^\| ` + regexp.QuoteMeta(c.name) + ` \| ([0-9.,]+) ` + c.unit + ` \|`).FindStringSubmatch(document)
		if m == nil {
			t.Fatalf("docs/capacity.md lacks the constant %s, in %s", c.name, c.unit)
		}
		v, err := strconv.ParseFloat(strings.ReplaceAll(m[1], ",", ""), 64)
		if err != nil || v <= 0 {
			t.Fatalf("%s: %q", c.name, m[1])
		}
		f[c.name] = v
	}
	if !maps.Equal(f, Measured) {
		t.Errorf("docs/capacity.md has the constants %v, and Measured %v", f, Measured)
	}
	if !strings.Contains(document, f.List()+"\n") { // the empty line ends the table
		t.Errorf("docs/capacity.md has other constants than\n%s", f.List())
	}
	if !strings.Contains(document, f.Table()+"\n") {
		t.Errorf("docs/capacity.md has another table than its constants give:\n%s", f.Table())
	}
	for _, assumed := range []string{
		"a push every 10 s to each page", "stays for 5 minutes", "a ping every 25 s", "100 pushes a second", "64 MiB (`history.max_bytes`)", "100,000 pushes (`history.max_count`)",
		"twice what is in use", "300 descriptors",
	} {
		if !strings.Contains(strings.ReplaceAll(document, "\n", " "), assumed) {
			t.Errorf("docs/capacity.md does not say that the table assumes %q", assumed)
		}
	}
}

// TestNeed computes one by hand.
func TestNeed(t *testing.T) {
	f := Figures{
		BaseMemory: 20, PageMemory: 1 << 10, KernelMemory: 4 << 10, PushMemory: 1 << 20, ConnectCPU: 60, DeliveryCPU: 8000, PingCPU: 2.5, PushCPU: 100,
	}
	const pages = 1 << 20
	n := f.needOf(pages)
	// 1 GiB of pages and 64 MiB of log, twice; 0.1 × 8 µs, 60 µs ÷ 300 and 2.5 µs ÷ 25 a page, and 100 × 100 µs.
	if n.server != 20+2*(1024+64) || n.kernel != 4096 || n.descriptors != pages+300 || Format(n.cores) != Format(pages*(0.8+0.2+0.1)/1e6+0.01) ||
		Format(n.comeBack) != "62.9" {
		t.Errorf("%+v", n)
	}
	for v, want := range map[float64]string{0.014: "0.01", 9.996: "10.0", 99.96: "100", 12.34: "12.3", 100: "100", 1234567.8: "1,234,568"} {
		if got := Format(v); got != want {
			t.Errorf("%v is %s, want %s", v, got, want)
		}
	}
}
