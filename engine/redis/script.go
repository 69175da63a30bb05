package redis

import (
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // it is how Redis names scripts
	_ "embed"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"scenecast/language"
)

//go:embed log.lua
var logScript string

var logScriptSum = func() string {
	sum := sha1.Sum([]byte(logScript)) //nolint:gosec // see the import
	return hex.EncodeToString(sum[:])
}()

// standing is how the log stands.
type standing struct {
	epoch  uint64
	begin  uint64 // the number of the entry that has begun the epoch
	newest mark
}

// misfit is what a node has against an epoch of the log: it does not go on from what the node has read. An entry is the newest that does
// fit.
type misfit struct {
	epoch uint64
	fits  mark
}

// look finds out how the log stands, and begins an epoch where it may not be what was read of it. The numbers of that are above known.
func (b *Backend) look(l *link, known uint64, m misfit) (s standing, err error) {
	answers, err := b.runScript(l, answerTimeout, b.scriptArgs(known, m, 0))
	if err != nil {
		return s, err
	}
	return parseStanding(answers[0])
}

// scriptArgs are the arguments of log.lua, but for those of a record.
func (b *Backend) scriptArgs(known uint64, m misfit, dropBelow uint64) []string {
	epoch := ""
	if m.epoch != 0 {
		epoch = strconv.FormatUint(m.epoch, 10)
	}
	return []string{
		strconv.FormatUint(known, 10), strconv.FormatUint(newEpochID(), 10), epoch,
		strconv.FormatUint(m.fits.number, 10), m.fits.identity, strconv.FormatUint(dropBelow, 10),
	}
}

// runScript runs log.lua, and other commands behind it on the same connection.
func (b *Backend) runScript(l *link, timeout time.Duration, args []string, behind ...command) ([]rueidis.RedisMessage, error) {
	commands := append([]command{func(c rueidis.Builder) rueidis.Completed {
		return c.Evalsha().Sha1(logScriptSum).Numkeys(2).Key(b.keys.log, b.keys.head).Arg(args...).Build()
	}}, behind...)
	answers, err := l.do(timeout, commands...)
	if e, ok := rueidis.IsRedisErr(err); ok && e.IsNoScript() { // the server is new, or somebody has flushed its scripts
		commands[0] = func(c rueidis.Builder) rueidis.Completed {
			return c.Eval().Script(logScript).Numkeys(2).Key(b.keys.log, b.keys.head).Arg(args...).Build()
		}
		answers, err = l.do(timeout, commands...)
	}
	return answers, err
}

func parseStanding(m rueidis.RedisMessage) (s standing, err error) {
	values, err := m.AsStrSlice()
	if err != nil || len(values) != 4 {
		return s, language.Errorf("log.lua was answered with %q: %w", values, errors.Join(err, errForeign))
	}
	var failed error
	number := func(text string) uint64 {
		n, err := strconv.ParseUint(text, 10, 64)
		failed = errors.Join(failed, err)
		return n
	}
	s = standing{epoch: number(values[0]), begin: number(values[1]), newest: mark{number(values[2]), values[3]}}
	return s, failed
}

// errForeign is what is in Redis below our keys and is not Scenecast's.
var errForeign = language.NewError("what Redis has below the keys of Scenecast is none of Scenecast's")

// newEpochID draws the ID of an epoch, which is never 0 and exact in a double.
func newEpochID() uint64 { return max(1, random()>>11) }

// newIdentity draws the identity of a record: each attempt to append it has another one.
func newIdentity() string { return strconv.FormatUint(random(), 36) }

func random() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails: see its documentation
	return binary.LittleEndian.Uint64(b[:])
}

// isFull reports whether Redis takes no writes for lack of memory.
func isFull(err error) bool {
	e, ok := rueidis.IsRedisErr(err)
	return ok && strings.Contains(e.Error(), "OOM command not allowed")
}
