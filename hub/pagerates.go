package hub

import (
	"fmt"
	"time"

	"scenecast"
	"scenecast/ratelimit"
)

// PageRates bound what a page does in a second. 0: no limit.
type PageRates struct {
	Messages int // of any kind
	Sets     int // changes of its labels
	Calls    int // of its backend
}

// settingPageMessages decides how many messages a page may send.
const settingPageMessages = "limits.page_messages"

// pageRate is what a page has used of its rates. Pages have one while there is a limit, and have talked.
type pageRate struct {
	generation uint32
	rates      PageRates // for which the buckets are
	messages   ratelimit.Bucket
	acts       [scenecast.Acts]ratelimit.Bucket
}

// rateOf is the page's, at these rates.
func (s *Shard) rateOf(slot scenecast.Slot, rates PageRates, now time.Duration) *pageRate {
	if n := int(slot.Index) + 1; n > len(s.pageRates) {
		s.pageRates = append(s.pageRates, make([]pageRate, n-len(s.pageRates))...)
	}
	r := &s.pageRates[slot.Index]
	if r.generation != slot.Generation {
		*r = pageRate{generation: slot.Generation}
	}
	if r.rates != rates {
		r.rates = rates
		r.messages.SetRate(rates.Messages, now)
		r.acts[scenecast.ActSet].SetRate(rates.Sets, now)
		r.acts[scenecast.ActCall].SetRate(rates.Calls, now)
	}
	return r
}

// allowsMessage counts a message of a page, and closes the page where it is one too many.
func (s *Shard) allowsMessage(slot scenecast.Slot) bool {
	rates := s.hub.pageRates()
	if rates == (PageRates{}) {
		s.pageRates = nil
		return true
	}
	now := time.Since(s.hub.began)
	if s.rateOf(slot, rates, now).messages.Take(now) == 0 {
		return true
	}
	s.close(slot, scenecast.EndingBy(scenecast.CauseMessageRate,
		fmt.Sprintf("more than %d messages in a second (%s)", rates.Messages, settingPageMessages)))
	return false
}

// Allows implements scenecast.Conn.
func (v *view) Allows(a scenecast.Act) bool {
	rates := v.shard.hub.pageRates()
	if rates.Sets == 0 && rates.Calls == 0 {
		return true
	}
	now := time.Since(v.shard.hub.began)
	if v.shard.rateOf(v.slot, rates, now).acts[a].Take(now) == 0 {
		return true
	}
	v.shard.hub.actsRefused[a].Add(1)
	return false
}

// ActsRefused is how many acts were refused because pages did more in a second than they may.
func (h *Hub) ActsRefused(a scenecast.Act) int64 { return h.actsRefused[a].Load() }
