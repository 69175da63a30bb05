package cluster

import (
	"encoding/binary"
	"time"

	"scenecast"
	"scenecast/audience"
	"scenecast/language"
)

// A record is what the log holds: pushes of one origin. All numbers but those of fixed size are varints, and texts go with their
// length before them:
//
//	version   1 byte
//	origin    8 bytes, the NodeID
//	number    the origin's count of its records, from 1
//	epoch     8 bytes, of versions 3 and 5 only: the one in which the record was put on its way first
//	count     of pushes, then each:
//	  id, app, to (canonical text), event, coalesce, retain, key, data
//	  at (ns since 1970), ttl (ns), timeout (ns), receipt (1 byte)
//	  from version 2 on, where the receipt has the bit isConfined: confinement
//	  from version 4 on, where the receipt has the bit hasUser: user
//
// The last push may be one that carries the traces of the others (traces.go).
//
// A record of version 3 or 5 has been on its way before. In another epoch than that, it may have been in a part of the log that is lost.
type record struct {
	origin scenecast.NodeID
	number uint64
	first  uint64 // the epoch in which it was put on its way first, if it has been on its way before; otherwise 0
	pushes []*scenecast.Push
}

// recordVersion is the newest version that this build writes. It reads that one and those before it. A record is of the oldest version
// that can say what is in it, so that nodes which are not upgraded yet read it as well.
const recordVersion = versionUserAgain

// The versions of records, where they are not 1.
const (
	versionConfined = 2
	// versionAgain is that of a record which is appended again. Nodes that read it in another epoch than the one in which it was appended
	// first let nobody go on between the two: whoever comes from a node that has read it there has had it.
	versionAgain     = 3
	versionUser      = 4
	versionUserAgain = 5
)

// again is a record as it is appended again, whatever becomes of it, if it was put on its way in this epoch first. The record is not changed.
func again(b []byte, first uint64) []byte {
	version := byte(versionAgain)
	switch {
	case isAgain(b[0]):
		return b
	case b[0] >= versionUser:
		version = versionUserAgain
	}
	_, n := binary.Uvarint(b[headNumber:])
	marked := append(make([]byte, 0, len(b)+8), version)
	marked = append(marked, b[1:headNumber+n]...)
	marked = binary.BigEndian.AppendUint64(marked, first)
	return append(marked, b[headNumber+n:]...)
}

// headNumber is where in a record its number begins.
const headNumber = 1 + 8

func isAgain(version byte) bool { return version == versionAgain || version == versionUserAgain }

// What is set in the receipt of a push that has more.
const (
	isConfined = 1 << 7
	hasUser    = 1 << 6
)

// What one record holds at most.
const (
	maxPushes      = 256
	maxRecordBytes = 512 << 10 // a push that is larger by itself is a record of its own
)

// indexBits are those of a sequence number that count a record's pushes; above them is the record's number in the log.
const indexBits = 10

// seqOf is the sequence number of the push at an index of a record.
func seqOf(number uint64, index int) uint64 { return number<<indexBits | uint64(index) }

// endOf is a sequence number behind all pushes of a record, and before those of the next.
func endOf(number uint64) uint64 { return number<<indexBits | (1<<indexBits - 1) }

// errNewer is returned for a record that a newer version has written.
var errNewer = language.NewError("the log has a record of a newer version: upgrade this node")

// appendHead begins a record of the version that versionOf says.
func appendHead(b []byte, version byte, origin scenecast.NodeID, number uint64) []byte {
	b = append(b, version)
	b = binary.BigEndian.AppendUint64(b, uint64(origin))
	return binary.AppendUvarint(b, number)
}

// versionOf is the oldest version of a record that can have the push.
func versionOf(p *scenecast.Push) byte {
	switch {
	case p.Message.User != "":
		return versionUser
	case p.Confinement != "":
		return versionConfined
	}
	return 1
}

// appendCount follows the head: so many pushes come.
func appendCount(b []byte, n int) []byte { return binary.AppendUvarint(b, uint64(n)) }

