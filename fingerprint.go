package scenecast

import (
	"crypto/sha256"
	"encoding/binary"
)

// Fingerprint is the same for two pushes that ask for the same thing: for a call and its retry. What the server gives a
// push is not in it.
func (p *Push) Fingerprint() [sha256.Size]byte {
	h := sha256.New()
	var n [8]byte
	number := func(v uint64) {
		binary.BigEndian.PutUint64(n[:], v)
		_, _ = h.Write(n[:]) // a hash takes everything
	}
	// Each text goes with its length, so that "a" and "bc" are not "ab" and "c".
	for _, text := range []string{p.App, p.To.String(), p.Message.Event, p.Coalesce, p.Retain} {
		number(uint64(len(text)))
		_, _ = h.Write([]byte(text))
	}
	for _, v := range []uint64{uint64(p.TTL), uint64(p.Receipt), uint64(p.Timeout)} {
		number(v)
	}
	_, _ = h.Write(p.Message.Data)
	if user := p.Message.User; user != "" {
		_, _ = h.Write([]byte("\x00" + user)) // no JSON has the byte, so this is none that goes on
	}
	return [sha256.Size]byte(h.Sum(nil))
}
