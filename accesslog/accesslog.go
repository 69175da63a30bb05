// Package accesslog writes a line for each HTTP call that was answered, for each page that has ended, and for each that was refused: JSON, or
// text, as package log/slog has them.
//
// Who has a line written never waits for the disk: up to 1 MiB waits in a queue, and what finds no room there is lost and counted. No line
// has a credential in it.
package accesslog

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"scenecast/logqueue"
)

// Options say where the log goes.
type Options struct {
	To     string // Stdout, Stderr, or the path of a file
	Format string // FormatJSON or FormatText
	Logger *slog.Logger
}

// What Options may say.
const (
	Stdout     = "stdout"
	Stderr     = "stderr"
	FormatJSON = "json"
	FormatText = "text"
)

// Log is an access log. Its methods may be called concurrently, and do not wait, but for Close.
type Log struct {
	file  *file // nil: a standard stream
	queue *logqueue.Writer
	lines *slog.Logger
}

// Open opens a log. An error says why its file cannot be opened.
func Open(o Options, stdout, stderr io.Writer) (*Log, error) {
	l := new(Log)
	to := stdout
	switch o.To {
	case Stdout:
	case Stderr:
		to = stderr
	default:
		var err error
		if l.file, err = openFile(o.To, o.Logger); err != nil {
			return nil, err
		}
		to = l.file
	}
	handler := func(to io.Writer) slog.Handler {
		if o.Format == FormatText {
			return slog.NewTextHandler(to, nil)
		}
		return slog.NewJSONHandler(to, nil)
	}
	l.queue = logqueue.Open(to, logqueue.Options{Lost: func(lines int) []byte {
		var line bytes.Buffer
		slog.New(handler(&line)).Warn("lost", "lines", lines)
		return line.Bytes()
	}})
	l.lines = slog.New(handler(l.queue))
	return l, nil
}

// Reopen has the file be opened anew: somebody has renamed it. A nil log, and one of a standard stream, have none.
func (l *Log) Reopen() {
	if l != nil && l.file != nil {
		l.file.reopen()
	}
}

// Lost is how many lines were lost so far. A nil log has lost none.
func (l *Log) Lost() int64 {
	if l == nil {
		return 0
	}
	return l.queue.Lost()
}

// Close writes what waits, for as long as the time lets it. Nothing is written afterwards. A nil log has nothing to write.
func (l *Log) Close(within time.Duration) {
	if l == nil {
		return
	}
	if l.queue.Close(within) && l.file != nil {
		l.file.close()
	}
}

// Call is a call that was answered.
type Call struct {
	Request   *http.Request
	Route     string // pattern of its path
	Status    int
	Bytes     int64 // of the body of the answer
	Took      time.Duration
	From      netip.Addr // the client's, behind proxies that are trusted; not valid: it has none, as on a Unix socket
	App, Key  string     // whose it is, by the name of the API key; empty: that is not known
	RequestID string
	TraceID   string // empty: it is not sampled
}

// Call writes the line of a call.
func (l *Log) Call(c Call) {
	line := []slog.Attr{
		slog.String("method", c.Request.Method),
		slog.String("route", c.Route),
		slog.String("target", Target(c.Request.URL)),
		slog.String("proto", c.Request.Proto),
		slog.Int("status", c.Status),
		slog.Int64("bytes", c.Bytes),
		milliseconds(c.Took),
	}
	if c.From.IsValid() {
		line = append(line, slog.String("remote", c.From.String()))
	}
	line = append(line, slog.String("request_id", c.RequestID))
	for _, optional := range []slog.Attr{
		slog.String("app", c.App), slog.String("key", c.Key), slog.String("trace_id", c.TraceID), slog.String("user_agent", cut(c.Request.UserAgent(), maxAgent)),
	} {
		if optional.Value.String() != "" {
			line = append(line, optional)
		}
	}
	l.lines.LogAttrs(context.Background(), slog.LevelInfo, "call", line...)
}

// Page is a page that has ended.
type Page struct {
	App, Connection, Protocol string
	User                      string        // who its token says that it is; empty: nobody
	From                      netip.Addr    // not valid: it has none, as on a Unix socket, or it is not known
	Took                      time.Duration // from its beginning to its end; 0: that is not known
	Cause, Detail             string
	Code                      int   // of the close frame; 0: there was none
	Pushes, Messages          int64 // live pushes that its outbox took, and messages that it has sent
}

// Page writes the line of a page.
func (l *Log) Page(p Page) {
	line := []slog.Attr{
		slog.String("app", p.App),
		slog.String("connection", p.Connection),
		slog.String("protocol", p.Protocol),
		slog.String("cause", p.Cause),
		slog.Int("code", p.Code),
		slog.Int64("pushes", p.Pushes),
		slog.Int64("messages", p.Messages),
	}
	if p.From.IsValid() {
		line = append(line, slog.String("remote", p.From.String()))
	}
	if p.Took > 0 {
		line = append(line, milliseconds(p.Took))
	}
	if p.Detail != "" {
		line = append(line, slog.String("detail", p.Detail))
	}
	if p.User != "" {
		line = append(line, slog.String("user", p.User))
	}
	l.lines.LogAttrs(context.Background(), slog.LevelInfo, "page", line...)
}

// Refused writes the line of a page that was not let in; kind says why.
func (l *Log) Refused(r *http.Request, from netip.Addr, kind string, status int) {
	line := []slog.Attr{slog.String("method", r.Method), slog.String("target", Target(r.URL)), slog.String("kind", kind), slog.Int("status", status)}
	if from.IsValid() {
		line = append(line, slog.String("remote", from.String()))
	}
	l.lines.LogAttrs(context.Background(), slog.LevelInfo, "refused", line...)
}

func milliseconds(d time.Duration) slog.Attr {
	return slog.Float64("ms", float64(d.Microseconds())/1000)
}
