package scenecast

import "scenecast/problem"

// ErrClosed is returned by what has been closed: an engine, or an acceptor. As the other errors here it is a *problem.Problem, so that it
// reaches a client with its kind and its words.
var ErrClosed error = problem.New(problem.Unavailable, "the server is going away")

// ErrUnavailable is returned by an engine that is out of order. Nothing was published.
var ErrUnavailable error = problem.New(problem.Unavailable, "the engine cannot be reached or is overloaded; nothing was published, so try again")

// ErrUncertain is returned by an engine that has lost sight of a push on its way.
var ErrUncertain error = problem.New(problem.Uncertain,
	"the engine has not said whether the push was published; a retry with the same idempotency key cannot publish it twice")

// ErrKeyReused is returned for a push that bears the idempotency key of another one.
var ErrKeyReused error = problem.New(problem.Conflict,
	"this idempotency key was used with another body; a retry sends the same, and another push needs another key")
