//go:build linux && (amd64 || arm64)

package bpf

import (
	"sync/atomic"
	"time"
)

const (
	maxAutoRate = 1 << 12
	// calmDrains is how long the table must be half empty, and the drain cheap, before twice as many
	// flows are tracked again.
	calmDrains = 10
	// dearDrain is a drain that takes a third of the second between two.
	dearDrain = 300 * time.Millisecond
)

// initialRate is the number of flows of which one is tracked at first; 0 none.
func (p *Program) initialRate() int {
	switch p.cfg.Detail {
	case DetailOff:
		return 0
	case DetailSampled:
		return p.cfg.SampleRate
	}
	return 1
}

// setTrack makes the programs track one flow in rate. Which ones depends on their hash alone: a flow is
// tracked whole or not at all, and those of a higher rate are among those of a lower.
func (p *Program) setTrack(rate int) {
	p.drain.rate = rate
	track := uint64(0)
	if rate > 0 {
		track = 1 << 32 / uint64(rate)
	}
	atomic.StoreUint64(&p.maps.control[0].Track, track)
}

// adapt chooses the rate of DetailAuto: half as many flows when some found no place or the drain is
// dear, twice as many after a time of calm.
func (p *Program) adapt(took time.Duration) {
	d := &p.drain
	full := d.sum.MapFull.Packets - d.lastFull
	d.lastFull = d.sum.MapFull.Packets
	if p.cfg.Detail != DetailAuto {
		return
	}
	switch {
	case (full > 0 || took > dearDrain) && d.rate < maxAutoRate:
		d.calm = 0
		p.setTrack(2 * d.rate)
		p.log.Warn("fewer flows are tracked; networks stay exact", "one_in", d.rate, "packets_without_flow", full, "drain", took)
	case full == 0 && took < dearDrain/3 && p.free()*2 > len(p.maps.flows) && d.rate > 1:
		if d.calm++; d.calm >= calmDrains {
			d.calm = 0
			p.setTrack(d.rate / 2)
			p.log.Info("more flows are tracked", "one_in", d.rate)
		}
	default:
		d.calm = 0
	}
}
