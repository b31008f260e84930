package capture

import (
	"log/slog"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// A nicCounter sums the frames that an interface loses before any socket sees them, by the counts that
// its driver gives (IFLA_STATS64; rtnl_link_stats64 in include/uapi/linux/if_link.h). An interface that
// is made again, or whose driver starts again, begins at 0.
type nicCounter struct {
	handle *netlink.Handle // nil where the system gives none
	index  int             // of the interface that last is of
	last   uint64
	lost   uint64
}

// openNIC opens the socket that the counts are asked by, in the network namespace of the thread.
func openNIC(log *slog.Logger) *nicCounter {
	handle, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		log.Warn("frames that the interface itself loses are not known", "err", err)
		return &nicCounter{}
	}
	return &nicCounter{handle: handle}
}

// read adds what the interface with this index has lost since the last time. It keeps the sum where the
// interface does not tell.
func (c *nicCounter) read(index int) {
	if c.handle == nil {
		return
	}
	link, err := c.handle.LinkByIndex(index)
	if err != nil {
		return
	}
	if s := link.Attrs().Statistics; s != nil {
		c.note(index, nicLost((*netlink.LinkStatistics64)(s)))
	}
}

// note takes the present count of the interface with this index.
func (c *nicCounter) note(index int, now uint64) {
	if index == c.index && now > c.last {
		c.lost += now - c.last
	}
	c.index, c.last = index, now
}

// nicLost sums the counts of lost frames. Drivers use one or several of the first three for the same
// frames: those for which the hardware had no buffer.
func nicLost(s *netlink.LinkStatistics64) uint64 {
	return max(s.RxMissedErrors, s.RxFifoErrors, s.RxOverErrors) + s.RxDropped
}

func (c *nicCounter) close() {
	if c.handle != nil {
		c.handle.Close()
		c.handle = nil
	}
}
