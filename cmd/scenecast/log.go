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
// Its level may be changed. Nothing that is logged after closeLog is written.
func openLog(c config.Log, to io.Writer) (log *slog.Logger, level *slog.LevelVar, closeLog func()) {
	ignoreBrokenPipes()
	level = new(slog.LevelVar)
	_ = level.UnmarshalText([]byte(c.Level))
	queue := logqueue.Open(to, logqueue.Options{Lost: func(lines int) []byte {
		var line bytes.Buffer
		slog.New(newHandler(c, level, &line)).Warn("log lines were lost, because their reader was too slow or gone", "lines", lines)
		return line.Bytes()
	}})
	log = slog.New(newHandler(c, level, queue))
	slog.SetDefault(log)
	return log, level, func() { queue.Close(flushWithin) }
}

func newHandler(c config.Log, level slog.Leveler, to io.Writer) slog.Handler {
	options := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.NewJSONHandler(to, options)
	}
	return slog.NewTextHandler(to, options)
}

// ignoreBrokenPipes makes a write to a standard output whose reader is gone fail; it would end the program otherwise (os/signal,
// SIGPIPE). The signal is caught rather than ignored, because programs inherit what is ignored.
func ignoreBrokenPipes() { signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) }

// onHangups calls what each SIGHUP asks for, one after the other, until it is told to stop; the signal would end the program otherwise.
// Where it is ignored, as under nohup, it stays so.
func onHangups(asked func()) (stop func()) {
	if signal.Ignored(syscall.SIGHUP) {
		return func() {}
	}
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range hangups {
			asked()
		}
	}()
	return func() {
		signal.Stop(hangups)
		close(hangups)
		<-done
	}
}
