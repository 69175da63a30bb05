// Package load puts a Scenecast server under load and says what it costs: it opens thousands of pages with labels,
// pushes numbered messages to audiences that it knows, and watches that every page gets exactly the messages it must get.
//
// Run does it all and returns a Report. Server is a server of its own, for whoever has none running.
//
// # How a page is counted
//
// A page is one TCP connection and about a hundred bytes. On Linux a few goroutines read all of them by epoll; elsewhere,
// and with TLS, a page has a goroutine. Pages do nothing but answer pings.
//
// Each message carries the run's name and a number, and the ledger knows which pages are in the audience of each number.
// So a message that is missing, doubled or where it does not belong is found, whichever it is. At the end of each round a
// fence is pushed to all pages; since a page gets pushes in order, whatever strayed has arrived by then.
//
// # What the figures mean
//
// Latency runs from the moment before the HTTP call to the moment when the page's bytes were read, so this program's own
// reading of thousands of sockets is in it. CPU is the server's alone, in ticks of 10 ms: a round must be long enough.
// Whatever is measured several times is reported as the median of the rounds; the maximum is that of all rounds.
package load
