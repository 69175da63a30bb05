package nats

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
)

// serverLog gives what the embedded server says to this process's log. Its notices are of interest when something is looked for.
type serverLog struct{ log *slog.Logger }

func (l *serverLog) Noticef(format string, v ...any) {
	l.log.Debug("nats: " + fmt.Sprintf(format, v...))
}
func (l *serverLog) Fatalf(format string, v ...any) {
	l.log.Error("nats: " + fmt.Sprintf(format, v...))
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
	l.log.Log(context.Background(), level, "nats: "+text)
}

func (l *serverLog) Debugf(string, ...any) {}
func (l *serverLog) Tracef(string, ...any) {}
