package churn

import (
	"net/url"
	"time"

	"scenecast/bench/load"
	"scenecast/language"
)

// Options say what to load, and how.
type Options struct {
	URLs     []*url.URL          // of the nodes, or of what stands in front of them; http or https
	Token    string              // of a page
	Key      string              // of a backend; its scope must hold push
	Pages    int                 // that are there at a time
	Rate     int                 // pushes per second, each to all pages. Defaults to what makes 20,000 deliveries a second, from 1 to 100.
	Leave    int                 // pages that leave each second, while others come. Defaults to none.
	Resume   bool                // a page that leaves, or loses its connection, comes back with its position; else another page comes
	Duration time.Duration       // of the pushes. Defaults to 10 s.
	Size     int                 // bytes of a message. Defaults to 128.
	PIDs     []int               // the nodes' processes, in the order of URLs, whose CPU is reported; empty: it is not
	Patience time.Duration       // without any delivery, until those to come count as lost. Defaults to 10 s.
	Progress func(language.Text) // is told how far it is; may be nil

	more func(*run) bool // pushes go on behind the duration while it says so: tests need some, however busy the machine is
}

// usualDeliveries are what the pushes of a second make, where no rate is said.
const usualDeliveries = 20_000

// withDefaults fills in what is left out, and refuses what cannot be.
func (o Options) withDefaults() (Options, error) {
	if o.Rate == 0 && o.Pages > 0 {
		o.Rate = min(max(usualDeliveries/o.Pages, 1), 100)
	}
	if o.Duration == 0 {
		o.Duration = 10 * time.Second
	}
	if o.Size == 0 {
		o.Size = 128
	}
	if o.Patience == 0 {
		o.Patience = 10 * time.Second
	}
	if o.Progress == nil {
		o.Progress = func(language.Text) {}
	}
	if o.more == nil {
		o.more = func(*run) bool { return false }
	}
	switch {
	case len(o.URLs) == 0:
		return o, language.NewError("which server? Its address looks like http://localhost:9502")
	case o.Pages < 1 || o.Pages > 1<<24:
		return o, language.Errorf("%d pages: it takes one at least, and 16 million at most", o.Pages)
	case o.Rate < 1 || o.Leave < 0 || o.Duration < 0 || o.Patience < 0:
		return o, language.NewError("rate, churn, duration and timeout are not negative")
	case o.Size < load.MinSize:
		return o, language.Errorf("messages of %d bytes: their number and the run's name take %d", o.Size, load.MinSize)
	case len(o.PIDs) > 0 && len(o.PIDs) != len(o.URLs):
		return o, language.Errorf("%d processes at %d addresses: it takes one for each, in the same order", len(o.PIDs), len(o.URLs))
	}
	for _, u := range o.URLs {
		if u == nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return o, language.Errorf("%v is no address of a server; it looks like http://localhost:9502", u)
		}
	}
	return o, nil
}
