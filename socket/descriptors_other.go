//go:build !linux

package socket

import "math"

// firstReserved is behind all descriptors: on this system there is no reserve.
func firstReserved() int { return math.MaxInt }