// appendPush encodes one push of a record.
func appendPush(b []byte, p *scenecast.Push) []byte {
	for _, text := range [...]string{p.ID, p.App, p.To.String(), p.Message.Event, p.Coalesce, p.Retain, p.IdempotencyKey} {
		b = appendText(b, text)
	}
	b = binary.AppendUvarint(b, uint64(len(p.Message.Data)))
	b = append(b, p.Message.Data...)
	b = binary.AppendVarint(b, p.At.UnixNano())
	b = binary.AppendUvarint(b, uint64(p.TTL))
	b = binary.AppendUvarint(b, uint64(p.Timeout))
	receipt := byte(p.Receipt)
	if p.Confinement != "" {
		receipt |= isConfined
	}
	if p.Message.User != "" {
		receipt |= hasUser
	}
	b = append(b, receipt)
	for _, text := range [...]string{p.Confinement, p.Message.User} {
		if text != "" {
			b = appendText(b, text)
		}
	}
	return b
}

func appendText(b []byte, text string) []byte {
	b = binary.AppendUvarint(b, uint64(len(text)))
	return append(b, text...)
}

// decodeRecord reads a record. audiences turns canonical texts into audiences.
func decodeRecord(b []byte, audiences func(string) (audience.Expr, error)) (r record, err error) {
	d := decoder{b: b}
	version := d.byte()
	switch {
	case version > recordVersion:
		return r, errNewer
	case version == 0:
		return r, language.Errorf("a record of version %d", version)
	}
	r.origin = scenecast.NodeID(d.uint64())
	if r.number = d.uvarint(); isAgain(version) {
		r.first = d.uint64()
	}
	n := d.uvarint()
	if n > maxPushes {
		return r, language.Errorf("a record of %d pushes", n)
	}
	r.pushes = make([]*scenecast.Push, 0, n)
	for range n {
		p := new(scenecast.Push)
		p.ID, p.App = d.text(), d.text()
		to := d.text()
		p.Message.Event, p.Coalesce, p.Retain, p.IdempotencyKey = d.text(), d.text(), d.text(), d.text()
		p.Message.Data = d.bytes()
		p.At = time.Unix(0, d.varint())
		p.TTL, p.Timeout = time.Duration(d.uvarint()), time.Duration(d.uvarint())
		receipt := d.byte()
		if version >= versionConfined && receipt&isConfined != 0 {
			receipt &^= isConfined
			p.Confinement = d.someText()
		}
		if version >= versionUser && receipt&hasUser != 0 {
			receipt &^= hasUser
			p.Message.User = d.someText()
		}
		p.Receipt = scenecast.Receipt(receipt)
		if d.failed {
			break
		}
		if int(p.Receipt) >= len(scenecast.Receipts) {
			return r, language.Errorf("a push with the receipt %d", p.Receipt)
		}
		if p.To, err = audiences(to); err != nil {
			return r, language.Errorf("a push to %.80q: %w", to, err)
		}
		r.pushes = append(r.pushes, p)
	}
	if d.failed || len(d.b) > 0 {
		return r, language.NewError("a record that is cut off, or goes on behind its end")
	}
	takeTraces(r.pushes)
	return r, nil
}

// decoder takes values off the beginning of b. Once something is not there, failed is set and everything is zero.
type decoder struct {
	b      []byte
	failed bool
}

func (d *decoder) take(n uint64) []byte {
	if d.failed || n > uint64(len(d.b)) {
		d.failed, d.b = true, nil
		return nil
	}
	taken := d.b[:n:n]
	d.b = d.b[n:]
	return taken
}

func (d *decoder) byte() byte {
	if b := d.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) uint64() uint64 {
	if b := d.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (d *decoder) uvarint() uint64 { return decodeVarint(d, binary.Uvarint) }

func (d *decoder) varint() int64 { return decodeVarint(d, binary.Varint) }

func decodeVarint[T int64 | uint64](d *decoder, read func([]byte) (T, int)) T {
	v, n := read(d.b)
	if n <= 0 {
		d.failed, d.b = true, nil
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) bytes() []byte { return d.take(d.uvarint()) }

func (d *decoder) text() string { return string(d.bytes()) }

// someText is a text that is not empty.
func (d *decoder) someText() string {
	text := d.text()
	d.failed = d.failed || text == ""
	return text
}
