package websockettest

import "encoding/binary"

// masked is a frame as a page sends it, with the mask 1 2 3 4.
func masked(first byte, payload string) string { return maskedWith("\x01\x02\x03\x04", first, payload) }

func maskedWith(mask string, first byte, payload string) string {
	b := []byte(payload)
	for i := range b {
		b[i] ^= mask[i%4]
	}
	return head(first, 0x80, len(payload)) + mask + string(b)
}

// unmasked is a frame as a server sends it.
func unmasked(first byte, payload string) string { return head(first, 0, len(payload)) + payload }

// head is that of a frame of n bytes, as short as can be (RFC 6455, 5.2).
func head(first, mask byte, n int) string {
	switch {
	case n < 126:
		return string([]byte{first, mask | byte(n)})
	case n < 1<<16:
		return string(binary.BigEndian.AppendUint16([]byte{first, mask | 126}, uint16(n)))
	}
	return string(binary.BigEndian.AppendUint64([]byte{first, mask | 127}, uint64(n)))
}

// closing is the payload of a close frame.
func closing(code int, reason string) string {
	return string(binary.BigEndian.AppendUint16(nil, uint16(code))) + reason
}

// fragmented is a message in pieces of n bytes.
func fragmented(opcode byte, payload string, n int) (frames string) {
	for len(payload) > n {
		frames += masked(opcode, payload[:n])
		payload = payload[n:]
		opcode = 0
	}
	return frames + masked(0x80|opcode, payload)
}
