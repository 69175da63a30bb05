//go:build unix

package accesslog

import "syscall"

// nonBlocking has open(2) not wait for the reader of a FIFO.
const nonBlocking = syscall.O_NONBLOCK
