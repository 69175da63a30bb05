package ratelimit

import (
	"log/slog"
	"sync"
	"time"
)

// Log logs at most so many lines per second of what anonymous clients can cause as often as they like. A line says how many were omitted
// before it. Safe for concurrent use.
type Log struct {
	logger *slog.Logger
	began  time.Time

	mu      sync.Mutex
	bucket  Bucket
	omitted int
}

// NewLog makes a log on this logger.
func NewLog(logger *slog.Logger, perSecond int) *Log {
	return &Log{logger: logger, began: time.Now(), bucket: New(perSecond, 0)}
}

// Info logs a line at level info, or omits it.
func (l *Log) Info(message string, attributes ...any) {
	l.mu.Lock()
	if l.bucket.Take(time.Since(l.began)) > 0 {
		l.omitted++
		l.mu.Unlock()
		return
	}
	omitted := l.omitted
	l.omitted = 0
	l.mu.Unlock()
	if omitted > 0 {
		attributes = append(attributes, "omitted", omitted)
	}
	l.logger.Info(message, attributes...)
}
