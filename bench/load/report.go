package load

import "scenecast/language"

// Report is what a run has found. What could not be measured is missing in it.
type Report struct {
	URL      string     `json:"url"`
	PID      int        `json:"server_pid,omitempty"` // whose costs are in it
	Run      string     `json:"run"`                  // the run's name, which is in labels and messages
	Protocol string     `json:"protocol"`
	Pages    int        `json:"pages"`
	Size     int        `json:"message_bytes"`
	Rounds   int        `json:"rounds"`
	Connect  *Connect   `json:"connect,omitempty"`
	Scenes   []Scenario `json:"scenarios"`
	Complete bool       `json:"complete"` // nothing ended the run early
	Faults   Faults     `json:"faults"`
	Foreign  int        `json:"foreign_messages"` // that pages got from others than this run
}

// Connect is what it took to open the pages.
type Connect struct {
	Seconds        float64  `json:"seconds"`
	PagesPerSecond float64  `json:"pages_per_second"`
	CPU            *CPU     `json:"cpu_us_per_page,omitempty"`
	MemoryPerPage  *float64 `json:"memory_bytes_per_page,omitempty"` // of resident memory, garbage included
}

// CPU is a process's time in user and in kernel mode. The unit stands in the field that holds it.
type CPU struct {
	User   float64 `json:"user"`
	System float64 `json:"system"`
}

// Total is both together.
func (c CPU) Total() float64 { return c.User + c.System }

// Scenario is one audience and one way to publish: the medians of its rounds.
type Scenario struct {
	Name     language.Text `json:"name"`
	To       string        `json:"to"`
	Audience int           `json:"audience"` // pages
	Pipeline int           `json:"pipeline,omitempty"`
	Rate     int           `json:"rate,omitempty"`
	Pushes   int           `json:"pushes_per_round"`
	Median   Round         `json:"median"`
	Rounds   []Round       `json:"rounds"`
}

// Round is one measurement.
type Round struct {
	Seconds       float64 `json:"seconds"`
	Deliveries    int     `json:"deliveries"`
	PerSecond     float64 `json:"deliveries_per_second"`
	PushesPerSec  float64 `json:"pushes_per_second"`
	Latency       Latency `json:"latency_us"`
	CPUOfDelivery *CPU    `json:"cpu_ns_per_delivery,omitempty"`
	CPUOfPush     *CPU    `json:"cpu_us_per_push,omitempty"`
}

// Latency is from the HTTP call to the frame received, in microseconds.
type Latency struct {
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p99.9"`
	Max  float64 `json:"max"`
}
