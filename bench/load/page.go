package load

import (
	"fmt"
	"time"

	"scenecast/language"
)

// stage is how far a page has come.
type stage uint8

const (
	dialing stage = iota // the connection is being made
	asking               // the handshake is sent, its answer has not come
	silent               // the server has agreed, and has not said its welcome
	greeted              // the page is open
	gone                 // the connection has ended
)

var (
	errHangUp    = language.NewError("the server hangs up")
	errUnwelcome = language.NewError("the server's first message is no welcome")
)

// page is one connection, as its fleet and its transport see it. Its shard's lock guards it.
type page struct {
	fleet   *fleet
	shard   *shard
	number  int32
	fd      int32 // of the transport
	stage   stage
	decoder decoder // until the handshake is answered, decoder.rest holds what has come of the answer
	replies []byte  // for the transport to send after feed: pongs

	now     time.Duration // when the bytes came that are being fed
	settled int           // deliveries that they brought
}

// feed takes the bytes that the page has read. It is called under the shard's lock. An error ends the page.
func (p *page) feed(data []byte, now time.Duration) error {
	p.now, p.settled = now, 0
	if p.stage == asking {
		p.decoder.rest = append(p.decoder.rest, data...)
		rest, done, err := p.fleet.handshake.check(p.decoder.rest)
		if !done {
			return err
		}
		p.stage, p.decoder.rest, data = silent, nil, rest
		say, open := p.fleet.dialect.Begin()
		p.say(say)
		if open {
			p.greet()
		}
	}
	err := p.decoder.feed(data, p)
	if p.settled > 0 {
		p.fleet.ledger.settle(p.settled)
	}
	return err
}

func (p *page) message(payload []byte) error {
	for {
		h, rest := p.fleet.dialect.Hear(payload)
		p.say(h.Reply)
		switch {
		case h.Kind == Chatter:
		case p.stage == silent && h.Kind == Welcome:
			p.greet()
		case p.stage == silent:
			return fmt.Errorf("%w: %.100q", errUnwelcome, payload)
		case h.Kind == Pushed:
			p.pushed(h.Data)
		default:
			p.fleet.strange(p, payload)
		}
		if len(rest) == 0 {
			return nil
		}
		payload = rest
	}
}

func (p *page) greet() {
	p.stage = greeted
	p.fleet.welcomed()
}

func (p *page) pushed(message []byte) {
	n, ok := p.fleet.envelope.Read(message)
	if !ok {
		p.fleet.strange(p, message)
		return
	}
	latency, due := p.fleet.ledger.got(p.number, n, p.now)
	if !due {
		return
	}
	p.settled++
	if int(p.number) >= p.fleet.stalling {
		p.shard.record(latency)
	}
}

func (p *page) say(text []byte) {
	if len(text) > 0 {
		p.replies = append(p.replies, textFrame(text)...)
	}
}

func (p *page) ping(payload []byte) { p.replies = append(p.replies, pongFrame(payload)...) }

func (p *page) closed(payload []byte) error { return closeError(payload) }
