package push

import (
	"scenecast"
	"scenecast/histogram"
)

// times are how long pushes took, by receipt.
type times [scenecast.ReceiptAcked + 1]*histogram.Histogram

func newTimes() (t times) {
	for i := range t {
		t[i] = histogram.New(histogram.CallBounds)
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
