package localnets

import "time"

// maxHandshakeRTT is ntopng's bound: a slower answer says more about the end than about the path.
const maxHandshakeRTT = int64(5 * time.Second)

// rttPercent is the weight of a new sample in RTT.EWMAMillis, in per cent.
const rttPercent = 15

// addHandshake takes one handshake sample (ns) into the averages and extremes, and adds it to the
// sum and count that belong to its role. A sample that is not positive or over 5 s is dropped.
func (r *RTT) addHandshake(sample int64, sum *int64, samples *uint64) {
	if sample <= 0 || sample > maxHandshakeRTT {
		return
	}
	millis := sample / int64(time.Millisecond)
	if r.EWMAMillis == 0 {
		r.EWMAMillis = millis
	} else {
		r.EWMAMillis = (rttPercent*millis + (100-rttPercent)*r.EWMAMillis) / 100
	}
	if r.ServerSamples+r.ClientSamples == 0 {
		r.Min = sample
	}
	r.Min = min(r.Min, sample)
	r.Max = max(r.Max, sample)
	*sum += sample
	*samples++
}

// addAck takes the sum of samples (ns) of data to its acknowledgement.
func (r *RTT) addAck(sum int64, samples uint64) {
	if sum <= 0 || samples == 0 {
		return
	}
	r.AckSum += sum
	r.AckSamples += samples
}
