package capture

import (
	"log/slog"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// nicPeriod is how old the kernel's counts may be for the readers, which look at the same time.
const nicPeriod = checkPeriod * 9 / 10

// driverPeriod is the least time between two looks at a driver's own statistics: some drivers ask their card
// for all of them.
const driverPeriod = 5 * time.Second

// A nicCounter sums the frames that an interface loses before any socket sees them, by the counts that
// its driver gives to the kernel (IFLA_STATS64; rtnl_link_stats64 in include/uapi/linux/if_link.h) and by
// those that it keeps under names of its own. Most drivers have the same frames in both: so what counts
// is the larger of the two sums.
type nicCounter struct {
	handle *netlink.Handle // nil where the system gives none
	driver driverStats
	looked time.Time // when the kernel was asked last
	asked  time.Time // when the driver was
	index  int       // of the interface that kernel and own are of
	kernel riseOf
	own    riseOf
	before uint64 // lost by the interfaces before it
}

// A riseOf is what a count has risen by. One that falls has begun again, and rises from where it is now.
type riseOf struct {
	began bool
	last  uint64
	sum   uint64
}

func (r *riseOf) note(now uint64) {
	if r.began && now > r.last {
		r.sum += now - r.last
	}
	r.began, r.last = true, now
}

// openNIC opens the socket that the kernel's counts are asked by, in the network namespace of the thread. fd
// is a socket to ask the driver by.
func openNIC(fd int, log *slog.Logger) *nicCounter {
	c := &nicCounter{driver: driverStats{fd: fd}}
	handle, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		log.Warn("frames that the interface itself loses are not known", "err", err)
		return c
	}
	c.handle = handle
	return c
}

// read adds what the interface with this index has lost since the last time. It keeps the sum where the
// interface does not tell. The driver is asked if it was not for driverPeriod, or when now is wanted.
func (c *nicCounter) read(index int, now bool) {
	if c.handle == nil {
		return
	}
	at := time.Now()
	c.turn(index)
	c.looked = at
	link, err := c.handle.LinkByIndex(index)
	if err != nil {
		return
	}
	if s := link.Attrs().Statistics; s != nil {
		c.kernel.note(nicLost((*netlink.LinkStatistics64)(s)))
	}
	if now || at.Sub(c.asked) >= driverPeriod {
		c.asked = at
		if lost, ok := c.driver.read(link.Attrs().Name); ok {
			c.own.note(lost)
		}
	}
}

// turn begins with another interface, whose driver is asked at once.
func (c *nicCounter) turn(index int) {
	if index == c.index {
		return
	}
	c.before = c.lost()
	c.index, c.kernel, c.own, c.asked = index, riseOf{}, riseOf{}, time.Time{}
	c.driver = driverStats{fd: c.driver.fd}
}

// lost is the sum of all interfaces that were read.
func (c *nicCounter) lost() uint64 { return c.before + max(c.kernel.sum, c.own.sum) }

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
