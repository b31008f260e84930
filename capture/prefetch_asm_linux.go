//go:build amd64 || arm64

package capture

import "unsafe"

// prefetch asks for the three cache lines from p on, and waits for none. p need not be a valid address.
//
//go:noescape
func prefetch(p unsafe.Pointer)
