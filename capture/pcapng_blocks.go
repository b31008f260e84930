package capture

import (
	"errors"
	"fmt"

	"github.com/netmond/netmond/packet"
)

// Option codes (draft-ietf-opsawg-pcapng sections 3.5, 4.2 and 4.3).
const (
	optEnd       = 0
	optEPBFlags  = 2
	optTSResol   = 9
	optFCSLen    = 13
	optTSOffset  = 14
	sectionFixed = 16 // byte-order magic, version, section length
)

// An ngInterface is what later blocks of the section need of an Interface Description Block.
type ngInterface struct {
	link    packet.LinkType
	snaplen uint32
	fcs     uint32 // bytes
	clock   ngClock
	given   bool // a frame of it was handed over
}

// An ngPacket is a frame of any packet block.
type ngPacket struct {
	iface *ngInterface
	id    int // of iface in its section
	time  int64
	wire  uint32
	fcs   uint32
	data  []byte
}

// section reads a Section Header Block, whose interfaces begin anew.
func (p *pcapng) section(body []byte) error {
	if len(body) < sectionFixed {
		return fmt.Errorf("section header of %d bytes is too short", len(body)+blockOverhead)
	}
	if major, minor := p.u16(body[4:]), p.u16(body[6:]); major != 1 {
		return fmt.Errorf("pcapng version %d.%d is not supported, only 1.x is", major, minor)
	}
	p.before += len(p.interfaces)
	p.interfaces = p.interfaces[:0]
	return p.options(body[sectionFixed:], func(uint16, []byte) error { return nil })
}

// describe reads an Interface Description Block.
func (p *pcapng) describe(body []byte) error {
	if len(body) < 8 {
		return fmt.Errorf("interface description of %d bytes is too short", len(body)+blockOverhead)
	}
	if len(p.interfaces) == maxInterfaces {
		return fmt.Errorf("more than %d interfaces in one section", maxInterfaces)
	}
	i := ngInterface{link: packet.LinkType(p.u16(body)), snaplen: p.u32(body[4:])}
	resolution, offset := byte(6), int64(0) // microseconds unless said otherwise
	err := p.options(body[8:], func(code uint16, value []byte) error {
		want := 1
		if code == optTSOffset {
			want = 8
		}
		switch code {
		case optTSResol, optFCSLen, optTSOffset:
			if len(value) != want {
				return fmt.Errorf("interface option %d has %d bytes instead of %d", code, len(value), want)
			}
		}
		switch code {
		case optTSResol:
			resolution = value[0]
		case optFCSLen:
			i.fcs = fcsBytes(value[0])
		case optTSOffset:
			first, second := uint64(p.u32(value)), uint64(p.u32(value[4:]))
			if p.big {
				first, second = second, first
			}
			offset = int64(second<<32 | first)
		}
		return nil
	})
	if err != nil {
		return err
	}
	i.clock = newNGClock(resolution, offset)
	p.interfaces = append(p.interfaces, i)
	return nil
}

// fcsBytes reads if_fcslen: the draft says bits, its example and most writers mean bytes. No FCS is
// longer than 8 bytes or shorter than 16 bits, so the two do not overlap.
func fcsBytes(v byte) uint32 {
	if v > 8 {
		return uint32(v) / 8
	}
	return uint32(v)
}

var errShortPacket = errors.New("packet block is too short for its own fields")

// packet reads a packet block of any type into rec. A Simple Packet Block has no time: it gets that
// of the packet before it. rec goes by reference for speed: by value it is nine words a packet.
func (p *pcapng) packet(kind uint32, body []byte, rec *ngPacket) error {
	var captured uint32
	fixed := 20
	switch kind {
	case blockSimple:
		fixed = 4
		if len(body) < fixed {
			return errShortPacket
		}
		rec.id, rec.wire = 0, p.u32(body)
	case blockPacket, blockEnhanced:
		if len(body) < fixed {
			return errShortPacket
		}
		rec.id = int(p.u32(body))
		if kind == blockPacket {
			rec.id = int(p.u16(body))
		}
		captured, rec.wire = p.u32(body[12:]), p.u32(body[16:])
	}
	if rec.id >= len(p.interfaces) {
		return fmt.Errorf("packet of interface %d, of which the section has %d", rec.id, len(p.interfaces))
	}
	i := &p.interfaces[rec.id]
	rec.iface, rec.fcs, rec.time = i, i.fcs, p.last
	if kind == blockSimple {
		captured = rec.wire
		if i.snaplen != 0 {
			captured = min(captured, i.snaplen)
		}
	} else {
		rec.time = i.clock.time(uint64(p.u32(body[4:]))<<32 | uint64(p.u32(body[8:])))
	}
	room := len(body) - fixed
	if uint64(captured) > uint64(room) {
		return fmt.Errorf("packet block with room for %d bytes claims %d captured", room, captured)
	}
	rec.data = body[fixed : fixed+int(captured)]
	if rest := body[fixed+int(captured+3)&^3:]; len(rest) >= 4 && kind != blockSimple {
		p.packetFlags(rest, rec)
	}
	return nil
}

// packetFlags takes the FCS length from a packet's flags, which stand before the interface's. The
// packet is whole whatever its options say, so nonsense in them is no fault.
func (p *pcapng) packetFlags(options []byte, rec *ngPacket) {
	for len(options) >= 4 {
		code, n := p.u16(options), int(p.u16(options[2:]))
		options = options[4:]
		if code == optEnd || n > len(options) {
			return
		}
		if code == optEPBFlags && n == 4 {
			if fcs := p.u32(options) >> 5 & 0xf; fcs != 0 { // 0: not known
				rec.fcs = fcs
			}
			return
		}
		options = options[min((n+3)&^3, len(options)):]
	}
}

// options calls each for every option and checks that all lie within their block.
func (p *pcapng) options(b []byte, each func(code uint16, value []byte) error) error {
	for len(b) > 0 {
		if len(b) < 4 {
			return fmt.Errorf("option list ends with %d loose bytes", len(b))
		}
		code, n := p.u16(b), int(p.u16(b[2:]))
		if b = b[4:]; code == optEnd {
			return nil
		}
		if n > len(b) {
			return fmt.Errorf("option %d claims %d bytes where the block has %d left", code, n, len(b))
		}
		if err := each(code, b[:n]); err != nil {
			return err
		}
		b = b[min((n+3)&^3, len(b)):]
	}
	return nil
}
