package tracing

import (
	"context"
	"log/slog"
	"os"
	"strconv"
	"sync"
	"sync/atomic"

	sdk "go.opentelemetry.io/otel/sdk/trace"
)

// queue is the SDK's processor of batches behind a bound of its own: what is over it is counted, which the SDK does not tell.
type queue struct {
	sdk.SpanProcessor
	waiting *atomic.Int64
	most    int64
	stats   *stats
}

func newQueue(to sdk.SpanExporter, s *stats) *queue {
	most := sdk.DefaultMaxQueueSize
	if n, err := strconv.Atoi(os.Getenv("OTEL_BSP_MAX_QUEUE_SIZE")); err == nil && n > 0 {
		most = n
	}
	waiting := new(atomic.Int64)
	batches := sdk.NewBatchSpanProcessor(counted{to, waiting}, sdk.WithMaxQueueSize(most))
	return &queue{batches, waiting, int64(most), s}
}

// OnEnd implements sdk.SpanProcessor. It never waits.
func (q *queue) OnEnd(s sdk.ReadOnlySpan) {
	if q.waiting.Add(1) > q.most {
		q.waiting.Add(-1)
		q.stats.dropped.Add(1)
		return
	}
	q.SpanProcessor.OnEnd(s)
}

// counted takes off the count what has been exported.
type counted struct {
	sdk.SpanExporter
	waiting *atomic.Int64
}

// ExportSpans implements sdk.SpanExporter.
func (c counted) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	defer c.waiting.Add(-int64(len(spans)))
	return c.SpanExporter.ExportSpans(ctx, spans)
}

// Stats are how many spans there were since the start.
type Stats struct {
	Exported int64 // that the collector has taken
	Dropped  int64 // that found no room in the queue
	Failed   int64 // that the collector has not taken
}

// stats count, and have the log tell when the collector begins to fail, and when it takes spans again.
type stats struct {
	logger                  *slog.Logger
	taken, dropped, notSent atomic.Int64

	mu      sync.Mutex
	failing bool
}

func (s *stats) exported(taken, lost int, err error) {
	s.taken.Add(int64(taken))
	s.notSent.Add(int64(lost))
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err != nil && !s.failing:
		s.logger.Warn("tracing: the collector does not take spans; they are lost until it does", "err", err)
	case err == nil && s.failing:
		s.logger.Info("tracing: the collector takes spans again", "lost", s.notSent.Load(), "dropped", s.dropped.Load())
	}
	s.failing = err != nil
}

// Stats say how many spans there were. Of a nil Tracing there were none.
func (t *Tracing) Stats() Stats {
	if t == nil {
		return Stats{}
	}
	return Stats{Exported: t.stats.taken.Load(), Dropped: t.stats.dropped.Load(), Failed: t.stats.notSent.Load()}
}
