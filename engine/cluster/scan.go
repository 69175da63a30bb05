package cluster

import (
	"time"

	"scenecast"
	"scenecast/language"
)

// Scan is what was found in a log.
type Scan struct {
	Records     int // entries that are records
	Void        int // of these, the ones that were appended to an epoch that had ended: they have been appended again since
	Pushes      int // in records that are not void
	Happened    int // of these, the ones that happened: the others were appended twice, or are retries
	Epochs      int // beginnings of epochs
	Bytes       int64
	First, Last scenecast.Position // of what happened
	Begun       time.Time          // when the oldest entry was stored; zero: the log does not say
	Ended       time.Time          // and the newest
	Damage      []error            // in order
}

// Scanner goes through the entries of a log as a node does that has none of its own. It is for one goroutine.
type Scanner struct {
	Scan
	reader *Reader
	push   func(*scenecast.Push)
	number uint64 // the highest that was seen
}

// NewScanner makes a scanner that calls push for each push that happened, in order.
func NewScanner(reader *Reader, push func(*scenecast.Push)) *Scanner {
	return &Scanner{reader: reader, push: push}
}

// Damaged notes damage, behind which the scan goes on.
func (s *Scanner) Damaged(err error) { s.Damage = append(s.Damage, err) }

// Begin takes the beginning of an epoch, unless it is the first of which anything is in the log, and tells what is wrong with it.
func (s *Scanner) Begin(number, previousEnd uint64, first bool) error {
	s.Epochs++
	defer func() { s.number = max(s.number, number) }()
	switch {
	case first: // what was before it has been dropped
	case previousEnd > s.number:
		return language.Errorf("an epoch that says that the one before ended at %d, and it ends at %d", previousEnd, s.number)
	case number <= s.number:
		return language.Errorf("an epoch that begins at %d, below what was there", number)
	}
	return nil
}

// Record takes a record, and tells what is wrong with it.
func (s *Scanner) Record(epoch, number uint64, record []byte) error {
	if number <= s.number {
		return language.Errorf("a record with the number %d behind one with %d", number, s.number)
	}
	s.number = number
	happening, pushes, err := s.reader.Read(epoch, number, record)
	if err != nil {
		return err
	}
	s.Pushes += pushes
	s.Happened += len(happening)
	for _, p := range happening {
		if s.First == (scenecast.Position{}) {
			s.First = p.Position
		}
		s.Last = p.Position
		s.push(p)
	}
	return nil
}
