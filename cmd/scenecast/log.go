package main

import (
	"bytes"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"scenecast/config"
	"scenecast/logqueue"
)

// flushWithin bounds how long the end of the program waits for the reader of its log.
const flushWithin = time.Second

// openLog opens the log of a command that goes on for long, as configured, which has been checked. It never makes who logs
// wait, and a reader that is gone does not end the program. It is slog's default as well, so that it has what libraries log.
// Nothing that is logged after closeLog is written.
func openLog(c config.Log, to io.Writer) (log *slog.Logger, closeLog func()) {
	ignoreBrokenPipes()
	queue := logqueue.Open(to, logqueue.Options{Lost: func(lines int) []byte {
		var line bytes.Buffer
		slog.New(newHandler(c, &line)).Warn("log lines were lost, because their reader was too slow or gone", "lines", lines)
		return line.Bytes()
	}})
	log = slog.New(newHandler(c, queue))
	slog.SetDefault(log)
	return log, func() { queue.Close(flushWithin) }
}

func newHandler(c config.Log, to io.Writer) slog.Handler {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.Level))
	options := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.NewJSONHandler(to, options)
	}
	return slog.NewTextHandler(to, options)
}

// ignoreBrokenPipes makes a write to a standard output whose reader is gone fail; it would end the program otherwise (os/signal,
// SIGPIPE). The signal is caught rather than ignored, because programs inherit what is ignored.
func ignoreBrokenPipes() { signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) }

// logHangups logs each SIGHUP, which would end the program otherwise, until it is told to stop. Where the signal is ignored, as
// under nohup, it stays so.
func logHangups(log *slog.Logger) (stop func()) {
	if signal.Ignored(syscall.SIGHUP) {
		return func() {}
	}
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	go func() {
		for range hangups {
			log.Warn("SIGHUP: the configuration cannot be reloaded yet, so nothing has changed; restart to apply changes")
		}
	}()
	return func() {
		signal.Stop(hangups)
		close(hangups)
	}
}
