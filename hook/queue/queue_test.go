package queue_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"scenecast/hook/queue"
)

// TestQueueAgainstModel: random appends, reads and removals, and for the file random closings, leave what a slice has.
func TestQueueAgainstModel(t *testing.T) {
	for _, kind := range []string{"memory", "file"} {
		t.Run(kind, func(t *testing.T) {
			for seed := range uint64(10) {
				r := rand.New(rand.NewPCG(seed, 0))
				path := filepath.Join(t.TempDir(), "queue")
				var file *queue.File
				open := func() queue.Queue {
					if kind == "memory" {
						return new(queue.Memory)
					}
					var err error
					if file, err = queue.Open(path); err != nil {
						t.Fatal(err)
					}
					q, err := file.Queue("a")
					if err != nil {
						t.Fatal(err)
					}
					return q
				}
				q := open()
				var model []string
				var number uint64 // of the model's first
				number = 1
				for step := range 60 {
					switch r.IntN(4) {
					case 0, 1:
						var items [][]byte
						for range r.IntN(5) {
							text := fmt.Sprint(step, strings.Repeat("x", r.IntN(50)))
							items, model = append(items, []byte(text)), append(model, text)
						}
						if err := q.Append(items); err != nil {
							t.Fatal(err)
						}
					case 2:
						n := r.IntN(len(model) + 1)
						if err := q.Remove(number + uint64(n) - 1); err != nil {
							t.Fatal(err)
						}
						model, number = model[n:], number+uint64(n)
					case 3:
						if file != nil {
							if err := file.Close(); err != nil {
								t.Fatal(err)
							}
							q = open()
						}
					}
					count, bytes := r.IntN(6)+1, r.IntN(200)
					var want []string
					for size := 0; len(want) < min(count, len(model)); {
						if size += len(model[len(want)]); size > bytes && len(want) > 0 {
							break
						}
						want = append(want, model[len(want)])
					}
					items, err := q.First(count, bytes)
					var got []string
					for i, item := range items {
						if item.Number != number+uint64(i) {
							t.Fatalf("seed %d: item %d has the number %d, want %d", seed, i, item.Number, number+uint64(i))
						}
						got = append(got, string(item.Data))
					}
					if err != nil || !slices.Equal(got, want) || q.Len() != len(model) || q.Size() != len(strings.Join(model, "")) {
						t.Fatalf("seed %d: %q of %d with %d bytes, %v, want %q of %q", seed, got, q.Len(), q.Size(), err, want, model)
					}
				}
				if file != nil {
					_ = file.Close()
				}
			}
		})
	}
}

// TestFile: queues of one file know nothing of each other, one process has it, and those that nobody asks for are removed.
func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "queue")
	f, err := queue.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	for _, name := range []string{"a", "b"} {
		q, err := f.Queue(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := q.Append([][]byte{[]byte(name)}); err != nil {
			t.Fatal(err)
		}
		if items, err := q.First(9, 99); err != nil || len(items) != 1 || string(items[0].Data) != name {
			t.Errorf("%s has %v, %v", name, items, err)
		}
	}
	if _, err := queue.Open(path); err == nil || !strings.Contains(err.Error(), "another process has it open") {
		t.Errorf("opened twice: %v", err)
	}
	removed, err := f.Others(map[string]bool{"b": true})
	if err != nil || len(removed) != 1 || removed["a"] != 1 {
		t.Errorf("removed %v, %v", removed, err)
	}
	if q, err := f.Queue("a"); err != nil || q.Len() != 0 {
		t.Errorf("a has %d items, %v", q.Len(), err)
	}
}

// TestDamagedFile: whatever page of a file is damaged, or missing, it is an error, or what is in the others can be read. Nothing panics.
func TestDamagedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "queue")
	f, err := queue.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	q, err := f.Queue("a")
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := q.Append(slices.Repeat([][]byte{make([]byte, 500)}, 20)); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	open := func(what string, content []byte) (failed bool) {
		damaged := filepath.Join(t.TempDir(), "queue")
		if err := os.WriteFile(damaged, content, 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := queue.Open(damaged)
		if err != nil {
			if !strings.Contains(err.Error(), damaged+" is damaged") {
				t.Errorf("%s: %v", what, err)
			}
			return true
		}
		defer func() { _ = f.Close() }()
		q, err := f.Queue("a")
		if err == nil {
			_, err = q.First(1000, 1<<20)
		}
		if err != nil {
			t.Errorf("%s, when it is open: %v", what, err)
		}
		return false
	}
	errors := 0
	page := os.Getpagesize()
	for at := 0; at+page <= len(whole); at += page {
		for _, with := range []byte{0, 0xff} {
			content := slices.Clone(whole)
			copy(content[at:], slices.Repeat([]byte{with}, page))
			if open(fmt.Sprintf("%#x at %d", with, at), content) {
				errors++
			}
		}
		if at > 0 && open(fmt.Sprintf("%d bytes", at), whole[:at]) {
			errors++
		}
	}
	if errors == 0 {
		t.Error("no damage was found")
	}
	if !open("text", []byte("hello")) || !open("zeros", make([]byte, 10*page)) {
		t.Error("what is no file of queues is opened")
	}
}
