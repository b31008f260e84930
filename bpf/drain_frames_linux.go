//go:build linux && (amd64 || arm64)

package bpf

import (
	"time"
	"unsafe"

	"github.com/netmond/netmond/packet"
)

// Wait sleeps until a frame waits in the ring or timeout has passed, and reports which.
func (p *Program) Wait(timeout time.Duration) (bool, error) { return p.ring.wait(timeout) }

// DrainFrames hands over the frames that wait in the ring: to be called when Wait says so.
func (p *Program) DrainFrames(sink Sink) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.drainFrames(sink)
}

// drainFrames hands over what the ring holds now.
func (p *Program) drainFrames(sink Sink) {
	d := &p.drain
	pos, end := *p.ring.position(), p.ring.produced()
	offset := p.clock().offset
	for pos < end {
		d.frames, d.payloads, d.entries = d.frames[:0], d.payloads[:0], d.entries[:0]
		for pos < end && len(d.frames)+len(d.payloads) < frameBatch {
			rec, after, ok := p.ring.next(pos)
			if !ok {
				end = pos
				break
			}
			pos = after
			if rec != nil {
				d.take(rec, offset)
			}
		}
		if len(d.frames) > 0 {
			sink.Process(&packet.Block{Frames: d.frames})
		}
		if len(d.payloads) > 0 {
			sink.Classify(d.payloads)
			p.stop()
		}
		p.ring.release(pos)
	}
}

// take reads a record of the ring.
func (d *drainState) take(rec []byte, offset int64) {
	const head = int(unsafe.Sizeof(record{}))
	if len(rec) < head {
		return
	}
	r := (*record)(unsafe.Pointer(&rec[0]))
	f := packet.Frame{
		Data: rec[head:min(head+int(r.CapLen), len(rec))], Time: int64(r.Time) + offset, WireLen: r.WireLen,
		VLANTPID: r.VLANTPID, VLANTCI: r.VLANTCI, Link: packet.LinkEthernet,
	}
	if r.Kind == kindUncounted {
		d.frames = append(d.frames, f)
		return
	}
	d.payloads = append(d.payloads, packet.Payload{Frame: f, Client: r.Client})
	d.entries = append(d.entries, r.Flow)
}

// stop tells the programs which flows need not show more.
func (p *Program) stop() {
	for i := range p.drain.payloads {
		pl := &p.drain.payloads[i]
		n := p.drain.entries[i]
		if !pl.Done || int(n) >= len(p.maps.flows) {
			continue
		}
		if f := &p.maps.flows[n]; f.Key == pl.Key {
			f.Stop = 1
		}
	}
}
