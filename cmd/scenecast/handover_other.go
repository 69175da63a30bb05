//go:build !linux

package main

import (
	"context"

	"scenecast/server"
)

// onHandovers does nothing: other systems have no handover.
func onHandovers(context.Context, *server.Server) (stop func()) { return func() {} }
