package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"scenecast/server"
)

// onHandovers hands over on SIGUSR2, until it is told to stop. The server logs what comes of it.
func onHandovers(ctx context.Context, srv *server.Server) (stop func()) {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGUSR2)
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-asked:
				srv.HandOverLogged(ctx)
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() {
		signal.Stop(asked)
		cancel()
		<-done
	}
}
