//go:build !linux

package doctor

import "errors"

func readClock() (Clock, error) { return Clock{}, errors.New("only Linux does") }
