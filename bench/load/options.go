package load

import (
	"crypto/tls"
	"net/url"
	"time"

	"scenecast/language"
)

// Options say what to load, and how.
type Options struct {
	URL      *url.URL            // of the server; http or https
	Token    string              // of a page
	Key      string              // of a backend; its scope must hold push
	Native   bool                // pages speak scenecast.v1; else the tutorial's wire, which is the smallest
	Pages    int                 // how many connect
	To       []string            // audiences: Everybody, Few, One or expressions. Defaults to those three.
	Few      int                 // pages in a group. Defaults to 100, but at most a tenth of the pages.
	Pipeline int                 // calls at a time in the scenarios that have several. Defaults to 8; 1 leaves them out.
	Rate     int                 // pushes per second; then there are no other scenarios. Defaults to none.
	Rounds   int                 // how often each scenario is measured. Defaults to 5.
	Pushes   int                 // in a round. Defaults to what makes some 100,000 deliveries, from 10 to 1,000 pushes.
	Size     int                 // bytes of a message. Defaults to 128.
	PID      int                 // the server's process, whose CPU and memory are reported; 0: they are not
	Patience time.Duration       // without any delivery, until those to come count as missing. Defaults to 10 s.
	Progress func(language.Text) // is told how far it is, often; may be nil
	TLS      *tls.Config         // of https. Defaults to what the system trusts.
	Dialect  Dialect             // of another server than Scenecast; Token, Key and Native are Scenecast's. Defaults to it.
	Stalling int                 // the first so many pages stop reading when Session.Stall says so. Defaults to none.

	portable bool // a goroutine for each page, whatever the system; for tests
}

// withDefaults fills in what is left out, and refuses what cannot be.
func (o Options) withDefaults() (Options, error) {
	fill := func(n *int, value int) {
		if *n == 0 {
			*n = value
		}
	}
	fill(&o.Few, min(100, max(1, o.Pages/10)))
	fill(&o.Pipeline, 8)
	fill(&o.Rounds, 5)
	fill(&o.Size, 128)
	if o.Patience == 0 {
		o.Patience = 10 * time.Second
	}
	if o.Dialect == nil && o.URL != nil {
		o.Dialect = newScenecastWire(&o)
	}
	if o.Progress == nil {
		o.Progress = func(language.Text) {}
	}
	switch {
	case o.URL == nil || o.URL.Host == "" || o.URL.Scheme != "http" && o.URL.Scheme != "https":
		return o, language.NewError("which server? Its address looks like http://localhost:9502")
	case o.Pages < 1 || o.Pages > 1<<24:
		return o, language.Errorf("%d pages: it takes one at least, and 16 million at most", o.Pages)
	case o.Stalling < 0 || o.Stalling >= o.Pages:
		return o, language.Errorf("%d pages that stop reading: of %d, one at least goes on", o.Stalling, o.Pages)
	case o.Few < 1 || o.Few > o.Pages:
		return o, language.Errorf("%d pages in a group: it takes from 1 to all %d", o.Few, o.Pages)
	case o.Pipeline < 1 || o.Pipeline > maxCalls:
		return o, language.Errorf("%d calls at a time: it takes from 1 to %d", o.Pipeline, maxCalls)
	case o.Rounds < 1 || o.Pushes < 0 || o.Rate < 0 || o.Patience < 0:
		return o, language.NewError("rounds, pushes, rate and timeout are not negative, and there is one round at least")
	case o.Size < MinSize:
		return o, language.Errorf("messages of %d bytes: their number and the run's name take %d", o.Size, MinSize)
	}
	return o, nil
}
