package load

import (
	"bytes"
	"fmt"
	"strings"
)

// digits is how many a message's number has, so that all messages have one size.
const digits = 9

// MinSize is the smallest message, in bytes.
const MinSize = 64

// Envelope makes the messages of a run, and knows them again. A message is known only if every byte of it is right.
type Envelope struct {
	head, tail []byte
}

// NewEnvelope makes messages of size bytes, which is at least MinSize.
func NewEnvelope(run string, size int) Envelope {
	head, tail := `{"bench":"`+run+`","n":"`, `","pad":""}`
	pad := strings.Repeat("x", max(0, size-len(head)-digits-len(tail)))
	return Envelope{head: []byte(head), tail: []byte(`","pad":"` + pad + `"}`)}
}

// Write is the message with this number.
func (e *Envelope) Write(n int) []byte {
	return fmt.Appendf(nil, "%s%0*d%s", e.head, digits, n, e.tail)
}

// Read is the number of a message that was pushed to a page; false where it is none of this run.
func (e *Envelope) Read(message []byte) (n int, ok bool) {
	size := len(e.head) + digits + len(e.tail)
	if len(message) != size || !bytes.HasPrefix(message, e.head) || !bytes.HasSuffix(message, e.tail) {
		return 0, false
	}
	for _, c := range message[len(e.head) : len(e.head)+digits] {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int(c-'0')
	}
	return n, true
}
