package main

import (
	"context"
	"regexp"
	"time"
)

// attackTime is how long an attack lasts where its scenario says nothing else.
const attackTime = 8 * time.Second

// scenario is one attack, and the server that it is made on.
type scenario struct {
	name, about string
	time        time.Duration // 0: attackTime
	settings    []string      // environment variables of the server
	tls         bool
	shell       string // a shell's words that begin the server, which is "$0" with "$@"
	stderr      pipe   // what reads the server's log

	// prepare connects the attacker's pages and publishes what has to be there. The attack that it returns is made until
	// its context ends. It runs in a process of its own.
	prepare func(ctx context.Context, a *attacker) (attack, error)

	// after looks at the server when the attack is over and the attacker's connections are still there. It may be nil.
	after func(ctx context.Context, t *target) string

	// want is what a server that withstands the attack makes the attacker and after say. Nil: no healthy page is lost, and that is all.
	want *regexp.Regexp
}

// attack goes on until ctx ends, and reports in a few words what was done. An error is a failure of the attack.
type attack func(ctx context.Context) (said string, err error)

// pipe is what becomes of the server's log.
type pipe int

const (
	pipeRead pipe = iota // it is read
	pipeGone             // its reader closes it when the server has started
	pipeFull             // nobody reads it
)

// scenarios are all of them, in the order of the table.
var scenarios = []*scenario{
	lastingUser, lastingFive, lastingStarts, lastingPolite, relabelAll,
	heads,
	pings, controlPings, setsAtOnce,
	listings,
	slowTLS,
	triggerSize,
	smallFrames, unfinished, receipts,
	logGone, logFull,
	filesUpgrades, filesIdle,
}
