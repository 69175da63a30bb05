// Package churn loads the nodes of a cluster with pages that come, leave and come back, under pushes by the clock, and holds what each
// page was given against the log: what was lost, came twice or out of order, and what a page was told to have missed.
//
// # How a page is counted
//
// A page is a client.Page, which speaks the native wire, and so knows where it stands in the log. Each message has a number. A push has one
// position, told to its backend and with every delivery. Between where a page began and where it ended, or was told of a gap, it must have been
// given each push once: as many as the log has there. Pages that leave go by a close frame; what is on its way then is theirs no more,
// unless they resume. A page that has lost its connection goes to the next address, as one that comes back does.
//
// A backend is at each address in turn. A call that fails is made again at the next one, with its Idempotency-Key, until it is taken.
//
// # What the figures mean
//
// Latency runs from before the first call for a push to the moment when the page's own code has it. What a page catches up with, because it
// was pushed while the page was away, is counted besides and is in no latency. This program reads and parses every delivery in JSON, in two
// goroutines for a page: it takes several times the CPU that the server does, which its latency holds. Package load measures one
// server with less of its own.
package churn
