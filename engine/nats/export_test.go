package nats

// HideAddress has the node tell the others an address where nobody listens, so that they reach it as their options say and in no other way.
// Otherwise a node that connects to one of them has the others, too, connect to where it listens.
func (e *Embedded) HideAddress() { e.advertise = "127.0.0.1:1" }
