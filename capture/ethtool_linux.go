package capture

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Statistics of a driver by names of its own (ethtool -S): SIOCETHTOOL with the requests GSSET_INFO,
// GSTRINGS and GSTATS of include/uapi/linux/ethtool.h, none of which needs a privilege (net/ethtool/ioctl.c).
const (
	ethtoolNameLen = 32 // ETH_GSTRING_LEN
	ethtoolStats   = 1  // ETH_SS_STATS, the set of names
	// ethtoolMax bounds what a driver is believed to have.
	ethtoolMax = 1 << 16
)

// A placeOfLoss is where a frame was lost, for names of drivers that count the same.
type placeOfLoss uint8

const (
	lossRoom   placeOfLoss = iota // the card had no room, or no buffer of the host's
	lossDriver                    // the driver, or the port before the card's queues, dropped it
	numPlacesOfLoss
)

// driverLosses are the names under which drivers count frames that they received and dropped before anything
// else saw them. N stands for a number, as of a queue; those of one name are summed. Not here are frames that
// were damaged, that an XDP program refused (xdp_drops), that may still be kept (rx_no_buffer_count of
// e1000e and igb: those that are not are in rx_missed_errors), and that are another attempt's (alloc failures);
// nor rx_dropped, which in some drivers has the kernel's own drops too: see nicCounter.
var driverLosses = map[string]placeOfLoss{
	"rx_missed":            lossRoom, // r8169
	"rx_missed_errors":     lossRoom, // e1000e, igb, igc, ixgbe
	"rx_fifo_errors":       lossRoom, // ixgbe, mlx4
	"rx_over_errors":       lossRoom,
	"rx_no_dma_resources":  lossRoom, // ixgbe
	"rx_out_of_buffer":     lossRoom, // mlx5
	"rx_discards":          lossRoom, // tg3, bnx2x
	"[N]: rx_discards":     lossRoom, // bnxt
	"port.rx_dropped":      lossRoom, // i40e
	"port.rx_discards":     lossRoom, // i40e, later
	"rx_dropped.nic":       lossRoom, // ice
	"port_rx_nodesc_drops": lossRoom, // sfc
	"rx_no_bufs":           lossRoom, // enic
	"rx_overruns":          lossRoom, // ena
	"rx_drops_no_pbuf":     lossRoom, // be2net
	"pkts rx OOB":          lossRoom, // vmxnet3
	"mmc_rx_fifo_overflow": lossRoom, // stmmac
	"rx_discards_phy":      lossDriver,
	"rx_prioN_discards":    lossDriver, // mlx5: rx_discards_phy by priority
	"rx_drops":             lossDriver, // ena
	"rx_drop":              lossDriver, // enic
	"rx_queue_N_drops":     lossDriver, // igb, igc, veth, virtio_net
	"rxN_drops":            lossDriver, // virtio_net, later
	"rx_dropped_pkt[N]":    lossDriver, // gve
	"drv dropped rx total": lossDriver, // vmxnet3
}

// plainName is a driver's name for a count, with N for each number in it and without the blanks around it.
func plainName(name string) string {
	var b strings.Builder
	digits := false
	for _, c := range strings.TrimSpace(name) {
		digit := c >= '0' && c <= '9'
		switch {
		case !digit:
			b.WriteRune(c)
		case !digits:
			b.WriteByte('N')
		}
		digits = digit
	}
	return b.String()
}

// A driverCount is one of a driver's counts of lost frames.
type driverCount struct {
	at    int    // among its statistics
	name  string // plain
	place placeOfLoss
}

// lossesAmong picks the counts of lost frames from a driver's names.
func lossesAmong(names []string) (list []driverCount) {
	for i, name := range names {
		name = plainName(name)
		if place, ok := driverLosses[name]; ok {
			list = append(list, driverCount{at: i, name: name, place: place})
		}
	}
	return list
}

