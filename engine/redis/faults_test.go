package redis_test

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"scenecast/engine/redis"
	"scenecast/problem"
	"scenecast/redisclient"
	"scenecast/redisclient/redistest"
)

// do runs commands, each written with spaces between its words.
func do(t *testing.T, c rueidis.Client, commands ...string) {
	t.Helper()
	for _, command := range commands {
		redistest.Do(t, c, strings.Fields(command)...)
	}
}

// TestFaults: while Redis is out of order, publishes fail, soon and in words that a backend understands; nodes do not press it; and when
// it is in order again, so are they, without a restart, with nothing lost that was acknowledged and nothing twice.
func TestFaults(t *testing.T) {
	for _, c := range []struct {
		name       string
		args       []string // of the server
		begin, end func(t *testing.T, s *redistest.Server, c rueidis.Client)
		kind       problem.Kind // of the failure; empty: that of an engine out of order
		says       string       // what the log has then
		isWatched  bool         // while it is out of order, it says what it has to do
	}{
		{
			name:  "it hangs",
			says:  "no answer of Redis in time",
			begin: func(_ *testing.T, s *redistest.Server, _ rueidis.Client) { s.Stop() },
			end:   func(_ *testing.T, s *redistest.Server, _ rueidis.Client) { s.Continue() },
		},
		{
			name: "read-only replica", isWatched: true, says: "READONLY",
			begin: func(t *testing.T, _ *redistest.Server, c rueidis.Client) { do(t, c, "REPLICAOF 127.0.0.1 1") },
			end:   func(t *testing.T, _ *redistest.Server, c rueidis.Client) { do(t, c, "REPLICAOF NO ONE") },
		},
		{
			name:  "a stale replica that serves nothing",
			args:  []string{"--replica-serve-stale-data", "no"},
			begin: func(t *testing.T, _ *redistest.Server, c rueidis.Client) { do(t, c, "REPLICAOF 127.0.0.1 1") },
			end:   func(t *testing.T, _ *redistest.Server, c rueidis.Client) { do(t, c, "REPLICAOF NO ONE") },
		},
		{
			name: "too few replicas for min-replicas-to-write", isWatched: true,
			begin: func(t *testing.T, _ *redistest.Server, c rueidis.Client) {
				do(t, c, "CONFIG SET min-replicas-to-write 1")
			},
			end: func(t *testing.T, _ *redistest.Server, c rueidis.Client) {
				do(t, c, "CONFIG SET min-replicas-to-write 0")
			},
		},
		{
			name: "maxmemory is reached, and nothing is evicted", isWatched: true, says: "OOM command not allowed",
			begin: func(t *testing.T, _ *redistest.Server, c rueidis.Client) {
				do(t, c, "CONFIG SET maxmemory-policy noeviction", "CONFIG SET maxmemory 1")
			},
			end:  func(t *testing.T, _ *redistest.Server, c rueidis.Client) { do(t, c, "CONFIG SET maxmemory 0") },
			kind: problem.InsufficientStorage,
		},
		{
			name: "a script of somebody else goes on and on",
			args: []string{"--lua-time-limit", "50"},
			begin: func(t *testing.T, s *redistest.Server, c rueidis.Client) {
				other := s.Client()
				go other.Do(t.Context(), other.B().Eval().Script("while true do end").Numkeys(0).Build())
			},
			end: func(t *testing.T, _ *redistest.Server, c rueidis.Client) { do(t, c, "SCRIPT KILL") },
		},
		{
			name: "a command of somebody else takes long",
			args: []string{"--enable-debug-command", "yes"},
			begin: func(t *testing.T, s *redistest.Server, _ rueidis.Client) {
				other := s.Client()
				go other.Do(t.Context(), other.B().Arbitrary("DEBUG", "SLEEP", "4").Build())
			},
			end: func(t *testing.T, _ *redistest.Server, c rueidis.Client) { do(t, c, "PING") },
		},
		{
			name: "the password is another one", isWatched: true, says: "NOAUTH",
			begin: func(t *testing.T, _ *redistest.Server, c rueidis.Client) {
				do(t, c, "ACL SETUSER default resetpass >changed", "ACL SETUSER default resetkeys", "CLIENT KILL TYPE normal SKIPME yes")
			},
			end: func(t *testing.T, _ *redistest.Server, c rueidis.Client) {
				do(t, c, "ACL SETUSER default nopass allkeys")
			},
		},
		{
			name: "a command is denied", isWatched: true, says: "can't run this command",
			begin: func(t *testing.T, _ *redistest.Server, c rueidis.Client) { do(t, c, "ACL SETUSER default -xadd") },
			end:   func(t *testing.T, _ *redistest.Server, c rueidis.Client) { do(t, c, "ACL SETUSER default +xadd") },
		},
		{
			name: "the command that reads is denied", isWatched: true, says: "NOPERM",
			begin: func(t *testing.T, _ *redistest.Server, c rueidis.Client) { do(t, c, "ACL SETUSER default -xread") },
			end:   func(t *testing.T, _ *redistest.Server, c rueidis.Client) { do(t, c, "ACL SETUSER default +xread") },
		},
		{
			name: "it is killed, and loads its data for long", says: "LOADING",
			args: []string{"--key-load-delay", "2000", "--loading-process-events-interval-bytes", "1024"},
			begin: func(t *testing.T, s *redistest.Server, c rueidis.Client) {
				for i := range 1500 {
					do(t, c, fmt.Sprint("SET key", i, " value"))
				}
				do(t, c, "SAVE")
				s.Kill()
				s.Restart()
			},
			end: func(t *testing.T, s *redistest.Server, _ rueidis.Client) {
				until(t, func() bool {
					c := s.Client()
					return c.Do(t.Context(), c.B().Get().Key("key1").Build()).Error() == nil
				})
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := redistest.Start(t, c.args...)
			var log lines
			f := startFleet(t, 2, client(t, redisclient.Options{URL: "redis://" + s.Addr}), func(o *redis.Options) {
				o.Logger = slog.New(slog.NewTextHandler(&log, nil))
			})
			f.publish(t, 0, "before")
			control := s.Client()
			do(t, control, "PING") // it is connected
			c.begin(t, s, control)
			f.awaitFailure(t, 0, "during")
			f.awaitFailure(t, 1, "during, at the other node")
			until(t, func() bool { return f.engines[0].CheckHealth(t.Context()) != nil })
			until(t, func() bool { return strings.Contains(log.String(), c.says) })
			if err := f.attempt(0, "still"); err == nil || c.kind != "" && problem.Of(err).Kind != c.kind {
				t.Errorf("the failure is %v, want the kind %s", err, c.kind)
			}
			if c.isWatched {
				before := work(t, control)
				time.Sleep(time.Second)
				if n := work(t, control) - before; n > 200 { // a busy loop would have some 10,000
					t.Errorf("two nodes have sent %d commands within a second to a Redis that is out of order", n)
				}
			}
			c.end(t, s, control)
			f.publish(t, 0, "after")
			f.publish(t, 1, "after, at the other node")
			f.check(t)
			f.checkLog(t)
			f.awaitNodes(t, 2)
			until(t, func() bool { return f.engines[0].CheckHealth(t.Context()) == nil })
		})
	}
}

// work is how many commands a server has run, and connections it has taken.
func work(t *testing.T, c rueidis.Client) (n int) {
	t.Helper()
	answer := redistest.Do(t, c, "INFO", "stats")
	text, _ := answer.ToString()
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		if name == "total_commands_processed" || name == "total_connections_received" || name == "total_error_replies" {
			count, _ := strconv.Atoi(value)
			n += count
		}
	}
	return n
}
