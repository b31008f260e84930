package capture

import (
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// nicPeriod is how old the kernel's counts may be for the readers, which look at the same time.
const nicPeriod = checkPeriod * 9 / 10

// driverPeriod is the least time between two looks at a driver's own statistics: some drivers ask their card
// for all of them.
const driverPeriod = 5 * time.Second

// A nicCounter sums the frames that an interface loses before any socket sees them.
//
// Its driver counts them for the kernel (IFLA_STATS64; rtnl_link_stats64 in include/uapi/linux/if_link.h) and
// under names of its own, mostly the same frames in both: so the larger of the two counts. The kernel's
// rx_dropped is apart. The network stack adds to it what finds the queue of a processor full, which is lost, but
// also each frame with a VLAN tag that no interface is for, after the sockets had it (__netif_receive_skb_core
// in net/core/dev.c). On Ethernet it counts therefore as far as all processors' queues were full
// (/proc/net/softnet_stat), and elsewhere whole.
type nicCounter struct {
	handle *netlink.Handle // nil where the system gives none
	queues *os.File        // /proc/net/softnet_stat; nil where there is none
	driver driverStats
	looked time.Time // when the kernel was asked last
	asked  time.Time // when the driver was
	index  int       // of the interface that what follows is of
	tagged bool      // it may have frames with VLAN tags
	room   riseOf    // the kernel's counts of frames that the card had no room for
	drops  riseOf    // rx_dropped
	own    riseOf    // the driver's own counts
	queue  riseOf    // frames that found a processor's queue full, of all interfaces
	before uint64    // lost by the interfaces before it
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
	if c.queues, err = os.Open("/proc/net/softnet_stat"); err != nil {
		log.Debug("rx_dropped of the interface counts whole", "err", err)
	}
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
	attrs := link.Attrs()
	c.tagged = attrs.EncapType == "ether"
	if s := attrs.Statistics; s != nil {
		c.room.note(noRoom((*netlink.LinkStatistics64)(s)))
		c.drops.note(s.RxDropped)
	}
	if full, ok := c.queuesFull(); ok {
		c.queue.note(full)
	}
	if now || at.Sub(c.asked) >= driverPeriod {
		c.asked = at
		if lost, ok := c.driver.read(attrs.Name); ok {
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
	c.index, c.asked = index, time.Time{}
	c.room, c.drops, c.own, c.queue = riseOf{}, riseOf{}, riseOf{}, riseOf{}
	c.driver = driverStats{fd: c.driver.fd}
}

// lost is the sum of all interfaces that were read.
func (c *nicCounter) lost() uint64 {
	drops := c.drops.sum
	if c.tagged && c.queues != nil {
		drops = min(drops, c.queue.sum)
	}
	return c.before + max(c.room.sum, c.own.sum) + drops
}

// noRoom is the count of frames for which the card had no room or no buffer: drivers use one or several of
// the three for the same frames.
func noRoom(s *netlink.LinkStatistics64) uint64 {
	return max(s.RxMissedErrors, s.RxFifoErrors, s.RxOverErrors)
}

// queuesFull sums the second column of softnet_stat, a line for each processor: hexadecimal, 32 bit.
func (c *nicCounter) queuesFull() (sum uint64, ok bool) {
	if c.queues == nil {
		return 0, false
	}
	text, err := io.ReadAll(io.NewSectionReader(c.queues, 0, 1<<20))
	if err != nil {
		return 0, false
	}
	return sumDropped(string(text))
}

func sumDropped(softnet string) (sum uint64, ok bool) {
	for line := range strings.Lines(softnet) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			return 0, false
		}
		n, err := strconv.ParseUint(fields[1], 16, 64)
		if err != nil {
			return 0, false
		}
		sum += n
	}
	return sum, true
}

func (c *nicCounter) close() {
	if c.handle != nil {
		c.handle.Close()
		c.handle = nil
	}
	if c.queues != nil {
		c.queues.Close() // lost still knows that there was one
	}
}
