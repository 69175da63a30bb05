// Package doctor checks whether a machine, a configuration and what is around them are fit to run Scenecast: limits of files and of the
// kernel, memory and disk, the clock, certificates, the engine, the backends that hooks call, and a proxy in front. Each check says what
// it has found, and what to do about it. None changes anything that lasts, none needs a running server, and no finding has a secret in it.
package doctor

import (
	"cmp"
	"context"
	"io/fs"
	"net/url"
	"slices"
	"sync"
	"time"

	"scenecast/config"
	"scenecast/language"
)

// Status is how a check has ended.
type Status string

// The statuses. What is skipped does not apply, or could not be looked at; the finding says why.
const (
	OK      Status = "ok"
	Warning Status = "warning"
	Failure Status = "failure"
	Skipped Status = "skipped"
)

// Finding is what a check has found.
type Finding struct {
	Check  string        `json:"check"` // as in files.limit
	Status Status        `json:"status"`
	Found  language.Text `json:"found"`       // a sentence; in JSON it is English
	Do     language.Text `json:"do,omitzero"` // what to do about it; empty where the status is OK
}

// Options say what is checked.
type Options struct {
	// Config is the configuration, as far as it can be read, and ConfigError what is wrong with it.
	Config      *config.Loaded
	ConfigError error
	ConfigFile  string // empty: there is none

	// Pages is how many pages are expected. 0: what the limits of the configuration allow, or else DefaultPages.
	Pages int

	// URL is where pages reach the server, by way of whatever is in front of it. Nil: that is not checked.
	URL *url.URL
	// Token is a page's, and Key a backend's with the scope read; empty: what needs them is skipped.
	Token, Key string
	// Idle has connections through the URL be kept idle until the server pings them.
	Idle bool
	// Roots is a file in PEM with the authorities of the certificates, the URL's and those of tls. Empty: those of the system.
	Roots string

	// Timeout is how long a check may take, but for those that wait for a ping. Defaults to DefaultTimeout.
	Timeout time.Duration

	// Language is that in which servers are asked why they are not ready. Empty: English. Findings themselves are in every language.
	Language language.Tag

	System System
}

// The defaults of Options.
const (
	DefaultPages   = 10_000
	DefaultTimeout = 5 * time.Second
)

// System is the machine, as checks see it.
type System struct {
	Linux bool
	Root  fs.FS // the file system, of which /proc and /sys are read

	Clock func() (Clock, error)                      // the kernel's state of the clock
	Space func(dir string) (Space, error)            // of the file system that a directory is on
	Sync  func(dir string, sample func() bool) error // writes 4 KiB to a file in the directory and syncs it, while sample returns true
}

// Clock is the state of the system's clock (adjtimex(2)).
type Clock struct {
	Synchronized bool
	MaxError     time.Duration // as the kernel estimates it
}

// Space is how full a file system is.
type Space struct {
	Free, Total uint64 // bytes, for users who are not root
	Writable    bool   // the directory, by this user
}

// subject is a run of checks.
type subject struct {
	Options
	pages int
}

// check is a line of the table of checks.
type check struct {
	name  string
	linux bool                                             // on other systems it does not apply
	wait  func(s *subject) time.Duration                   // how much longer than the timeout it may take; nil: no longer
	run   func(ctx context.Context, s *subject, r *report) // adds at least one finding
}

// checks are all there are, in the order in which they are told.
var checks = []check{
	{"config", false, nil, checkConfig},
	{"files.limit", true, nil, checkFileLimit},
	{"files.system", true, nil, checkSystemFiles},
	{"kernel.backlog", true, nil, checkBacklog},
	{"kernel.syncookies", true, nil, checkSyncookies},
	{"kernel.netdev_backlog", true, nil, checkNetdevBacklog},
	{"kernel.tcp_mem", true, nil, checkTCPMemory},
	{"kernel.buffers", true, nil, checkBuffers},
	{"kernel.ports", true, nil, checkPorts},
	{"kernel.conntrack", true, nil, checkConntrack},
	{"memory", true, nil, checkMemory},
	{"disk", false, nil, checkDisk},
	{"clock.sync", true, nil, checkClockSync},
	{"tls", false, nil, checkCertificates},
	{"engine.redis", false, nil, checkRedis},
	{"engine.nats", false, nil, checkNATS},
	{"engine.peers", false, nil, checkPeers},
	{"hooks", false, nil, checkHooks},
	{"jwks", false, nil, checkKeySets},
	{"server", false, nil, checkServer},
	{"proxy", false, idleWait, checkProxy},
}

// Names are those of all checks.
func Names() []string {
	names := make([]string, len(checks))
	for i, c := range checks {
		names[i] = c.name
	}
	return names
}

// report collects the findings of one check. It may be used concurrently.
type report struct {
	name     string
	mu       sync.Mutex
	findings []Finding
	closed   bool // the check has not ended in time: what it finds now comes too late
}

// nothing is to be done.
var nothing language.Text

func (r *report) add(status Status, do language.Text, format string, args ...any) {
	r.addOf("", status, do, format, args...)
}

// addOf adds a finding of a part of the check.
func (r *report) addOf(part string, status Status, do language.Text, format string, args ...any) {
	name := r.name
	if part != "" {
		name += "." + part
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		r.findings = append(r.findings, Finding{name, status, language.Textf(format, args...), do})
	}
}

// sortFrom puts the findings behind the first n, which were added concurrently, into an order that does not change from run to run.
func (r *report) sortFrom(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	slices.SortFunc(r.findings[n:], func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Check, b.Check), cmp.Compare(a.Found.String(), b.Found.String()))
	})
}

// close ends the report, and returns what was found.
func (r *report) close() []Finding {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	return slices.Clone(r.findings) // a check that was left behind may still sort its own
}

// Run makes all checks, at the same time, and returns their findings in the order of the checks.
func Run(ctx context.Context, o Options) []Finding {
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	s := &subject{Options: o, pages: expectedPages(o)}
	all := make([][]Finding, len(checks))
	var running sync.WaitGroup
	for i, c := range checks {
		running.Go(func() { all[i] = runCheck(ctx, s, c) })
	}
	running.Wait()
	var findings []Finding
	for _, of := range all {
		findings = append(findings, of...)
	}
	return findings
}

// runCheck makes one check. One that does not end in time, as when a file system hangs, is left behind.
func runCheck(ctx context.Context, s *subject, c check) []Finding {
	r := &report{name: c.name}
	if c.linux && !s.System.Linux {
		r.add(Skipped, nothing, "not applicable: this system is not Linux")
		return r.close()
	}
	timeout := s.Timeout
	if c.wait != nil {
		timeout += c.wait(s)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.run(ctx, s, r)
	}()
	// Checks end soon behind their context by themselves, and then say more than that.
	overdue := time.NewTimer(timeout + s.Timeout/2)
	defer overdue.Stop()
	select {
	case <-ended:
	case <-overdue.C:
		r.add(Failure, language.Textf("Look at what it asks: the disk of data_dir, DNS, the network."), "the check has not ended within %v", timeout)
	}
	return r.close()
}

// expectedPages is how many pages there may be.
func expectedPages(o Options) int {
	if o.Pages > 0 {
		return o.Pages
	}
	c := o.Config.Config
	if n := c.Limits.Connections; n > 0 {
		return n
	}
	sum := 0
	for _, app := range c.Apps() {
		if app.MaxConnections == 0 {
			return DefaultPages
		}
		sum += app.MaxConnections
	}
	return sum
}
