package localnets

import (
	"cmp"
	"slices"
	"time"
)

// maxHandshakeRTT is ntopng's bound: a slower answer says more about the end than about the path.
const maxHandshakeRTT = int64(5 * time.Second)

// rttPercent is the weight of a new sample in RTT.EWMAMillis, in per cent.
const rttPercent = 15

// maxLatelyRTT bounds the samples that wait for their turn in the moving averages, 16 bytes each.
const maxLatelyRTT = 1 << 16

// A handshakeRTT is a sample that is not yet in its network's moving average. Averages depend on the order
// of samples, and a fold brings them in the order of the flow table, which is drawn at random. So they
// wait until the fold is over and go in by time: what the same frames give is the same every time.
type handshakeRTT struct {
	time int64
	slot int32
	role role // the server's goes first
	ms   uint16
}

// A role is whose side of the tap a handshake's round trip was spent on.
type role uint8

const (
	roleServer role = iota
	roleClient
)

// addHandshake takes one handshake sample (ns) of the network in slot. A sample that is not positive or
// over 5 s is dropped. r.mu is held.
func (r *Registry) addHandshake(t *RTT, slot int32, whose role, sample, time int64) {
	if sample <= 0 || sample > maxHandshakeRTT {
		return
	}
	if t.ServerSamples+t.ClientSamples == 0 {
		t.Min = sample
	}
	t.Min = min(t.Min, sample)
	t.Max = max(t.Max, sample)
	if whose == roleServer {
		t.ServerSum += sample
		t.ServerSamples++
	} else {
		t.ClientSum += sample
		t.ClientSamples++
	}
	if len(r.lately) == maxLatelyRTT {
		r.averageLocked()
	}
	r.lately = append(r.lately, handshakeRTT{time: time, slot: slot, role: whose, ms: uint16(sample / 1e6)})
}

// averageLocked takes the samples that wait into the moving averages; r.mu is held. Which of two equal ones
// goes first changes nothing.
func (r *Registry) averageLocked() {
	slices.SortFunc(r.lately, func(a, b handshakeRTT) int {
		return cmp.Or(cmp.Compare(a.time, b.time), cmp.Compare(a.role, b.role), cmp.Compare(a.ms, b.ms))
	})
	for i := range r.lately {
		if c := r.countersOf(r.lately[i].slot); c != nil {
			c.stats.RTT.average(int64(r.lately[i].ms))
		}
	}
	r.lately = r.lately[:0]
}

func (r *RTT) average(ms int64) {
	if r.EWMAMillis == 0 {
		r.EWMAMillis = ms
		return
	}
	r.EWMAMillis = (rttPercent*ms + (100-rttPercent)*r.EWMAMillis) / 100
}

// addAck takes the sum of samples (ns) of data to its acknowledgement.
func (r *RTT) addAck(sum int64, samples uint64) {
	if sum <= 0 || samples == 0 {
		return
	}
	r.AckSum += sum
	r.AckSamples += samples
}
