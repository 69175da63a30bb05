package nats

import (
	"testing"
	"time"
)

// TestElectionVariables: what elections.go has linked by name holds NATS's own times before it is set. That NATS obeys them is for
// TestFastElections of the command, which kills leaders.
func TestElectionVariables(t *testing.T) {
	if minElectionTimeout < 4*time.Second || maxElectionTimeout <= minElectionTimeout || hbInterval != time.Second {
		if minElectionTimeout != 750*time.Millisecond || maxElectionTimeout != 1500*time.Millisecond || hbInterval != 150*time.Millisecond {
			t.Fatalf("NATS elects within %v to %v, with a heartbeat every %v: are these still the variables?", minElectionTimeout, maxElectionTimeout, hbInterval)
		}
	}
	electFast()
	if minElectionTimeout != 750*time.Millisecond || maxElectionTimeout != 1500*time.Millisecond {
		t.Errorf("it elects within %v to %v", minElectionTimeout, maxElectionTimeout)
	}
}
