//go:build !linux

package server

import (
	"context"
	"os"
	"runtime"

	"scenecast"
	"scenecast/language"
)

var errNoLinux = language.NewError("handover: a process can take over on Linux alone")

type takeover struct {
	welcome struct{ node scenecast.NodeID }
}

func (s *Server) findPredecessor() (*takeover, error) {
	if s.options.Config.Handover != "" {
		return nil, errNoLinux
	}
	return nil, nil
}

func (t *takeover) refuse(error)                           {}
func (t *takeover) receive(context.Context, *Server) error { return errNoLinux }
func (t *takeover) adopt() error                           { return errNoLinux }
func (t *takeover) finish(context.Context)                 {}
func (t *takeover) loopCount() int                         { return runtime.GOMAXPROCS(0) }
func (t *takeover) debugPort() *os.File                    { return nil }
func (t *takeover) dashboardPort() *os.File                { return nil }
func (t *takeover) ports() []*os.File                      { return nil }

type handoverService struct{}

func (s *Server) listenForSuccessor(context.Context) error { return nil }

func (h *handoverService) end() {}

func (s *Server) leave(context.Context) {}

func (s *Server) endHandover() {}

// HandOver has a process that the command starts take over. It returns when that has everything, or why it has not.
func (s *Server) HandOver(context.Context) error { return errNoLinux }

// RequestHandover asks the process that listens at a path to hand over, and tells how far it is.
func RequestHandover(context.Context, string, func(progress language.Message)) error {
	return errNoLinux
}
