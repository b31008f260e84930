package capture

import (
	"encoding/binary"
	"math/bits"

	"github.com/netmond/netmond/packet"
)

// Magic numbers of a pcap file in its own byte order.
const (
	magicMicro    = 0xa1b2c3d4
	magicNano     = 0xa1b23c4d
	magicModified = 0xa1b2cd34 // Linux 2.2's tcpdump: interface, protocol and type after the lengths
)

const (
	pcapHeaderLen     = 24
	recordHeaderLen   = 16
	modifiedHeaderLen = 24
)

// The upper bits of a link type field (pcap/pcap.h of libpcap).
const (
	linkReserved = 0x03ff0000
	linkFCSKnown = 0x04000000
	linkFCSShift = 28 // the FCS length in units of 16 bits
)

// A pcap reads the records of a pcap file.
type pcap struct {
	swapped bool  // the file's byte order is big endian
	unit    int64 // ns in a unit of the sub-second field
	head    int   // bytes of a record header

	link    packet.LinkType
	fcs     uint32
	lengths lengthOrder
	given   bool // a frame was handed over
}

// lengthOrder is how a record header holds its two lengths: files before version 2.4 may have the
// original length first.
type lengthOrder uint8

const (
	lengthsStraight    lengthOrder = iota
	lengthsEither                  // 2.3: the smaller is the captured length
	lengthsInterchange             // before 2.3
)

// newPcap is the reader for a file that begins with magic, or nil.
func newPcap(magic []byte) *pcap {
	m := binary.LittleEndian.Uint32(magic)
	for _, swapped := range []bool{false, true} {
		switch m {
		case magicMicro:
			return &pcap{swapped: swapped, unit: 1000, head: recordHeaderLen}
		case magicNano:
			return &pcap{swapped: swapped, unit: 1, head: recordHeaderLen}
		case magicModified:
			return &pcap{swapped: swapped, unit: 1000, head: modifiedHeaderLen}
		}
		m = bits.ReverseBytes32(m)
	}
	return nil
}

// header reads the file header at the start of s; false, with s.fault set, where it is refused.
func (p *pcap) header(s *stream) bool {
	s.want = pcapHeaderLen
	s.refill()
	if s.w < pcapHeaderLen {
		s.cut(0, "pcap file header is cut: the file ends after %d of its %d bytes", s.w, pcapHeaderLen)
		return false
	}
	var order binary.ByteOrder = binary.LittleEndian
	if p.swapped {
		order = binary.BigEndian
	}
	major, minor := order.Uint16(s.buf[4:]), order.Uint16(s.buf[6:])
	if major != 2 {
		s.fail(0, "pcap version %d.%d is not supported, only 2.x is", major, minor)
		return false
	}
	switch {
	case minor < 3:
		p.lengths = lengthsInterchange
	case minor == 3:
		p.lengths = lengthsEither
	}
	field := order.Uint32(s.buf[20:])
	if reserved := field & linkReserved; reserved != 0 {
		s.fail(0, "reserved bits %#x are set in the link type field", reserved)
		return false
	}
	p.link = packet.LinkType(field)
	if field&linkFCSKnown != 0 {
		p.fcs = field >> linkFCSShift * 2
	}
	s.r = pcapHeaderLen
	return true
}

// fill is input.fill for a pcap file.
func (p *pcap) fill(in *input, dst []packet.Frame, bound int64) ([]packet.Frame, state) {
	s := &in.stream
	for {
		rec := s.buf[s.r:s.w]
		if len(rec) < p.head {
			return dst, p.shortHeader(s, len(rec))
		}
		seconds, fraction := binary.LittleEndian.Uint32(rec), binary.LittleEndian.Uint32(rec[4:])
		captured, wire := binary.LittleEndian.Uint32(rec[8:]), binary.LittleEndian.Uint32(rec[12:])
		if p.swapped {
			seconds, fraction = bits.ReverseBytes32(seconds), bits.ReverseBytes32(fraction)
			captured, wire = bits.ReverseBytes32(captured), bits.ReverseBytes32(wire)
		}
		if p.lengths != lengthsStraight && (p.lengths == lengthsInterchange || captured > wire) {
			captured, wire = wire, captured
		}
		if captured > maxRecord {
			return dst, s.fail(s.offset(), "record claims %d captured bytes, more than the limit of %d", captured, maxRecord)
		}
		end := p.head + int(captured)
		if len(rec) < end {
			return dst, p.shortRecord(s, captured, len(rec)-p.head)
		}
		in.next = int64(seconds)*1e9 + int64(fraction)*p.unit
		switch {
		case in.next > bound:
			return dst, stateLater
		case len(dst) == cap(dst):
			return dst, stateFull
		}
		wire, captured = lengths(wire, captured, p.fcs)
		dst = append(dst, packet.Frame{})
		f := &dst[len(dst)-1] // filled in place, as in blockParser.parse
		f.Data = rec[p.head : p.head+int(captured) : p.head+int(captured)]
		f.Time, f.WireLen, f.Link = in.next, wire, p.link
		s.r += end
	}
}

func (p *pcap) shortHeader(s *stream, have int) state {
	switch {
	case !s.short(p.head):
		return stateDry
	case have == 0:
		return s.end()
	}
	return s.cut(s.offset(), "record header is cut: the file ends after %d of its %d bytes", have, p.head)
}

func (p *pcap) shortRecord(s *stream, captured uint32, have int) state {
	if !s.short(p.head + int(captured)) {
		return stateDry
	}
	return s.cut(s.offset(), "record of %d bytes is cut: the file ends after %d", captured, have)
}

// lengths takes an FCS off a frame that has one on the wire, and off the captured bytes as far as it
// is in them. Bytes captured beyond the wire length are no part of the frame.
func lengths(wire, captured, fcs uint32) (uint32, uint32) {
	if wire >= fcs {
		wire -= fcs
	}
	return wire, min(captured, wire)
}
