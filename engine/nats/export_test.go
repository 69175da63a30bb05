package nats

import "context"

// HideAddress has the node tell the others an address where nobody listens, so that they reach it as their options say and in no other way.
// Otherwise a node that connects to one of them has the others, too, connect to where it listens.
func (e *Embedded) HideAddress() { e.advertise = "127.0.0.1:1" }

// PassLeadership has another node lead the log.
func (b *Backend) PassLeadership() { b.passLeadership() }

// Leader is the node that leads the log, as that says itself; empty: it has not answered.
func (b *Backend) Leader(ctx context.Context) string {
	log, _ := b.streamInfo(ctx)
	return log.Leader
}
