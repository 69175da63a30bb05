package receipt

import (
	"math/bits"
	"slices"
	"sort"
	"time"

	"scenecast"
	"scenecast/hub/slotset"
)

// Acknowledgements that come later than this are nobody's: of a push that is as old as MaxAge, or that MaxPushes of those that ask
// for acknowledgements came after.
const (
	MaxAge    = 5 * time.Minute
	MaxPushes = 1024
)

// Pending keeps, for one shard, which copies of pushes are not written yet and which are not acknowledged. It takes 3 bits a page and push
// that asks for acknowledgements. The zero value is ready. It has one owner: the shard's goroutine, which calls Frame.Done as well.
type Pending struct {
	pushes []*Copies // whose acknowledgements are taken, in the order of the log
	blocks []*block  // that these are of, in order
}

// block is up to 64 pushes that ask for acknowledgements, and the slots of the pages that are asked.
type block struct {
	pushes   [slotset.Items]*Copies
	used     int
	live     uint64       // those that are among Pending.pushes
	inFlight slotset.Grid // it is not known whether the kernel took the copy; also of pages that have left
	asked    slotset.Grid // the page is here and has not acknowledged
	waited   slotset.Grid // … and the receipt waits for it, or has timed out on it
	left     map[copied]*Unacked
}

// copied is a copy of a push of a block.
type copied struct {
	slot uint32
	item int
}

// Copies are the copies of one push on one shard.
type Copies struct {
	receipt *Receipt
	added   int
	block   *block // nil: nobody is asked to acknowledge
	item    int
	since   time.Time
}

// Track begins the copies of a push. Pushes come in the order of the log.
func (p *Pending) Track(r *Receipt) *Copies {
	c := &Copies{receipt: r}
	if !r.acked {
		return c
	}
	c.since = time.Now()
	p.forgetOld(c.since)
	if n := len(p.blocks); n == 0 || p.blocks[n-1].used == slotset.Items {
		p.blocks = append(p.blocks, new(block))
	}
	c.block = p.blocks[len(p.blocks)-1]
	c.item = c.block.used
	c.block.pushes[c.item] = c
	c.block.live |= c.bit()
	c.block.used++
	p.pushes = append(p.pushes, c)
	return c
}

// forgetOld makes room for one more push.
func (p *Pending) forgetOld(now time.Time) {
	n := 0
	for n < len(p.pushes) && (len(p.pushes)-n >= MaxPushes || now.Sub(p.pushes[n].since) > MaxAge) {
		b := p.pushes[n].block
		b.live &^= p.pushes[n].bit()
		b.pushes[p.pushes[n].item] = nil
		n++
	}
	p.pushes = slices.Delete(p.pushes, 0, n)
	n = 0
	for n < len(p.blocks) && p.blocks[n].live == 0 {
		n++
	}
	p.blocks = slices.Delete(p.blocks, 0, n)
}

// Len is how many pushes there are whose acknowledgements are taken.
func (p *Pending) Len() int { return len(p.pushes) }

func (c *Copies) bit() uint64 { return 1 << c.item }

// Add adds a page that took the push. Asked says whether it is to acknowledge it; without an effect unless the push asks for that.
func (c *Copies) Add(slot uint32, asked bool) {
	c.added++
	if c.block != nil && asked {
		c.block.inFlight.Add(slot, c.bit())
		c.block.asked.Add(slot, c.bit())
		c.block.waited.Add(slot, c.bit())
	}
}

// Expect tells the receipt of all that were added, when the last one was. It comes before Receipt.Begin.
func (c *Copies) Expect() { c.receipt.expect(c.added) }

// Done is what frames with the push are given (scenecast.Frame.Done) that go to pages that are asked to acknowledge, or are not.
func (c *Copies) Done(asked bool) func(slot uint32, written bool) {
	if c.block != nil && asked {
		return c.doneAsked
	}
	return func(_ uint32, written bool) { c.receipt.done(written, true) }
}

func (c *Copies) doneAsked(slot uint32, written bool) {
	b := c.block
	b.inFlight.Remove(slot, c.bit())
	if u := b.left[copied{slot, c.item}]; u != nil {
		delete(b.left, copied{slot, c.item})
		u.done(written)
		return
	}
	lost := !written && b.waited.Items(slot)&c.bit() != 0
	if still := c.receipt.done(written, lost); lost && !still {
		b.waited.Remove(slot, c.bit())
	}
}

// Acknowledge takes a page's acknowledgement of the push at a position. False: the page has not got it on this connection, or has
// acknowledged it.
func (p *Pending) Acknowledge(slot uint32, at scenecast.Position) bool {
	i := sort.Search(len(p.pushes), func(i int) bool { return p.pushes[i].receipt.position.Seq >= at.Seq })
	if i == len(p.pushes) || p.pushes[i].receipt.position != at {
		return false
	}
	c := p.pushes[i]
	if c.block.asked.Remove(slot, c.bit()) == 0 {
		return false
	}
	c.receipt.acknowledge(c.block.waited.Remove(slot, c.bit()) != 0)
	return true
}

// Leave forgets the page in a slot, and returns the copies that it may acknowledge when it is back, in the order of the log. Of a page
// that cannot be known again, returns false, nothing is waited for.
func (p *Pending) Leave(slot uint32, returns bool) []*Unacked {
	n := 0
	for _, b := range p.blocks {
		n += bits.OnesCount64(b.asked.Items(slot) & b.live)
	}
	var unacked []*Unacked
	if n > 0 && returns {
		unacked = make([]*Unacked, 0, n)
	}
	for _, b := range p.blocks {
		asked := b.asked.Remove(slot, ^uint64(0)) & b.live
		waited := b.waited.Remove(slot, ^uint64(0))
		for ; asked != 0; asked &= asked - 1 {
			item := bits.TrailingZeros64(asked)
			isWaited := waited>>item&1 != 0
			switch c := b.pushes[item]; {
			case returns:
				u := &Unacked{receipt: c.receipt, waited: isWaited}
				unacked = append(unacked, u)
				if b.inFlight.Items(slot)&c.bit() != 0 {
					if b.left == nil {
						b.left = make(map[copied]*Unacked)
					}
					b.left[copied{slot, item}] = u
				}
			case isWaited:
				c.receipt.giveUp()
			}
		}
	}
	return unacked
}
