package main

import (
	"fmt"
	"math"
	"strings"
)

// constant is one figure that a server's needs are computed from.
type constant struct {
	name string // as docs/capacity.md has it
	unit string
	from string // what measures it
}

// The constants, in the order of docs/capacity.md.
const (
	baseMemory   = "memory without pages"
	pageMemory   = "memory per idle page, WebSocket"
	streamMemory = "memory per idle page, event stream"
	tlsMemory    = "memory per idle page, WebSocket over the server's own TLS"
	kernelMemory = "kernel memory per idle connection"
	pushMemory   = "log memory per push of 200 bytes"
	connectCPU   = "CPU per connect"
	tlsCPU       = "CPU per connect over TLS"
	deliveryCPU  = "CPU per delivery"
	burstCPU     = "CPU per delivery, 8 pushes at a time"
	pushCPU      = "CPU per push, engine memory"
	natsCPU      = "CPU per push, engine nats with data_dir, one node"
	redisCPU     = "CPU per push, engine redis, one node"
	pingCPU      = "CPU per ping"
)

var constants = []constant{
	{baseMemory, "MiB", "resident memory of a server that nobody uses"},
	{pageMemory, "B", "the same with 8,000 pages of five labels, less that, garbage collected"},
	{streamMemory, "B", "likewise"},
	{tlsMemory, "B", "likewise, 2,000 pages"},
	{kernelMemory, "B", "objects of a TCP socket in `/proc/slabinfo`; buffers that are in use come on top"},
	{pushMemory, "B", "20,000 pushes that no page matches, garbage collected"},
	{connectCPU, "µs", "8,000 pages, one after the other"},
	{tlsCPU, "µs", "2,000 pages likewise, full handshakes, an ECDSA key"},
	{deliveryCPU, "ns", "8,000 pages, one push after the other to all of them"},
	{burstCPU, "ns", "the same, 8 calls at a time"},
	{pushCPU, "µs", "a push to one page, in a call of its own"},
	{natsCPU, "µs", "likewise"},
	{redisCPU, "µs", "likewise; Redis's own CPU not counted"},
	{pingCPU, "µs", "8,000 pages that are pinged every five seconds or so: by the pings that come in ten"},
}

// figures are the values of the constants, by name.
type figures map[string]float64

// What the table is about: how often each page gets a push, how long it stays, and how often it is pinged.
const (
	deliveriesPerPage = 0.1  // per second
	visit             = 300. // seconds
	pingEvery         = 25.  // seconds: websocket.ping_interval
	pushesPerSecond   = 100.
	logPushes         = 100_000. // history.max_count
	logBytes          = 64.      // MiB: history.max_bytes
	garbage           = 2.       // the collector of Go lets memory grow to twice what is in use
	spareDescriptors  = 300.     // files, HTTP calls, other nodes
)

// need is what a number of pages takes on one node.
type need struct {
	pages       int
	server      float64 // MiB of memory, of the process
	kernel      float64 // MiB, of the system
	descriptors int
	cores       float64
	comeBack    float64 // seconds of one core to take all pages back at once
}

// needOf computes it. Memory is that of pages that read what they get; what waits for slow ones comes on top.
func (f figures) needOf(pages int) need {
	p := float64(pages)
	const mib = 1 << 20
	return need{
		pages:       pages,
		server:      f[baseMemory] + garbage*(p*f[pageMemory]/mib+min(logBytes, logPushes*f[pushMemory]/mib)),
		kernel:      p * f[kernelMemory] / mib,
		descriptors: pages + spareDescriptors,
		cores:       (p*deliveriesPerPage*f[deliveryCPU]/1e3 + p/visit*f[connectCPU] + p/pingEvery*f[pingCPU] + pushesPerSecond*f[pushCPU]) / 1e6,
		comeBack:    p * f[connectCPU] / 1e6,
	}
}

// sizes are the rows of the table.
var sizes = []int{1_000, 10_000, 100_000, 1_000_000}

// table is the needs as docs/capacity.md has them.
func (f figures) table() string {
	var b strings.Builder
	b.WriteString("| pages | memory of the server | memory of the kernel | file descriptors | cores | all come back at once: seconds of one core |\n|---|---|---|---|---|---|\n")
	for _, pages := range sizes {
		n := f.needOf(pages)
		fmt.Fprintf(&b, "| %s | %s MiB | %s MiB | %s | %s | %s |\n", thousands(float64(pages)), thousands(math.Ceil(n.server)), thousands(math.Ceil(n.kernel)),
			thousands(float64(n.descriptors)), figure(n.cores), figure(n.comeBack))
	}
	return b.String()
}

// list is the constants as docs/capacity.md has them.
func (f figures) list() string {
	var b strings.Builder
	b.WriteString("| constant | value | measured by |\n|---|---|---|\n")
	for _, c := range constants {
		value := "–"
		if v, ok := f[c.name]; ok {
			value = figure(v) + " " + c.unit
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", c.name, value, c.from)
	}
	return b.String()
}

// figure is a number with three digits, as docs/capacity.md has it: what is read back from there gives the same table.
func figure(v float64) string {
	switch {
	case v >= 99.95:
		return thousands(math.Round(v))
	case v >= 9.995:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.2f", v)
	}
}

// thousands is a whole number with commas.
func thousands(v float64) string {
	digits := fmt.Sprintf("%.0f", v)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
