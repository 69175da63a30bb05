package websocket

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

// oracle inflates a message by compress/flate: until a final block ends with it, or with the flush that it has left out.
func oracle(payload []byte, limit int) ([]byte, error) {
	in := bytes.NewReader(append(bytes.Clone(payload), ending...))
	var out bytes.Buffer
	inflater := flate.NewReader(in)
	for finals := 0; ; finals++ {
		_ = inflater.(flate.Resetter).Reset(in, nil) // never fails
		_, err := io.Copy(&out, io.LimitReader(inflater, int64(limit-out.Len()+1)))
		if out.Len() > limit {
			return nil, errInflated
		}
		if err != nil {
			return nil, err
		}
		if finals > 2*MaxEmptyBlocks {
			return nil, errEmptyBlocks // or not, but it takes its time
		}
		switch read := len(payload) + len(ending) - in.Len(); {
		case read == len(payload), read == len(payload)+len(ending):
			return out.Bytes(), nil
		case read > len(payload):
			return nil, errNotDeflate
		}
	}
}

// FuzzInflate compares the inflater with compress/flate. What neither takes may be wrong in several ways, of which each finds another
// first; and this one has a bound on empty blocks.
func FuzzInflate(f *testing.F) {
	for _, text := range []string{"", "Hello", strings.Repeat("abc", 10_000), `{"code":200,"message":"你好"}`} {
		for level := flate.HuffmanOnly; level <= flate.BestCompression; level++ {
			var b bytes.Buffer
			w, _ := flate.NewWriter(&b, level)
			_, _ = w.Write([]byte(text))
			_ = w.Flush()
			_, _ = w.Write([]byte(text))
			_ = w.Flush()
			f.Add(bytes.TrimSuffix(b.Bytes(), []byte(flushed)))
			_ = w.Close()
			f.Add(b.Bytes())
		}
	}
	f.Add([]byte("\x07"))
	f.Fuzz(func(t *testing.T, payload []byte) { compareInflate(t, payload) })
}

func compareInflate(t *testing.T, payload []byte) {
	t.Helper()
	const limit = 100_000
	want, wantErr := oracle(payload, limit)
	got, err := inflate(nil, payload, limit)
	switch {
	case errors.Is(err, errEmptyBlocks), errors.Is(wantErr, errEmptyBlocks):
	case (err == nil) != (wantErr == nil), errors.Is(wantErr, errInflated) && !errors.Is(err, errInflated):
		t.Errorf("% x: error %v, want %v", payload, err, wantErr)
	case err == nil && !bytes.Equal(got, want):
		t.Errorf("% x: %q, want %q", payload, got, want)
	}
}

// TestInflateCorrupted: data with a few wrong bits is refused as compress/flate refuses it, or is the same other data.
func TestInflateCorrupted(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var levels []*flate.Writer
	for level := flate.HuffmanOnly; level <= flate.BestCompression; level++ {
		w, _ := flate.NewWriter(nil, level)
		levels = append(levels, w)
	}
	for range 20_000 {
		text := make([]byte, r.IntN(300))
		for i := range text {
			text[i] = byte('a' + r.IntN(1+r.IntN(26)))
		}
		var b bytes.Buffer
		w := levels[r.IntN(len(levels))]
		w.Reset(&b)
		_, _ = w.Write(text)
		_ = w.Flush()
		payload := bytes.TrimSuffix(b.Bytes(), []byte(flushed))
		for range r.IntN(3) {
			payload[r.IntN(len(payload))] ^= 1 << r.IntN(8)
		}
		compareInflate(t, payload[:len(payload)-r.IntN(2)*r.IntN(len(payload))])
	}
}
