package capture

import (
	"encoding/binary"
	"math"
	"math/bits"

	"github.com/netmond/netmond/packet"
)

// Block types (draft-ietf-opsawg-pcapng section 11.1). All others are passed over.
const (
	blockSection   = 0x0a0d0d0a
	blockInterface = 1
	blockPacket    = 2 // obsolete
	blockSimple    = 3
	blockEnhanced  = 6
)

const (
	byteOrderMagic = 0x1a2b3c4d
	blockOverhead  = 12            // type and both lengths
	maxInterfaces  = 65536         // of a section; Packet Blocks and packet.Frame number them in 16 bits
	lookAhead      = minBufferSize // bytes in which firstTime looks
)

// A pcapng reads the blocks of a pcapng file.
type pcapng struct {
	big        bool // byte order of the section
	interfaces []ngInterface
	before     int // interfaces of the sections before this one

	last  int64 // time of the last packet that had one, for those that have none
	timed bool  // last is set

	// A block that is passed over: skip bytes of it, its closing length not included, are to come.
	skipping bool
	skip     uint64
	skipLen  uint32
	skipAt   int64
}

func (p *pcapng) u16(b []byte) uint16 {
	if p.big {
		return binary.BigEndian.Uint16(b)
	}
	return binary.LittleEndian.Uint16(b)
}

func (p *pcapng) u32(b []byte) uint32 {
	v := binary.LittleEndian.Uint32(b)
	if p.big {
		v = bits.ReverseBytes32(v)
	}
	return v
}

// fill is input.fill for a pcapng file.
func (p *pcapng) fill(in *input, dst []packet.Frame, bound int64) ([]packet.Frame, state) {
	s := &in.stream
	var rec ngPacket // each packet block sets every field
	for {
		if p.skipping {
			if st, done := p.passOver(s); !done {
				return dst, st
			}
		}
		b := s.buf[s.r:s.w]
		if len(b) < blockOverhead {
			return dst, p.shortHeader(s, len(b))
		}
		kind := p.u32(b)
		if kind == blockSection && !p.byteOrder(b[8:]) {
			return dst, s.fail(s.offset(), "section header has the byte-order magic % x", b[8:12])
		}
		length := p.u32(b[4:])
		if length < blockOverhead || length%4 != 0 {
			return dst, s.fail(s.offset(), "block of type %#x has a length of %d, which is no block length", kind, length)
		}
		switch kind {
		case blockSection, blockInterface, blockPacket, blockSimple, blockEnhanced:
		default:
			p.skipping, p.skip, p.skipLen, p.skipAt = true, uint64(length-4), length, s.offset()
			continue
		}
		if length > maxBlock {
			return dst, s.fail(s.offset(), "block of type %#x claims %d bytes, more than the limit of %d", kind, length, maxBlock)
		}
		if len(b) < int(length) {
			if !s.short(int(length)) {
				return dst, stateDry
			}
			return dst, s.cut(s.offset(), "block of %d bytes is cut: the file ends after %d", length, len(b))
		}
		b = b[:length:length]
		if tail := p.u32(b[length-4:]); tail != length {
			return dst, s.fail(s.offset(), "block begins with a length of %d and ends with %d", length, tail)
		}
		body := b[8 : length-4]
		var err error
		switch kind {
		case blockSection:
			err = p.section(body)
		case blockInterface:
			err = p.describe(body)
		default:
			if kind == blockSimple && !p.timed {
				if s.w-s.r < lookAhead && !s.short(lookAhead) {
					return dst, stateDry
				}
				ahead := s.buf[s.r:min(s.r+lookAhead, s.w)]
				p.last, p.timed = p.firstTime(ahead[min(int(length), len(ahead)):]), true
			}
			err = p.packet(kind, body, &rec)
		}
		if err != nil {
			return dst, s.fail(s.offset(), "%w", err)
		}
		if kind != blockSection && kind != blockInterface {
			in.next, p.last, p.timed = rec.time, rec.time, true
			switch {
			case rec.time > bound:
				return dst, stateLater
			case len(dst) == cap(dst):
				return dst, stateFull
			}
			if !rec.iface.given {
				rec.iface.given = true
				in.unknown.note(rec.iface.link)
			}
			wire, captured := lengths(rec.wire, uint32(len(rec.data)), rec.fcs)
			dst = append(dst, packet.Frame{})
			f := &dst[len(dst)-1] // filled in place, as in blockParser.parse
			f.Data = rec.data[:captured:captured]
			f.Time, f.WireLen, f.Link = rec.time, wire, rec.iface.link
			f.Interface = uint16(min(p.before+rec.id, math.MaxUint16))
		}
		s.r += int(length)
	}
}

// firstTime looks for the first packet with a time in the blocks that lie ahead, for a file that
// begins with packets that have none; 0 when there is none. It is called once per file.
func (p *pcapng) firstTime(b []byte) int64 {
	for len(b) >= blockOverhead {
		kind, length := p.u32(b), p.u32(b[4:])
		if kind == blockSection || length < blockOverhead || length%4 != 0 || int64(length) > int64(len(b)) {
			break // also where a section may begin that has another byte order
		}
		if kind == blockEnhanced || kind == blockPacket {
			var rec ngPacket
			if p.packet(kind, b[8:length-4], &rec) != nil {
				break
			}
			return rec.time
		}
		b = b[length:]
	}
	return 0
}

// byteOrder takes a section's byte order from its magic.
func (p *pcapng) byteOrder(b []byte) bool {
	switch {
	case binary.LittleEndian.Uint32(b) == byteOrderMagic:
		p.big = false
	case binary.BigEndian.Uint32(b) == byteOrderMagic:
		p.big = true
	default:
		return false
	}
	return true
}

// passOver consumes a block that is not looked into, through whatever window there is.
func (p *pcapng) passOver(s *stream) (st state, done bool) {
	n := min(uint64(s.w-s.r), p.skip)
	s.r += int(n)
	p.skip -= n
	if left := s.w - s.r; p.skip > 0 || left < 4 {
		if !s.short(4) {
			return stateDry, false
		}
		have := uint64(p.skipLen) - 4 - p.skip + uint64(left)
		return s.cut(p.skipAt, "block of %d bytes is cut: the file ends after %d", p.skipLen, have), false
	}
	if tail := p.u32(s.buf[s.r:]); tail != p.skipLen {
		return s.fail(p.skipAt, "block begins with a length of %d and ends with %d", p.skipLen, tail), false
	}
	s.r += 4
	p.skipping = false
	return 0, true
}

func (p *pcapng) shortHeader(s *stream, have int) state {
	switch {
	case !s.short(blockOverhead):
		return stateDry
	case have == 0:
		return s.end()
	}
	return s.cut(s.offset(), "block header is cut: the file ends after %d bytes", have)
}