// driverLost sums counts: in each place the largest, for drivers have several names for the same frames.
func driverLost(counts []driverCount, values []uint64) (lost uint64) {
	for place := range numPlacesOfLoss {
		byName := map[string]uint64{}
		for _, c := range counts {
			if c.place == place && c.at < len(values) {
				byName[c.name] += values[c.at]
			}
		}
		var most uint64
		for _, n := range byName {
			most = max(most, n)
		}
		lost += most
	}
	return lost
}

// A driverStats asks the driver of an interface.
type driverStats struct {
	fd     int // any socket of the interface's network namespace
	known  bool
	n      int // statistics that the driver has; 0 for none
	counts []driverCount
}

// read gives what the driver of the named interface has lost since it began; false where it does not tell.
func (d *driverStats) read(name string) (uint64, bool) {
	if d.known && len(d.counts) == 0 {
		return 0, false
	}
	n, err := d.number(name)
	if err != nil {
		d.known, d.n, d.counts = true, 0, nil
		return 0, false
	}
	if !d.known || n != d.n { // or its queues have changed
		names := d.names(name, n)
		d.known, d.n, d.counts = names != nil, n, lossesAmong(names)
	}
	if len(d.counts) == 0 {
		return 0, false
	}
	values, ok := d.values(name, n)
	if !ok {
		return 0, false
	}
	return driverLost(d.counts, values), true
}

// number is how many statistics the driver has now.
func (d *driverStats) number(name string) (int, error) {
	b := make([]byte, 20) // struct ethtool_sset_info with room for one count
	ne := binary.NativeEndian
	ne.PutUint32(b, unix.ETHTOOL_GSSET_INFO)
	ne.PutUint64(b[8:], 1<<ethtoolStats)
	if err := ethtool(d.fd, name, b); err != nil {
		return 0, err
	}
	if ne.Uint64(b[8:]) == 0 {
		return 0, nil
	}
	return int(min(ne.Uint32(b[16:]), ethtoolMax)), nil
}

// names are the names of the driver's n statistics; nil where it has another number by now.
func (d *driverStats) names(name string, n int) []string {
	const head = 12 // struct ethtool_gstrings
	ne := binary.NativeEndian
	b := make([]byte, head+spare(n)*ethtoolNameLen)
	ne.PutUint32(b, unix.ETHTOOL_GSTRINGS)
	ne.PutUint32(b[4:], ethtoolStats)
	ne.PutUint32(b[8:], uint32(n))
	if ethtool(d.fd, name, b) != nil || int(ne.Uint32(b[8:])) != n {
		return nil
	}
	list := make([]string, n)
	for i := range list {
		text, _, _ := bytes.Cut(b[head+i*ethtoolNameLen:][:ethtoolNameLen], []byte{0})
		list[i] = string(text)
	}
	return list
}

// values are the driver's n statistics; false where it has another number by now.
func (d *driverStats) values(name string, n int) ([]uint64, bool) {
	const head = 8 // struct ethtool_stats
	ne := binary.NativeEndian
	b := make([]byte, head+spare(n)*8)
	ne.PutUint32(b, unix.ETHTOOL_GSTATS)
	ne.PutUint32(b[4:], uint32(n))
	if ethtool(d.fd, name, b) != nil || int(ne.Uint32(b[4:])) != n {
		d.known = false
		return nil, false
	}
	list := make([]uint64, n)
	for i := range list {
		list[i] = ne.Uint64(b[head+i*8:])
	}
	return list, true
}

// spare is room for n statistics and for those of queues that are added between the question for their
// number and that for their values: kernels before 2026 write as many as there are, whatever they are told.
func spare(n int) int { return 2*n + 4096 }

// ethtool has the kernel answer a request in b, about the named interface.
func ethtool(fd int, name string, b []byte) error {
	var req struct { // struct ifreq with ifr_data
		name [unix.IFNAMSIZ]byte
		data unsafe.Pointer
		_    [24 - unsafe.Sizeof(uintptr(0))]byte
	}
	copy(req.name[:unix.IFNAMSIZ-1], name)
	req.data = unsafe.Pointer(&b[0])
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&req))); errno != 0 {
		return errno
	}
	return nil
}
