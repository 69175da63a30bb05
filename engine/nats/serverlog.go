package nats

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// serverLog gives what the embedded server says to this process's log. Its notices are of interest when something is looked for.
type serverLog struct {
	log      *slog.Logger
	mistakes *mistakes
	fatal    chan string // has room for one: the first thing that the server cannot start without
}

func (l *serverLog) Noticef(format string, v ...any) {
	l.log.Debug("nats: " + fmt.Sprintf(format, v...))
}
func (l *serverLog) Fatalf(format string, v ...any) {
	text := fmt.Sprintf(format, v...)
	l.log.Error("nats: " + text)
	select {
	case l.fatal <- text:
	default:
	}
}

// settingOf is the setting, and a colon, of what the server cannot start without; empty: it is none's.
func settingOf(fatal string) string {
	switch {
	case strings.Contains(fatal, "router port"):
		return "cluster.listen: "
	case strings.Contains(fatal, "JetStream"):
		return "data_dir: "
	default:
		return ""
	}
}

func (l *serverLog) Warnf(format string, v ...any)  { l.tell(slog.LevelWarn, format, v) }
func (l *serverLog) Errorf(format string, v ...any) { l.tell(slog.LevelError, format, v) }

// expected are the beginnings of what the server says whenever nodes start one after the other, or of what does not concern this one:
// its password is drawn at random and never leaves the process. Which nodes are there the engine tells itself.
var expected = []string{
	"Plaintext passwords",
	"Error trying to connect to route",
	"Waiting for routing to be established",
	"JetStream has not established contact",
	"Metalayer blocking snapshot",
}

func (l *serverLog) tell(level slog.Level, format string, v []any) {
	text := fmt.Sprintf(format, v...)
	for _, beginning := range expected {
		if strings.HasPrefix(text, beginning) {
			level = slog.LevelDebug
		}
	}
	if mistake, again := l.mistakes.note(text); mistake != "" {
		text += " (" + mistake + ")"
		if again {
			level = slog.LevelDebug
		}
	}
	l.log.Log(context.Background(), level, "nats: "+text)
}

func (l *serverLog) Debugf(string, ...any) {}
func (l *serverLog) Tracef(string, ...any) {}

// mistakes are those of settings by which nodes do not find each other. Nodes try again every second, and the server says each time that
// it does not work, in its own words.
type mistakes struct {
	mu   sync.Mutex
	last string
	at   time.Time            // of the last one
	told map[string]time.Time // when each was told
}

// mistakesByText are what the server says, and what it comes from.
var mistakesByText = []struct{ text, mistake string }{
	{"Route Error 'Authorization Violation'", "that node has another cluster.secret than this one"},
	{"authentication error - User \"scenecast\"", "a node has another cluster.secret than this one"},
	{"Rejecting connection, cluster name", "a node has another cluster.name than this one"},
	{"cluster name from remote server conflicts", "a node has another cluster.name than this one"},
	{"Remote server has a duplicate name", "another node has this one's name: give each its own cluster.node"},
	{"TLS route handshake error", "the other node's certificate is not of cluster.tls.ca, or only one of the two has cluster.tls"},
}

const (
	tellMistakeEvery = time.Minute     // in the log
	mistakeIsRecent  = 5 * time.Second // several times as long as nodes wait before they try again
)

// note returns the mistake that something which the server says comes from, if any, and whether it was told lately.
func (m *mistakes) note(text string) (mistake string, again bool) {
	for _, known := range mistakesByText {
		if !strings.Contains(text, known.text) {
			continue
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		m.last, m.at = known.mistake, time.Now()
		if told, ok := m.told[known.mistake]; ok && m.at.Sub(told) < tellMistakeEvery {
			return known.mistake, true
		}
		if m.told == nil {
			m.told = make(map[string]time.Time)
		}
		m.told[known.mistake] = m.at
		return known.mistake, false
	}
	return "", false
}

// recent is what has gone wrong within the last seconds, to be put behind what a node waits for; empty: nothing.
func (m *mistakes) recent() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.last == "" || time.Since(m.at) > mistakeIsRecent {
		return ""
	}
	return "; " + m.last
}
