//go:build !linux

package capture

// candidates is only known of Linux, where alone netmond captures live.
func candidates() ([]candidate, error) { return nil, ErrUnsupported }
