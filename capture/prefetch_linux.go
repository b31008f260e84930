//go:build !amd64 && !arm64

package capture

import "unsafe"

func prefetch(unsafe.Pointer) {}
