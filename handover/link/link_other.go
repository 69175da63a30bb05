//go:build !linux

// Package link is the connection by which two processes on one machine hand over. It is for Linux alone.
package link
