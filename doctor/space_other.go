//go:build !linux && !darwin

package doctor

import "scenecast/language"

func spaceOf(string) (Space, error) { return Space{}, language.Errorf("this system does not say") }
