// Package handover is the form in which a server's state goes to the process that takes its place: numbered fields, messages, and the
// hello with which two processes agree on a format. It knows no socket and nothing of what the fields mean: whoever has state encodes and
// decodes it (socket, hub, engine/memory), and package server carries it.
//
// A record is a sequence of fields. A field has a number, which is never given to anything else, and is required or optional: who does not
// know a required one must refuse the record, and passes over an optional one. Fields whose value is zero are left out. So a newer version
// adds what an older one can do without as optional fields, and raises Newest for what it cannot.
//
//	field    number << 1 | optional (uvarint), length of the value (uvarint), value
//	message  kind (1 byte), length of the payload (4 bytes, big endian), payload: a record or a list of them
package handover

// The formats that this build reads and writes: the newest one and the one before it.
const (
	Newest = 1
	Oldest = 1
)
