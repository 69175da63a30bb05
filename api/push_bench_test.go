package api

import (
	"strings"
	"testing"
)

// BenchmarkReadPush reads one push, as a batch has hundreds of them.
func BenchmarkReadPush(b *testing.B) {
	text := []byte(`{"to":{"page":"home"},"message":{"at":1790000000000000000,"text":"` + strings.Repeat("x", 100) + `"}}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := readPush(text, 1); err != nil {
			b.Fatal(err)
		}
	}
}
