//go:build !linux

package capture

import (
	"fmt"
	"log/slog"
	"runtime"

	"github.com/netmond/netmond/capture/filter"
	"github.com/netmond/netmond/packet"
)

// Live captures from an interface, on Linux only.
type Live struct{}

// A Reader takes a part of a Live's frames.
type Reader struct{}

// OpenLive refuses: live capture needs Linux. The error wraps ErrUnsupported.
func OpenLive(cfg LiveConfig, log *slog.Logger) (*Live, error) {
	return nil, fmt.Errorf("live capture on %s: %w, it needs Linux; capture files can be read here", runtime.GOOS, ErrUnsupported)
}

// Readers gives none.
func (l *Live) Readers() []*Reader { return nil }

// ReadBlock gives ErrUnsupported.
func (r *Reader) ReadBlock(b *packet.Block) error { return ErrUnsupported }

// Stats gives zeros.
func (l *Live) Stats() Stats { return Stats{} }

// Stop does nothing.
func (l *Live) Stop() {}

// Resume does nothing.
func (l *Live) Resume() error { return nil }

// Pause does nothing.
func (l *Live) Pause() error { return nil }

// Close does nothing.
func (l *Live) Close() error { return nil }

// Awaited gives nil.
func (l *Live) Awaited() error { return nil }

// SetFilter does nothing.
func (l *Live) SetFilter(f *filter.Filter) error { return nil }

// A linkReader tells no link types outside Linux.
type linkReader struct{}

func newLinkReader() (linkReader, error)                    { return linkReader{}, nil }
func (linkReader) close()                                   {}
func (linkReader) link(name string) (packet.LinkType, bool) { return 0, false }
