package scenes

import "iter"

// Bounds are what all tables of a node may hold together, for one question.
const (
	maxScenes = 1 << 18
	maxBytes  = 16 << 20 // of their names
)

// Table counts connections by scene. Those of scenes that it has no room for it counts together. It has one owner at a time.
type Table struct {
	blocks  [][]scene      // each but the last is full: a list of many is never copied to grow
	byName  map[string]int // its place among all
	bytes   int            // of the names
	over    int            // connections that are in none of the scenes
	counted int            // all

	maxScenes, maxBytes int
}

type scene struct {
	name string
	n    int // connections
}

const blockSize = 1 << 10

// NewTable makes one of so many tables of a node.
func NewTable(of int) *Table {
	return &Table{byName: make(map[string]int), maxScenes: max(1, maxScenes/of), maxBytes: maxBytes / of}
}

// Fits reports whether so many scenes surely fit in, whatever their names. Where they may not, connections are best added in random order: then
// a large scene is among those that there is room for.
func (t *Table) Fits(n int) bool { return n <= t.maxScenes && n*MaxKeys*(longestValue+2) <= t.maxBytes }

// longestValue is the length of the longest value of a label that is usual.
const longestValue = 256

// Add counts connections in a scene. It keeps nothing of the name.
func (t *Table) Add(name []byte, connections int) {
	t.counted += connections
	if i, ok := t.byName[string(name)]; ok {
		t.at(i).n += connections
		return
	}
	if len(t.byName) >= t.maxScenes || t.bytes+len(name) > t.maxBytes {
		t.over += connections
		return
	}
	t.bytes += len(name)
	kept := string(name)
	n := len(t.byName)
	t.byName[kept] = n
	if n%blockSize == 0 {
		t.blocks = append(t.blocks, nil)
	}
	last := &t.blocks[n/blockSize]
	*last = append(*last, scene{kept, connections})
}

func (t *Table) at(i int) *scene { return &t.blocks[i/blockSize][i%blockSize] }

// all ranges over the scenes.
func (t *Table) all() iter.Seq[scene] {
	return func(yield func(scene) bool) {
		for _, block := range t.blocks {
			for _, s := range block {
				if !yield(s) {
					return
				}
			}
		}
	}
}
