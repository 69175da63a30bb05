//go:build !unix

package main

import (
	"errors"
	"os"
)

var errNoSignals = errors.New("this system cannot stop a process for a while")

func hang(*os.Process) error { return errNoSignals }

func resume(*os.Process) error { return errNoSignals }
