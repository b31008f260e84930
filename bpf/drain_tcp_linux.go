//go:build linux && (amd64 || arm64)

package bpf

import (
	"math"
	"sync/atomic"
	"unsafe"

	"github.com/netmond/netmond/packet"
)

// connection adds what the TCP connection of f showed, and gives the flow's bits.
func (p *Program) connection(s *packet.Sample, f *flow, seen *flowSeen, now instant, final bool) uint16 {
	d := &p.drain
	state := (*uint32)(unsafe.Pointer(&f.Bits)) // with the flags of both directions
	if s.Key.Proto != 6 {
		return uint16(atomic.LoadUint32(state))
	}
	more := (*uint32)(unsafe.Pointer(&f.Samples)) // with reopens in the upper half
	var word uint32
	var rtts [2]uint16
	var sums [2]uint32
	var ills healthSeen
	for try := 0; ; try++ {
		reopens := uint16(atomic.LoadUint32(more) >> 16)
		word = atomic.LoadUint32(state)
		rtts, sums, ills = [2]uint16{}, [2]uint32{}, healthSeen{}
		for role, rtt := range [2]uint32{atomic.LoadUint32(&f.Server), atomic.LoadUint32(&f.Client)} {
			if rtt != 0 {
				rtts[role], sums[role] = 1, rtt
			}
		}
		if n := atomic.LoadUint32(&f.Trouble); n != 0 && int(n) <= len(p.maps.troubles) {
			t := &p.maps.troubles[n-1]
			for dir := range 2 {
				for what := range t.Counts[dir] {
					ills[dir][what] = atomic.LoadUint32(&t.Counts[dir][what])
				}
				if word&(fGap<<dir) != 0 {
					if g := &t.Gap[dir]; final || passed(now.micros()-atomic.LoadUint32(&g.At), f.reorder()) {
						// The programs count it when the direction's next packet comes.
						ills[dir][illLost] += f.lostPackets(dir, atomic.LoadUint32(&g.Missing))
					} else {
						seen.bits |= seenAgain
					}
				}
				rtts[dir] += uint16(atomic.LoadUint32(&t.RTTSamples[dir]))
				sums[dir] += uint32(atomic.LoadUint64(&t.RTTSum[dir]))
			}
			if uint16(atomic.LoadUint32(more)>>16) == reopens {
				before := &d.health[n-1]
				for dir := range 2 {
					s.Health[dir] = packet.Health{
						Retransmissions: gainedIll(before, &ills, dir, illRetransmission),
						OutOfOrder:      gainedIll(before, &ills, dir, illOutOfOrder),
						Lost:            gainedIll(before, &ills, dir, illLost),
						KeepAlives:      gainedIll(before, &ills, dir, illKeepAlive),
						ZeroWindows:     gainedIll(before, &ills, dir, illZeroWindow),
					}
				}
			}
		}
		if uint16(atomic.LoadUint32(more)>>16) == reopens || try == 3 {
			s.Reopened = uint32(reopens - seen.reopens)
			seen.reopens = reopens
			break
		}
	}
	s.TCPFlags = [2]uint8{uint8(word >> 16), uint8(word >> 24)}
	s.ServerRTTSamples, s.ServerRTT = seen.gainedRTT(0, rtts[0], sums[0])
	s.ClientRTTSamples, s.ClientRTT = seen.gainedRTT(1, rtts[1], sums[1])
	return uint16(word)
}

// Indexes of trouble.Counts: enum ill.
const (
	illRetransmission = iota
	illOutOfOrder
	illLost
	illKeepAlive
	illZeroWindow
)

// gainedIll moves one count forward. A count never goes back: what a look at half of a change saw too
// much of is made up for by the next.
func gainedIll(before, now *healthSeen, dir, what int) uint64 {
	n := int32(now[dir][what] - before[dir][what])
	if n <= 0 {
		return 0
	}
	before[dir][what] = now[dir][what]
	return uint64(n)
}

// gainedRTT moves the handshakes of one role forward: samples, and their sum in ns.
func (seen *flowSeen) gainedRTT(role int, n uint16, sum uint32) (uint32, int64) {
	gained, micros := int16(n-seen.rtts[role]), sum-seen.rttSum[role]
	if gained <= 0 {
		return 0, 0
	}
	seen.rtts[role], seen.rttSum[role] = n, sum
	return uint32(gained), int64(micros) * 1000
}

// The arithmetic of gaps, as in health.h and package flows.
const (
	defaultReorder = 3000
	maxReorder     = 1e6
	maxLostPerGap  = 65535
	defaultMSS     = 536
)

func passed(age, window uint32) bool { return age > window && age < math.MaxInt32 }

func (f *flow) reorder() uint32 {
	server, client := atomic.LoadUint32(&f.Server), atomic.LoadUint32(&f.Client)
	if server == 0 || client == 0 {
		return defaultReorder
	}
	return min(server+client, maxReorder)
}

func (f *flow) lostPackets(dir int, missing uint32) uint32 {
	if missing == 0 {
		return 0
	}
	both := atomic.LoadUint32((*uint32)(unsafe.Pointer(&f.MSS)))
	size := both >> (16 * dir) & 0xffff
	if size == 0 {
		size = defaultMSS
	}
	return min((missing-1)/size+1, maxLostPerGap)
}
