//go:build !handoverfaults

package server

// faultPoint is where tests have a process die or hang in the middle of a handover (handoverfaults).
func faultPoint(string) {}
