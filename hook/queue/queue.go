// Package queue keeps events for backends until those have taken them: in memory, or in a file that survives the process and, once
// Append has returned, a loss of power.
package queue

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"scenecast/language"
)

// Item is something that waits. Numbers rise from item to item.
type Item struct {
	Number uint64
	Data   []byte // not to be changed
}

// Queue is one queue. Safe for concurrent use.
type Queue interface {
	// Append puts items behind the newest. When it returns nil they are kept as safely as the queue keeps anything; of an error none is.
	Append(items [][]byte) error
	// First returns the oldest items: at most so many, and no more bytes than that unless the first is larger by itself.
	First(count, bytes int) ([]Item, error)
	// Remove removes all items up to this number.
	Remove(through uint64) error
	// Len is how many items wait. Neither it nor Size waits for a disk.
	Len() int
	// Size is how many bytes the data of the items that wait has.
	Size() int
}

// Memory is a queue that ends with the process. The zero value is empty.
type Memory struct {
	mu    sync.Mutex
	last  uint64
	items []Item
	size  int // bytes of their data
}

// Append implements Queue.
func (m *Memory) Append(items [][]byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, data := range items {
		m.last++
		m.items = append(m.items, Item{m.last, data})
		m.size += len(data)
	}
	return nil
}

// First implements Queue.
func (m *Memory) First(count, bytes int) ([]Item, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for n < min(count, len(m.items)) {
		if bytes -= len(m.items[n].Data); bytes < 0 && n > 0 {
			break
		}
		n++
	}
	return append([]Item(nil), m.items[:n]...), nil
}

// Remove implements Queue.
func (m *Memory) Remove(through uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for n < len(m.items) && m.items[n].Number <= through {
		m.size -= len(m.items[n].Data)
		n++
	}
	clear(m.items[:n]) // lets the collector have them; append moves the rest when the slice is full
	m.items = m.items[n:]
	return nil
}

// Len implements Queue.
func (m *Memory) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.items)
}

// Size implements Queue.
func (m *Memory) Size() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.size
}

// File holds queues in one file. One process has it open at a time.
type File struct{ db *bolt.DB }

// ErrInUse is returned for a file that another process has open.
var ErrInUse = language.NewError("another process has it open")

// lockTimeout bounds the wait for another process that has the file open.
const lockTimeout = time.Second

// Open opens the file, or makes it. One that is damaged is an error.
func Open(path string) (*File, error) {
	if err := check(path); err != nil {
		return nil, err
	}
	db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: lockTimeout, FreelistType: bolt.FreelistMapType, NoFreelistSync: true})
	if err != nil {
		return nil, openError(path, err)
	}
	return &File{db}, nil
}

func openError(path string, err error) error {
	var system syscall.Errno
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return language.Errorf("%s: %w", path, ErrInUse)
	case errors.As(err, &system):
		return language.Errorf("%s: %w", path, err)
	}
	return language.Errorf("%s is damaged, or no queue (%w): what waits in it is lost; put it aside, and a new one is made", path, err)
}

// check reads a file, if there is one. The library panics on its own goroutines where one that it opens is damaged.
func check(path string) (err error) {
	if stat, err := os.Stat(path); errors.Is(err, os.ErrNotExist) || err == nil && stat.Size() == 0 {
		return nil
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true)) // of a page that is beyond the end of the file
	defer func() {
		if why := recover(); why != nil {
			err = openError(path, fmt.Errorf("%.100v", why))
		}
	}()
	db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: lockTimeout, ReadOnly: true})
	if err != nil {
		return openError(path, err)
	}
	defer func() { _ = db.Close() }()
	tx, err := db.Begin(false)
	if err != nil {
		return openError(path, err)
	}
	defer func() { _ = tx.Rollback() }()
	err = tx.ForEach(func(_ []byte, b *bolt.Bucket) error {
		return b.ForEach(func(k, _ []byte) error {
			if len(k) != 8 {
				return errors.New("a key is no number")
			}
			return nil
		})
	})
	if err != nil {
		return openError(path, err)
	}
	return nil
}

// Close closes the file. Its queues are not used afterwards.
func (f *File) Close() error { return f.db.Close() }

// Queue returns the queue of this name, with what was in it when the file was closed, or its process died.
func (f *File) Queue(name string) (Queue, error) {
	q := &fileQueue{db: f.db, name: []byte(name)}
	err := f.db.Update(func(tx *bolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists(q.name)
		if err != nil {
			return err
		}
		return b.ForEach(func(_, v []byte) error {
			q.length.Add(1)
			q.size.Add(int64(len(v)))
			return nil
		})
	})
	return q, err
}

// Others removes the queues whose names are not in keep, and returns how many items each had: what they wait for is nobody's any more.
func (f *File) Others(keep map[string]bool) (removed map[string]int, err error) {
	removed = make(map[string]int)
	err = f.db.Update(func(tx *bolt.Tx) error {
		clear(removed)
		_ = tx.ForEach(func(name []byte, b *bolt.Bucket) error { // the function returns no error
			if !keep[string(name)] {
				removed[string(name)] = b.Stats().KeyN
			}
			return nil
		})
		for name := range removed {
			if err := tx.DeleteBucket([]byte(name)); err != nil {
				return err
			}
		}
		return nil
	})
	return removed, err
}

// fileQueue is a bucket whose keys are the items' numbers.
type fileQueue struct {
	db   *bolt.DB
	name []byte

	writes sync.Mutex // held until what was written is on the disk

	// Read without waiting for the disk; changed with writes held.
	length atomic.Int64
	size   atomic.Int64 // bytes of the items' data
}

func (q *fileQueue) Append(items [][]byte) error {
	q.writes.Lock()
	defer q.writes.Unlock()
	err := q.db.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket(q.name)
		b.FillPercent = 1 // keys only rise
		for _, data := range items {
			number, err := b.NextSequence()
			if err != nil {
				return err
			}
			if err := b.Put(binary.BigEndian.AppendUint64(nil, number), data); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		q.length.Add(int64(len(items)))
		for _, data := range items {
			q.size.Add(int64(len(data)))
		}
	}
	return err
}

func (q *fileQueue) First(count, bytes int) (items []Item, err error) {
	err = q.db.View(func(tx *bolt.Tx) error {
		c := tx.Bucket(q.name).Cursor()
		for k, v := c.First(); k != nil && len(items) < count; k, v = c.Next() {
			if bytes -= len(v); bytes < 0 && len(items) > 0 {
				break
			}
			items = append(items, Item{binary.BigEndian.Uint64(k), append([]byte(nil), v...)}) // v is valid within the transaction
		}
		return nil
	})
	return items, err
}

func (q *fileQueue) Remove(through uint64) error {
	q.writes.Lock()
	defer q.writes.Unlock()
	removed, size := 0, 0
	err := q.db.Update(func(tx *bolt.Tx) error {
		removed, size = 0, 0
		c := tx.Bucket(q.name).Cursor()
		for k, v := c.First(); k != nil && binary.BigEndian.Uint64(k) <= through; k, v = c.First() {
			removed++
			size += len(v)
			if err := c.Delete(); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		q.length.Add(-int64(removed))
		q.size.Add(-int64(size))
	}
	return err
}

func (q *fileQueue) Len() int { return int(q.length.Load()) }

func (q *fileQueue) Size() int { return int(q.size.Load()) }
