package framecache

import (
	"bytes"
	"fmt"
	"testing"

	"scenecast"
)

// counting is a wire that counts how often it encodes.
type counting struct {
	scenecast.Protocol
	name    string
	encoded *int
}

func (c counting) Traits() scenecast.Traits {
	return scenecast.Traits{Topics: &scenecast.Topics{Encode: func(p *scenecast.Push, d scenecast.Delivery, topic string) []byte {
		return append(c.EncodePush(p, d), topic...)
	}}}
}

func (c counting) EncodePush(p *scenecast.Push, d scenecast.Delivery) []byte {
	*c.encoded++
	return fmt.Appendf(nil, "%s %d %v %s", c.name, d, p.Position, p.Message.Data)
}

// TestEncode: a push is encoded once for each wire, delivery and topic, as long as no other one has taken its place.
func TestEncode(t *testing.T) {
	var cache Cache
	n := 0
	one, two := counting{name: "one", encoded: &n}, counting{name: "two", encoded: &n}
	push := func(epoch, seq uint64, data string) *scenecast.Push {
		return &scenecast.Push{Position: scenecast.Position{Epoch: epoch, Seq: seq}, Message: scenecast.Message{Data: []byte(data)}}
	}
	large := string(bytes.Repeat([]byte("1"), maxFrame))
	for _, c := range []struct {
		push     *scenecast.Push
		by       counting
		delivery scenecast.Delivery
		topic    string
		encodes  bool
	}{
		{push(1, 1, "a"), one, scenecast.Replayed, "", true},
		{push(1, 1, "a"), one, scenecast.Replayed, "", false},
		{push(1, 1, "a"), one, scenecast.Late, "", true},
		{push(1, 1, "a"), one, scenecast.Late, "", false},
		{push(1, 1, "a"), two, scenecast.Late, "", true},
		{push(2, 1, "b"), two, scenecast.Late, "", true}, // another epoch's
		{push(2, 2, "c"), two, scenecast.Late, "", true},
		{push(2, 1, "b"), two, scenecast.Late, "", false},
		{push(2, 1, "b"), two, scenecast.Late, " x", true},
		{push(2, 1, "b"), two, scenecast.Late, " x", false},
		{push(2, 1, "b"), two, scenecast.Late, "", true},
		{push(2, 3, large), two, scenecast.Late, "", true},
		{push(2, 3, large), two, scenecast.Late, "", true}, // it is not kept
	} {
		before := n
		got := string(cache.Encode(c.push, c.by, c.delivery, c.topic))
		if want := fmt.Sprintf("%s %d %v %s%s", c.by.name, c.delivery, c.push.Position, c.push.Message.Data, c.topic); got != want {
			t.Errorf("%.40q, want %.40q", got, want)
		}
		if encodes := n > before; encodes != c.encodes {
			t.Errorf("%v is encoded: %v, want %v", c.push.Position, encodes, c.encodes)
		}
	}
}

// TestPlaces: pushes that follow each other have places of their own, whether their numbers are dense or a record apart.
func TestPlaces(t *testing.T) {
	for _, apart := range []uint64{1, 256, 1 << 10, 1 << 12} {
		taken := make(map[uint64]int)
		for i := range uint64(places / 2) {
			taken[placeOf(scenecast.Position{Seq: i * apart})]++
		}
		if len(taken) < places/4 {
			t.Errorf("pushes that are %d apart: %d have %d places", apart, places/2, len(taken))
		}
	}
}
