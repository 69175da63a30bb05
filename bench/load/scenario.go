package load

import (
	"fmt"
	"strings"

	"scenecast/language"
)

// The audiences that have names of their own.
const (
	Everybody = "everybody" // all pages of the run
	Few       = "few"       // a group, a different one each time
	One       = "one"       // a page, a different one each time
)

// How many messages a round has, where nothing else is said: enough for the server's CPU to be many ticks, and not so many
// that all rounds take minutes.
const (
	roundDeliveries = 100_000
	fewestPushes    = 10
	mostPushes      = 1_000
)

// scenario is who gets messages, and how they are published.
type scenario struct {
	name     language.Text
	to       string // the audience, as text
	size     int    // pages in the audience
	own      bool   // nobody else's pages can be in it
	lossy    bool   // pages are in it that do not read
	pushes   int    // of a round
	pipeline int    // calls at a time; the next ones begin when everything has arrived
	rate     int    // pushes per second, whatever has arrived; 0: no clock

	aim func(push int) (to Audience, c crowd)
}

// scenarios are those that the options ask for.
func scenarios(o *Options, p people) ([]scenario, error) {
	names := o.To
	if len(names) == 0 {
		names = []string{Everybody, Few, One}
	}
	var all []scenario
	for _, name := range names {
		s, err := aimed(name, p)
		if err != nil {
			return nil, err
		}
		if o.Rate > 0 {
			all = append(all, s.paced(o.Pushes, o.Rate))
			continue
		}
		all = append(all, s.pipelined(o.Pushes, 1))
		if o.Pipeline > 1 {
			all = append(all, s.pipelined(o.Pushes, o.Pipeline))
		}
	}
	return all, nil
}

// aimed is a scenario that knows whom it reaches.
func aimed(name string, p people) (scenario, error) {
	equals := func(key, value string) Audience { return Audience{key, value, fmt.Appendf(nil, `{%q:%q}`, key, value)} }
	switch strings.TrimSpace(name) {
	case Everybody:
		to, all := equals(keyRun, p.run), p.all()
		return scenario{name: language.Textf(Everybody), to: fmt.Sprintf("run == %q", p.run), size: len(all), own: p.lost == 0, lossy: p.lost > 0,
			aim: func(int) (Audience, crowd) { return to, all }}, nil
	case Few:
		groups := p.pages / p.few
		return scenario{name: language.Textf("%d of %d", p.few, p.pages), to: fmt.Sprintf(`group == "%s-…"`, p.run), size: p.few, own: true,
			aim: func(push int) (Audience, crowd) {
				g := stride(push, groups)
				return equals(keyGroup, p.group(g)), p.between(g*p.few, (g+1)*p.few)
			}}, nil
	case One:
		return scenario{name: language.Textf("one page"), to: fmt.Sprintf(`user == "%s-…"`, p.run), size: 1, own: true,
			aim: func(push int) (Audience, crowd) {
				page := stride(push, p.pages)
				return equals(keyUser, p.user(page)), p.between(page, page+1)
			}}, nil
	}
	to, c, err := p.audience(strings.TrimSpace(name))
	if err != nil {
		return scenario{}, err
	}
	return scenario{name: language.Textf("%s", name), to: name, size: len(c), aim: func(int) (Audience, crowd) { return Audience{JSON: to}, c }}, nil
}

// stride walks over n things in large steps, so that neighbours in time are none in place.
func stride(step, n int) int { return step * 7919 % n }

// pipelined publishes with this many calls at a time.
func (s scenario) pipelined(pushes, calls int) scenario {
	if pushes == 0 {
		pushes = min(max(roundDeliveries/s.size, fewestPushes), mostPushes)
	}
	s.pushes = (pushes + calls - 1) / calls * calls // whole bursts
	s.pipeline = calls
	if calls > 1 {
		s.name = language.Textf("%s, %d at a time", s.name, calls)
	}
	return s
}

// paced publishes by the clock. A round takes two seconds.
func (s scenario) paced(pushes, rate int) scenario {
	if pushes == 0 {
		pushes = 2 * rate
	}
	s.pushes, s.rate = pushes, rate
	s.name = language.Textf("%s, %d/s", s.name, rate)
	return s
}
