package pcaptest

import (
	"bytes"
	"encoding/binary"
	"io"

	"github.com/netmond/netmond/packet"
)

// An Interface is what an Interface Description Block says. The zero Resolution is nanoseconds.
type Interface struct {
	Link       packet.LinkType
	Snaplen    uint32
	Resolution byte  // if_tsresol as written; 0 stands for 9 (nanoseconds)
	Offset     int64 // if_tsoffset, seconds
	FCS        byte  // if_fcslen as written; 0 leaves the option out
}

// PcapngOptions are the choices of a pcapng section. Without Interfaces there is one Ethernet
// interface.
type PcapngOptions struct {
	BigEndian  bool
	Interfaces []Interface
}

// WritePcapng writes a section with its interfaces and an Enhanced Packet Block for each packet;
// called again on the same writer, it appends another section. Packet times are written in
// nanoseconds after Offset, whatever the Resolution says: tests of resolutions give raw times.
func WritePcapng(w io.Writer, o PcapngOptions, packets ...Packet) error {
	ng := NewPcapng(o.BigEndian)
	if len(o.Interfaces) == 0 {
		o.Interfaces = []Interface{{Link: LinkEthernet}}
	}
	for _, i := range o.Interfaces {
		ng.Interface(i)
	}
	for _, p := range packets {
		p.Time -= o.Interfaces[p.Interface].Offset * 1e9
		ng.Enhanced(p)
	}
	_, err := w.Write(ng.Bytes())
	return err
}

// Pcapng is a section of packets on one Ethernet interface.
func Pcapng(packets ...Packet) []byte {
	var buf bytes.Buffer
	if err := WritePcapng(&buf, PcapngOptions{}, packets...); err != nil {
		panic(err) // a buffer takes every write
	}
	return buf.Bytes()
}

// A PcapngBuilder makes a file block by block, for tests of single blocks.
type PcapngBuilder struct {
	order binary.AppendByteOrder
	out   []byte
}

// Pcapng block types.
const (
	BlockSection   = 0x0a0d0d0a
	BlockInterface = 1
	BlockPacket    = 2 // obsolete
	BlockSimple    = 3
	BlockEnhanced  = 6
)

// NewPcapng begins a file with a section header.
func NewPcapng(bigEndian bool) *PcapngBuilder {
	b := &PcapngBuilder{order: binary.LittleEndian}
	if bigEndian {
		b.order = binary.BigEndian
	}
	body := b.order.AppendUint32(nil, 0x1a2b3c4d)
	body = b.order.AppendUint16(b.order.AppendUint16(body, 1), 0)
	b.Block(BlockSection, append(body, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff))
	return b
}

// Bytes is the file so far.
func (b *PcapngBuilder) Bytes() []byte { return b.out }

// Append adds bytes as they are.
func (b *PcapngBuilder) Append(data ...byte) { b.out = append(b.out, data...) }

// Block adds a block around body, which is padded to 4 bytes.
func (b *PcapngBuilder) Block(kind uint32, body []byte) {
	body = pad(body)
	n := uint32(len(body) + 12)
	b.out = b.order.AppendUint32(b.order.AppendUint32(b.out, kind), n)
	b.out = b.order.AppendUint32(append(b.out, body...), n)
}

// Option encodes one option of a block, padded.
func (b *PcapngBuilder) Option(code uint16, value []byte) []byte {
	return pad(append(b.order.AppendUint16(b.order.AppendUint16(nil, code), uint16(len(value))), value...))
}

// Interface adds an Interface Description Block.
func (b *PcapngBuilder) Interface(i Interface) {
	if i.Resolution == 0 {
		i.Resolution = 9
	}
	body := b.order.AppendUint16(nil, uint16(i.Link))
	body = b.order.AppendUint32(append(body, 0, 0), i.Snaplen)
	body = append(body, b.Option(9, []byte{i.Resolution})...)
	if i.FCS != 0 {
		body = append(body, b.Option(13, []byte{i.FCS})...)
	}
	if i.Offset != 0 {
		body = append(body, b.Option(14, b.order.AppendUint64(nil, uint64(i.Offset)))...)
	}
	b.Block(BlockInterface, append(body, b.Option(0, nil)...))
}

// Enhanced adds an Enhanced Packet Block; p.Time is the raw time stamp, options come as encoded.
func (b *PcapngBuilder) Enhanced(p Packet, options ...[]byte) {
	body := b.order.AppendUint32(nil, uint32(p.Interface))
	b.Block(BlockEnhanced, b.packet(body, p, options))
}

// Obsolete adds a Packet Block (type 2) with a drops count of 0.
func (b *PcapngBuilder) Obsolete(p Packet, options ...[]byte) {
	body := b.order.AppendUint16(nil, uint16(p.Interface))
	b.Block(BlockPacket, b.packet(append(body, 0, 0), p, options))
}

// Simple adds a Simple Packet Block: interface 0, no time.
func (b *PcapngBuilder) Simple(p Packet) {
	b.Block(BlockSimple, append(b.order.AppendUint32(nil, p.wire()), p.Data...))
}

func (b *PcapngBuilder) packet(body []byte, p Packet, options [][]byte) []byte {
	body = b.order.AppendUint32(b.order.AppendUint32(body, uint32(uint64(p.Time)>>32)), uint32(p.Time))
	body = b.order.AppendUint32(b.order.AppendUint32(body, uint32(len(p.Data))), p.wire())
	body = pad(append(body, p.Data...))
	for _, o := range options {
		body = append(body, o...)
	}
	return body
}

func pad(b []byte) []byte {
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}
