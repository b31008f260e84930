//go:build linux && (amd64 || arm64)

package bpf

import (
	"sync/atomic"
	"unsafe"

	"github.com/netmond/netmond/packet"
)

// words are the counters of a cell, in its order.
type words = [unsafe.Sizeof(cell{}) / 8]uint64

const (
	wordLast  = 0
	wordFirst = 1
	wordRest  = 2 // from here on counters
)

// readTotals fills drain.totals with what was counted since the last time.
func (p *Program) readTotals(now instant) {
	t := &p.drain.totals
	*t = packet.Totals{Networks: t.Networks[:0]}
	for i := range p.drain.cells {
		p.readCell(i, t, now)
	}
	p.readCPUs(t, now)
}

// readCell sums one cell over the CPUs.
func (p *Program) readCell(i int, t *packet.Totals, now instant) {
	d := &p.drain
	var sum words
	touched := false
	for cpu := range p.cpus {
		w := (*words)(unsafe.Pointer(&p.maps.cells[cpu*len(d.cells)+i]))
		first := atomic.LoadUint64(&w[wordFirst])
		if first == 0 {
			continue
		}
		touched = true
		extend(&sum[wordFirst], &sum[wordLast], first, atomic.LoadUint64(&w[wordLast]))
		// From the last: parts are read before what they are parts of.
		for k := len(w) - 1; k >= wordRest; k-- {
			sum[k] += atomic.LoadUint64(&w[k])
		}
	}
	if !touched {
		return
	}
	before := (*words)(unsafe.Pointer(&d.cells[i]))
	c := (*cell)(unsafe.Pointer(&sum))
	old := d.cells[i]
	gained := false
	for k := wordRest; k < len(sum); k++ {
		gained = gained || sum[k] != before[k]
	}
	if !gained {
		return
	}
	src, dst, is6 := p.ends(i)
	t.Networks = append(t.Networks, packet.NetworkCounts{Src: src, Dst: dst})
	n := &t.Networks[len(t.Networks)-1]
	for l4 := range c.L4 {
		n.L4[l4] = gainedCounts(c.L4[l4], old.L4[l4])
		if src == packet.OtherNetwork {
			continue // counted at the sender
		}
		if is6 {
			addTally(&t.IPv6, n.L4[l4])
		} else {
			addTally(&t.IPv4, n.L4[l4])
		}
	}
	n.Broadcast = gainedCounts(c.Broadcast, old.Broadcast)
	n.AckRTT, n.AckRTTSamples = int64(c.AckRTT-old.AckRTT)*1000, c.AckSamples-old.AckSamples
	n.TCPPackets = n.L4[0].Packets - min(c.NoHeader-old.NoHeader, n.L4[0].Packets)
	n.SYN, n.SYNACK = c.SYN-old.SYN, c.SYNACK-old.SYNACK
	n.Health = packet.Health{
		Retransmissions: c.Retransmissions - old.Retransmissions,
		OutOfOrder:      c.OutOfOrder - old.OutOfOrder,
		Lost:            c.Lost - old.Lost,
		KeepAlives:      c.KeepAlives - old.KeepAlives,
		ZeroWindows:     c.ZeroWindow - old.ZeroWindow,
	}
	d.cells[i] = *c
	extendWall(t, int64(c.First)+now.offset, int64(c.Last)+now.offset)
}

// ends are the networks of cell i, and whether their addresses are IPv6.
func (p *Program) ends(i int) (src, dst int32, is6 bool) {
	d := &p.drain
	if i < cellNetworks {
		return packet.OutsideNetwork, packet.OutsideNetwork, i >= cellTransitV6
	}
	i -= cellNetworks
	if n := i / cellsPerNetwork; n < p.maxNetworks() {
		id := int32(n)
		is6 = n < len(d.is6) && d.is6[n]
		switch i % cellsPerNetwork {
		case 0:
			return id, packet.OutsideNetwork, is6
		case 1:
			return packet.OutsideNetwork, id, is6
		case 4:
			return id, packet.OtherNetwork, is6
		case 5:
			return packet.OtherNetwork, id, is6
		}
		return id, id, is6
	}
	i -= cellsPerNetwork * p.maxNetworks()
	pair := atomic.LoadUint64(&p.maps.pairs[i/2])
	src, dst = int32(pair>>32), int32(uint32(pair))-1
	is6 = int(src) < len(d.is6) && d.is6[src]
	if i%2 != 0 {
		src, dst = dst, src
	}
	return src, dst, is6
}

func (p *Program) maxNetworks() int { return len(p.maps.broadcasts) / 2 }

// readCPUs sums what is in no cell.
func (p *Program) readCPUs(t *packet.Totals, now instant) {
	d := &p.drain
	var sum cpuCounts
	for i := range p.maps.cpus {
		from := (*[unsafe.Sizeof(cpuCounts{}) / 8]uint64)(unsafe.Pointer(&p.maps.cpus[i]))
		to := (*[unsafe.Sizeof(cpuCounts{}) / 8]uint64)(unsafe.Pointer(&sum))
		if first := atomic.LoadUint64(&from[wordFirst]); first != 0 {
			extend(&to[wordFirst], &to[wordLast], first, atomic.LoadUint64(&from[wordLast]))
		}
		for k := wordRest; k < len(from); k++ {
			to[k] += atomic.LoadUint64(&from[k])
		}
	}
	t.NonIP = gainedCounts(sum.NonIP, d.sum.NonIP)
	t.Fragments = sum.Fragments - d.sum.Fragments
	for i := range sum.Refused {
		addTally(&t.Undecoded[packet.ReasonRingFull], gainedCounts(sum.Refused[i], d.sum.Refused[i]))
	}
	d.sum = sum
	if sum.First != 0 {
		extendWall(t, int64(sum.First)+now.offset, int64(sum.Last)+now.offset)
	}
}

func gainedCounts(now, before counts) packet.Tally {
	return packet.Tally{Packets: now.Packets - before.Packets, Bytes: now.Bytes - before.Bytes}
}

func addTally(t *packet.Tally, n packet.Tally) {
	t.Packets += n.Packets
	t.Bytes += n.Bytes
}

// extend widens [first, last], where first 0 is none, by another.
func extend(first, last *uint64, otherFirst, otherLast uint64) {
	if *first == 0 || otherFirst < *first {
		*first = otherFirst
	}
	*last = max(*last, otherLast)
}

func extendWall(t *packet.Totals, first, last int64) {
	if t.First == 0 && t.Last == 0 {
		t.First, t.Last = first, last
		return
	}
	t.First, t.Last = min(t.First, first), max(t.Last, last)
}
