//go:build !unix

package accesslog

// nonBlocking has no effect: other systems have no FIFO that opening a file could wait for.
const nonBlocking = 0
