// Package capacity computes what a number of pages takes: memory, file descriptors, cores. docs/capacity.md has the formula, and the constants
// as they were measured.
package capacity

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
	BaseMemory   = "memory without pages"
	PageMemory   = "memory per idle page, WebSocket"
	StreamMemory = "memory per idle page, event stream"
	TLSMemory    = "memory per idle page, WebSocket over the server's own TLS"
	KernelMemory = "kernel memory per idle connection"
	PushMemory   = "log memory per push of 200 bytes"
	ConnectCPU   = "CPU per connect"
	TLSCPU       = "CPU per connect over TLS"
	DeliveryCPU  = "CPU per delivery"
	BurstCPU     = "CPU per delivery, 8 pushes at a time"
	PushCPU      = "CPU per push, engine memory"
	NATSCPU      = "CPU per push, engine nats with data_dir, one node"
	RedisCPU     = "CPU per push, engine redis, one node"
	PingCPU      = "CPU per ping"
)

var constants = []constant{
	{BaseMemory, "MiB", "resident memory of a server that nobody uses"},
	{PageMemory, "B", "the same with 8,000 pages of five labels, less that, garbage collected"},
	{StreamMemory, "B", "likewise"},
	{TLSMemory, "B", "likewise, 2,000 pages"},
	{KernelMemory, "B", "objects of a TCP socket in `/proc/slabinfo`; buffers that are in use come on top"},
	{PushMemory, "B", "20,000 pushes that no page matches, garbage collected"},
	{ConnectCPU, "µs", "8,000 pages, one after the other"},
	{TLSCPU, "µs", "2,000 pages likewise, full handshakes, an ECDSA key"},
	{DeliveryCPU, "ns", "8,000 pages, one push after the other to all of them"},
	{BurstCPU, "ns", "the same, 8 calls at a time"},
	{PushCPU, "µs", "a push to one page, in a call of its own"},
	{NATSCPU, "µs", "likewise"},
	{RedisCPU, "µs", "likewise; Redis's own CPU not counted"},
	{PingCPU, "µs", "8,000 pages that are pinged every five seconds or so: by the pings that come in ten"},
}

// Figures are the values of the constants, by name, in the unit that docs/capacity.md gives.
type Figures map[string]float64

// Measured are the constants of docs/capacity.md.
var Measured = Figures{
	BaseMemory: 24.3, PageMemory: 544, StreamMemory: 565, TLSMemory: 17_072, KernelMemory: 3_712, PushMemory: 1_068,
	ConnectCPU: 61.2, TLSCPU: 675, DeliveryCPU: 7_500, BurstCPU: 1_055, PushCPU: 130, NATSCPU: 250, RedisCPU: 240, PingCPU: 11,
}

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

const mib = 1 << 20

// LogMemory is what a log of pushes of 200 bytes has in use, in bytes: of so many pushes (history.max_count), or so many bytes
// (history.max_bytes), whichever is less.
func (f Figures) LogMemory(pushes, bytes float64) float64 { return min(bytes, pushes*f[PushMemory]) }

// ServerMemory is what a server takes, in bytes, with idle pages over WebSocket and a log that has this much in use. Over TLS says that they
// come over the server's own TLS. What waits for pages that read slowly comes on top.
func (f Figures) ServerMemory(pages int, overTLS bool, log float64) float64 {
	perPage := f[PageMemory]
	if overTLS {
		perPage = f[TLSMemory]
	}
	return f[BaseMemory]*mib + garbage*(float64(pages)*perPage+log)
}

// KernelMemory is what the kernel takes for idle connections, in bytes.
func (f Figures) KernelMemory(pages int) float64 { return float64(pages) * f[KernelMemory] }

// needOf computes it. Memory is that of pages that read what they get; what waits for slow ones comes on top.
func (f Figures) needOf(pages int) need {
	p := float64(pages)
	return need{
		pages:       pages,
		server:      f.ServerMemory(pages, false, f.LogMemory(logPushes, logBytes*mib)) / mib,
		kernel:      f.KernelMemory(pages) / mib,
		descriptors: pages + spareDescriptors,
		cores:       (p*deliveriesPerPage*f[DeliveryCPU]/1e3 + p/visit*f[ConnectCPU] + p/pingEvery*f[PingCPU] + pushesPerSecond*f[PushCPU]) / 1e6,
		comeBack:    p * f[ConnectCPU] / 1e6,
	}
}

// sizes are the rows of the table.
var sizes = []int{1_000, 10_000, 100_000, 1_000_000}

// Table is the needs as docs/capacity.md has them.
func (f Figures) Table() string {
	var b strings.Builder
	b.WriteString("| pages | memory of the server | memory of the kernel | file descriptors | cores | all come back at once: seconds of one core |\n|---|---|---|---|---|---|\n")
	for _, pages := range sizes {
		n := f.needOf(pages)
		fmt.Fprintf(&b, "| %s | %s MiB | %s MiB | %s | %s | %s |\n", thousands(float64(pages)), thousands(math.Ceil(n.server)), thousands(math.Ceil(n.kernel)),
			thousands(float64(n.descriptors)), Format(n.cores), Format(n.comeBack))
	}
	return b.String()
}

// List is the constants as docs/capacity.md has them.
func (f Figures) List() string {
	var b strings.Builder
	b.WriteString("| constant | value | measured by |\n|---|---|---|\n")
	for _, c := range constants {
		value := "–"
		if v, ok := f[c.name]; ok {
			value = Format(v) + " " + c.unit
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", c.name, value, c.from)
	}
	return b.String()
}

// Format is a number with three digits, as docs/capacity.md has it: what is read back from there gives the same table.
func Format(v float64) string {
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
