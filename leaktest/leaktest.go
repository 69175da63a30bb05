// Package leaktest runs the tests of a package and fails when they leave goroutines behind.
//
// A goroutine that ends by itself is none that was left: some of the libraries that a server uses let theirs sleep for seconds after
// their client is closed, without a way to wait for it (rueidis reads the slots of a Redis Cluster again up to a second later, and closes
// connections that are no longer needed after five). So it waits for them, and nothing of such a library need be excepted by its name.
package leaktest

import (
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// patience is how long goroutines may take to end after the last test. It is longer than those of any library sleep, also on a machine
// that is busy, and passes only where one is left.
const patience = 30 * time.Second

// Main is what TestMain of a package calls. It runs the tests, and does not return.
func Main(m *testing.M) {
	code := m.Run()
	if code == 0 {
		code = verify(os.Stderr, patience)
	}
	os.Exit(code)
}

// verify is the exit code: not 0 where a goroutine is left after the patience, which is told.
func verify(to io.Writer, patience time.Duration) int {
	late := time.Now().Add(patience)
	for {
		// Find looks for half a second, with pauses that grow.
		err := goleak.Find()
		if err == nil {
			return 0
		}
		if time.Now().After(late) {
			fmt.Fprintf(to, "The tests have passed, and %v later there are goroutines that they have left: %v\n", patience, err)
			return 1
		}
	}
}
