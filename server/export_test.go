package server

// SetPortable has servers that are made from now on give every socket goroutines, as on systems other than Linux.
func SetPortable(on bool) { portable = on }
