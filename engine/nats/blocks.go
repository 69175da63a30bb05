package nats

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	stdhash "hash"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/minio/highwayhash"

	"scenecast/language"
)

// Streams of JetStream that are kept in files are directories of blocks, N.blk, each of records (nats-server, server/filestore.go):
//
//	length    4 bytes, of all; the highest bit says that there are headers
//	sequence  8 bytes; the highest bit says that the record was erased, the next one that it only says that another was
//	time      8 bytes, ns since 1970
//	subject   2 bytes of length, then the text
//	headers   4 bytes of length, then the headers, where there are any
//	message
//	checksum  8 bytes: HighwayHash of all but the lengths
//
// All numbers are little-endian.
const (
	blockHead     = 22
	blockChecksum = 8

	bitHeaders   = 1 << 31
	bitErased    = 1 << 63
	bitTombstone = 1 << 62
)

// ErrNoLog is returned where there is no log to be read.
var ErrNoLog = language.NewError("there is no log")

// stored is a record of a stream.
type stored struct {
	sequence uint64
	at       time.Time
	data     []byte // nil: it was erased
}

// readBlocks reads a stream's records from the directory of a server that does not run. It changes nothing. What cannot be read is
// damage, behind which it goes on.
func readBlocks(dir, stream, subject string, take func(stored), damage func(error)) error {
	streams, err := filepath.Glob(filepath.Join(dir, "nats", "jetstream", "*", "streams", stream, "msgs"))
	if err != nil {
		return err
	}
	if len(streams) != 1 {
		return language.Errorf("%w named %s in %s", ErrNoLog, strings.TrimPrefix(stream, streamPrefix), dir)
	}
	entries, err := os.ReadDir(streams[0])
	if err != nil {
		return err
	}
	var blocks []int
	for _, e := range entries {
		if n, err := strconv.Atoi(strings.TrimSuffix(e.Name(), ".blk")); err == nil && strings.HasSuffix(e.Name(), ".blk") {
			blocks = append(blocks, n)
		}
	}
	slices.Sort(blocks)
	for _, n := range blocks {
		file := filepath.Join(streams[0], strconv.Itoa(n)+".blk")
		content, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) { // it was dropped meanwhile
			continue
		} else if err != nil {
			return err
		}
		key := sha256.Sum256(fmt.Appendf(nil, "%s-%d", stream, n))
		sum, err := highwayhash.New64(key[:])
		if err != nil {
			return err
		}
		readBlock(content, subject, sum, take, func(at int, err error) { damage(language.Errorf("%s, byte %d: %w", file, at, err)) })
	}
	return nil
}

// What can be wrong with a record in a file.
var (
	errCutOff   = language.NewError("the file ends within a record, or the record's length is wrong; what follows in this file cannot be read")
	errChecksum = language.NewError("the record's checksum is wrong")
	errSubject  = language.NewError("the record's subject is none of the log's") // its length is not part of the checksum
)

func readBlock(b []byte, subject string, sum stdhash.Hash64, take func(stored), damage func(at int, err error)) {
	for at := 0; at < len(b); {
		r := b[at:]
		if len(r) < blockHead+blockChecksum {
			damage(at, errCutOff)
			return
		}
		length := binary.LittleEndian.Uint32(r)
		hasHeaders := length&bitHeaders != 0
		size := int(length &^ bitHeaders)
		message := blockHead + int(binary.LittleEndian.Uint16(r[20:]))
		if hasHeaders {
			message += 4
		}
		if size > len(r) || message+blockChecksum > size {
			damage(at, errCutOff)
			return
		}
		end := size - blockChecksum
		sum.Reset()
		_, _ = sum.Write(r[4:20])
		if hasHeaders {
			_, _ = sum.Write(r[blockHead : message-4])
			_, _ = sum.Write(r[message:end])
		} else {
			_, _ = sum.Write(r[blockHead:end])
		}
		if !bytes.Equal(sum.Sum(nil), r[end:size]) {
			damage(at, errChecksum)
			at += size
			continue
		}
		sequence := binary.LittleEndian.Uint64(r[4:])
		s := stored{sequence: sequence &^ bitErased, at: time.Unix(0, int64(binary.LittleEndian.Uint64(r[12:])))} //nolint:gosec // a time is signed
		if hasHeaders {
			message += int(binary.LittleEndian.Uint32(r[message-4:]))
		}
		switch {
		case sequence&bitTombstone != 0:
		case sequence&bitErased != 0:
			take(s)
		case message > end:
			damage(at, errCutOff)
		case string(r[blockHead:blockHead+int(binary.LittleEndian.Uint16(r[20:]))]) != subject:
			damage(at, errSubject)
		default:
			s.data = r[message:end]
			take(s)
		}
		at += size
	}
}
