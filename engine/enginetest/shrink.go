package enginetest

import "slices"

// Shrink finds a smaller part of some operations that still fails: without any one of those that it returns, fails has said no. fails is
// asked as often as the square of what is left at worst, and may say no whenever that is enough.
func Shrink[T any](operations []T, fails func([]T) bool) []T {
	for size := len(operations) / 2; size > 0; {
		removed := false
		for at := 0; at < len(operations); {
			without := slices.Delete(slices.Clone(operations), at, min(at+size, len(operations)))
			if fails(without) {
				operations, removed = without, true
			} else {
				at += size
			}
		}
		if size > 1 {
			size /= 2
		} else if !removed {
			return operations
		}
	}
	return operations
}
