//go:build !linux || !(amd64 || arm64)

package bpf

import (
	"fmt"
	"log/slog"
	"runtime"
)

// A Program is the loaded programs of one hook. There are none on this system.
type Program struct{}

// Load gives an error that wraps ErrUnsupported.
func Load(Config, *slog.Logger) (*Program, error) {
	return nil, fmt.Errorf("eBPF programs on %s/%s: %w", runtime.GOOS, runtime.GOARCH, ErrUnsupported)
}
