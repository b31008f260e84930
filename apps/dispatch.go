package apps

import "math/bits"

// firstBytes is a set of bytes.
type firstBytes func(c byte) bool

// ports lists ports.
func ports(list ...uint16) []uint16 { return list }

func noByte(byte) bool  { return false }
func anyByte(byte) bool { return true }

// span is the bytes from first to last.
func span(first, last byte) firstBytes {
	return func(c byte) bool { return first <= c && c <= last }
}

// bytesOf is the bytes of list.
func bytesOf(list ...byte) firstBytes {
	return func(c byte) bool {
		for _, l := range list {
			if c == l {
				return true
			}
		}
		return false
	}
}

// A dispatch finds the detectors to ask about a packet: 64 at most, each a bit, the first one the
// lowest.
type dispatch struct {
	detectors []detector
	first     [256]uint64       // by the payload's first byte
	ports     map[uint16]uint64 // by port; holds few of them
	known     [1 << 16 / 64]uint64
}

func newDispatch(rules []rule) *dispatch {
	d := &dispatch{ports: map[uint16]uint64{}}
	for i, r := range rules {
		bit := uint64(1) << i
		d.detectors = append(d.detectors, r.detector)
		for c := range d.first {
			if r.first(byte(c)) {
				d.first[c] |= bit
			}
		}
		for _, port := range r.ports {
			d.ports[port] |= bit
			d.known[port/64] |= 1 << (port % 64)
		}
	}
	return d
}

// ask gives the first answer about p, which has a payload.
func (d *dispatch) ask(p Packet) match {
	asked := d.first[p.Payload[0]]
	if d.known[p.SrcPort/64]>>(p.SrcPort%64)&1 != 0 {
		asked |= d.ports[p.SrcPort]
	}
	if d.known[p.DstPort/64]>>(p.DstPort%64)&1 != 0 {
		asked |= d.ports[p.DstPort]
	}
	for ; asked != 0; asked &= asked - 1 {
		if m := d.detectors[bits.TrailingZeros64(asked)&63](p); m.id != Unknown {
			return m
		}
	}
	return match{}
}
