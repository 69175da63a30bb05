package cluster

import (
	"reflect"
	"testing"
)

// TestJournalIsFull: of what there is no room for, records are missed and told as that, epochs are kept, and messages are lost.
func TestJournalIsFull(t *testing.T) {
	record := func(n uint64) told { return told{kind: toldRecord, number: n, body: make([]byte, 100)} }
	j := &journal{limit: 2 * (100 + journalEntry)}
	j.add(record(1))
	j.add(told{kind: toldMessage, body: make([]byte, 100)})
	if j.isFull() {
		t.Error("full too early")
	}
	epoch := told{kind: toldEpoch, number: 4, epoch: 7, previousEnd: 9}
	for _, e := range []told{record(2), record(3), {kind: toldMessage, body: []byte("m")}, epoch, record(5), {kind: toldMissed, number: 8}, {kind: toldRecord, number: 9}} {
		j.add(e)
	}
	want := []told{record(1), {kind: toldMessage, body: make([]byte, 100)}, {kind: toldMissed, number: 3}, epoch, {kind: toldMissed, number: 9}}
	if got := j.take(); !j.isFull() || !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	j.drop()
	j.add(record(10))
	if got := j.take(); len(got) > 0 {
		t.Errorf("kept %+v for nobody", got)
	}
}
