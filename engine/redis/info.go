package redis

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"scenecast"
	"scenecast/engine/cluster"
	"scenecast/language"
)

var _ cluster.LogInformer = (*Backend)(nil)

// report is how the log stands, and where this node is in it.
type report struct {
	mu       sync.Mutex
	server   string    // that keeps the log
	replicas int       // that it has, and that receive what is written
	log      standing  // when it was looked at last
	answered time.Time // when that was; zero: never
	behind   time.Time // since when this node has not read all; zero: it has
}

// silentAfter is after how long what the server has said does not count any more.
const silentAfter = 1500 * time.Millisecond

// told notes what the server has said: how the log stands, and its INFO replication. It returns how many replicas are online.
func (r *report) told(log standing, read uint64, replication string) (replicas int) {
	for name, value := range fields(replication) {
		if strings.HasPrefix(name, "slave") && strings.Contains(value, "state=online") {
			replicas++
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.log, r.replicas, r.answered = log, replicas, time.Now()
	switch {
	case log.newest.number <= read:
		r.behind = time.Time{}
	case r.behind.IsZero():
		r.behind = r.answered
	}
	return replicas
}

// fields are the lines of an answer to INFO or CLIENT INFO.
func fields(text string) map[string]string {
	values := make(map[string]string)
	for line := range strings.FieldsFuncSeq(text, func(c rune) bool { return c == '\r' || c == '\n' }) {
		if name, value, ok := strings.Cut(line, ":"); ok {
			values[name] = value
		}
	}
	return values
}

// LogInfo implements cluster.LogInformer. A copy counts as in sync while Redis says that its replica is online: how far that is behind,
// only WAIT tells.
func (b *Backend) LogInfo() (log scenecast.LogInfo, lag scenecast.Lag, readOn int64) {
	r := &b.report
	r.mu.Lock()
	defer r.mu.Unlock()
	log.Replicas = 1 + b.options.WaitReplicas
	if r.answered.IsZero() {
		return log, lag, 0
	}
	if silent := time.Since(r.answered); silent > silentAfter {
		lag.Time = silent
		return log, lag, 0
	}
	log.Leader, log.InSync = r.server, 1+r.replicas
	log.Replicas = max(log.Replicas, log.InSync)
	if read, newest := b.read.Load(), r.log.newest.number; newest > read { // no entries have the numbers between two epochs
		lag = scenecast.Lag{Records: max(1, newest-max(read, r.log.begin)), Time: time.Since(r.behind)}
	}
	return log, lag, 0
}

// oldest are the versions of Redis that have what is needed: streams that drop entries below an ID.
var oldest = [2]int{6, 2}

var errOld = language.NewError("it is too old; the engine needs Redis 6.2, or Valkey, or KeyDB 6.3")

// checkServer looks, on a new connection, whether the server can keep the log, and warns where its settings can lose it.
func (f *follower) checkServer() error {
	f.checked = time.Now()
	section := func(name string) command {
		return func(c rueidis.Builder) rueidis.Completed { return c.Info().Section(name).Build() }
	}
	answers, err := f.link.do(answerTimeout, section("server"), section("memory"))
	if err != nil {
		return err
	}
	text, _ := answers[0].ToString()
	version := fields(text)["redis_version"]
	var major, minor int
	if _, err := fmt.Sscanf(version, "%d.%d", &major, &minor); err == nil && (major < oldest[0] || major == oldest[0] && minor < oldest[1]) {
		return language.Errorf("the server has version %s: %w", version, errOld)
	}
	text, _ = answers[1].ToString()
	f.checkEviction(fields(text))
	f.findServer()
	return nil
}

// checkEviction warns of a server that may evict keys which do not expire: the log is one.
func (f *follower) checkEviction(memory map[string]string) {
	policy := memory["maxmemory_policy"]
	limit, _ := strconv.ParseInt(memory["maxmemory"], 10, 64)
	evicts := limit > 0 && strings.HasPrefix(policy, "allkeys-")
	if evicts && !f.evicts {
		f.log.Warn("engine: Redis may evict the log to make room: set its maxmemory-policy to noeviction, or to one that begins with volatile-",
			"maxmemory_policy", policy, "maxmemory", limit, "key", f.keys.log)
	}
	f.evicts = evicts
}

// checkReplicas warns of a server with fewer replicas online than a record has to be on.
func (f *follower) checkReplicas(online int) {
	lacks := online < f.options.WaitReplicas
	if lacks && !f.lacks {
		f.log.Warn("engine: Redis has fewer replicas online than redis.wait_replicas asks for; no push is acknowledged until it has as many",
			"online", online, "wait_replicas", f.options.WaitReplicas)
	}
	f.lacks = lacks
}

// findServer notes which server keeps the log, by the address that it has on this connection.
func (f *follower) findServer() {
	server := ""
	if answers, err := f.link.do(answerTimeout, func(c rueidis.Builder) rueidis.Completed { return c.ClientInfo().Build() }); err == nil {
		text, _ := answers[0].ToString()
		for field := range strings.FieldsSeq(text) {
			if address, ok := strings.CutPrefix(field, "laddr="); ok {
				server = address
			}
		}
	}
	f.report.mu.Lock()
	f.report.server = server
	f.report.mu.Unlock()
}
