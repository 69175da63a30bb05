package scenecast

import (
	"context"
	"errors"
)

// ErrDeferred is the error of an authenticator that was asked on a loop (OnLoop) about what takes long: nothing was decided, and it is to
// be asked again where it may wait.
var ErrDeferred = errors.New("not to be decided on a loop")

type onLoop struct{}

// OnLoop is the context of what a loop asks, which nobody may make wait.
func OnLoop(ctx context.Context) context.Context { return context.WithValue(ctx, onLoop{}, true) }

// IsOnLoop reports whether it is a loop that asks.
func IsOnLoop(ctx context.Context) bool { return ctx.Value(onLoop{}) != nil }
