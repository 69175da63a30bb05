package socket

import (
	"testing"
	"unsafe"
)

// TestIdleSocketIsSmall: what a page costs that only waits for pushes.
func TestIdleSocketIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(epollConn{}) + unsafe.Sizeof(alarm{}) + unsafe.Sizeof(uint32(0)) + unsafe.Sizeof(backendKind(0)); size > 77 {
		t.Errorf("an idle page costs %d bytes", size)
	}
}
