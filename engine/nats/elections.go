package nats

import (
	"sync"
	"time"
	_ "unsafe" // for go:linkname

	_ "github.com/nats-io/nats-server/v2/server" // whose variables these are
)

// nats-server elects the leader of a log 4 to 9 s after the last one fell silent, and has no option for that: these are the variables
// that decide. If a version renames them the program does not link; TestFastElections notices one that does not obey them.

//go:linkname minElectionTimeout github.com/nats-io/nats-server/v2/server.minElectionTimeout
var minElectionTimeout time.Duration

//go:linkname maxElectionTimeout github.com/nats-io/nats-server/v2/server.maxElectionTimeout
var maxElectionTimeout time.Duration

//go:linkname hbInterval github.com/nats-io/nats-server/v2/server.hbInterval
var hbInterval time.Duration

//go:linkname lostQuorumInterval github.com/nats-io/nats-server/v2/server.lostQuorumInterval
var lostQuorumInterval time.Duration

//go:linkname lostQuorumCheck github.com/nats-io/nats-server/v2/server.lostQuorumCheck
var lostQuorumCheck time.Duration

// electFast has leaders elected within about a second. It is called before the first server of the process starts, and does nothing
// when it is called again: then servers read the variables.
var electFast = sync.OnceFunc(func() {
	minElectionTimeout, maxElectionTimeout = 750*time.Millisecond, 1500*time.Millisecond
	hbInterval = 150 * time.Millisecond
	lostQuorumInterval, lostQuorumCheck = 1500*time.Millisecond, 500*time.Millisecond
})
