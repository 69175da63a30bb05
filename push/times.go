package push

import (
	"time"

	"scenecast"
	"scenecast/histogram"
)

// timeBounds are those of the histograms of pushes.
var timeBounds = []time.Duration{
	time.Millisecond / 2, time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond,
	50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2500 * time.Millisecond,
	5 * time.Second, 10 * time.Second, 30 * time.Second,
}

// times are how long pushes took, by receipt.
type times [scenecast.ReceiptAcked + 1]*histogram.Histogram

func newTimes() (t times) {
	for i := range t {
		t[i] = histogram.New(timeBounds)
	}
	return t
}

// Times are how long pushes took, by what was waited for: from when they were taken to when what their receipt waits for was in, or its
// timeout had passed. Those of which nobody waited for the result, that failed, or that repeat an earlier one are not among them.
func (s *Service) Times() map[scenecast.Receipt]histogram.Snapshot {
	all := make(map[scenecast.Receipt]histogram.Snapshot, len(s.times))
	for receipt, h := range s.times {
		all[scenecast.Receipt(receipt)] = h.Snapshot()
	}
	return all
}
