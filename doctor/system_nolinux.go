//go:build !linux

package doctor

import "scenecast/language"

func readClock() (Clock, error) { return Clock{}, language.Errorf("only Linux does") }
