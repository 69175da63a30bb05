package socket

import (
	"math"

	"golang.org/x/sys/unix"
)

// firstReserved is the first descriptor of the reserve.
func firstReserved() int {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil || limit.Cur > math.MaxInt32 {
		return math.MaxInt32
	}
	return int(limit.Cur - min(limit.Cur/4, reservedDescriptors))
}
