package scenecast

import "context"

// Log is the one ordered sequence of pushes of all apps, as far back as the engine keeps it. Reading it never makes a
// publisher wait for long. Methods may be called concurrently.
type Log interface {
	// After returns the pushes behind a position, in order: those that were next in the log and no hole between them, at
	// most limit, and fewer where they are large. None means that there is nothing newer. Behind the zero Position are all
	// that are kept.
	//
	// A *GapError says that not all of what follows the position is there. What is returned has been handed to the node
	// before, and what is handed to the node later is newer: so whoever reads until nothing is left, and then takes what
	// the node gets behind the last position, misses nothing.
	After(ctx context.Context, after Position, limit int) ([]*Push, error)
	// Before returns the pushes ahead of a position, the newest first and no hole between them, at most limit, and fewer where they are large.
	// None means that nothing older is kept. Ahead of the zero Position are all. A *GapError says that the position is none of this log.
	Before(ctx context.Context, before Position, limit int) ([]*Push, error)
	// Records is what the log knows of these pushes, which it has given, in their order. Where nodes do not answer in time it is what the others
	// know.
	Records(ctx context.Context, pushes []*Push) ([]Record, error)
	// Newest is the position of the newest push; before the first one, the beginning of the epoch.
	Newest() Position
	// Lookup finds the newest push of an app with this ID and this confinement, and where that is empty the newest with this ID
	// whatever its confinement; false where none is kept.
	Lookup(ctx context.Context, app, confinement, id string) (Record, bool, error)
}

// Record is a push in the log with what has become of it so far; late acknowledgements are still added.
type Record struct {
	Push  *Push
	Tally Tally // so far
	Known int   // of so many nodes that are known; Tally.Nodes says how many have answered
	Done  bool  // what its receipt waits for is in, or its time has passed
}

// Gap is why a page does not get everything that was for it.
type Gap string

// The gaps.
const (
	GapRetention Gap = "retention" // what follows the position is not kept any more
	GapEpoch     Gap = "epoch"     // the position is none of this log: the log has begun anew since
	GapPosition  Gap = "position"  // what the page gave as a position is none
	GapDropped   Gap = "dropped"   // the page read too slowly
	GapFailure   Gap = "failure"   // the log could not be read
)

// GapNotice is what a page is told of a gap, in its place among the pushes.
type GapNotice struct {
	Reason  Gap
	Dropped int      // of GapDropped: how many messages
	Newest  Position // otherwise: where it goes on, having missed what lies between
}

// GapError is the error of Log.After where not everything that follows a position is there any more. errors.As finds it.
type GapError struct {
	Reason Gap
	Newest Position // where whoever asked goes on, having missed what lies between
}

// Error returns the reason and the newest position.
func (e *GapError) Error() string {
	return "the log has not all that follows the position (" + string(e.Reason) + "); its newest is " + e.Newest.String()
}
