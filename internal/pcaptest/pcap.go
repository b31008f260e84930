package pcaptest

import (
	"bytes"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/netmond/netmond/packet"
)

// Link types that tests write most.
const (
	LinkNull     packet.LinkType = 0
	LinkEthernet packet.LinkType = 1
	LinkRaw      packet.LinkType = 101
)

// A Packet is one record of a capture file.
type Packet struct {
	Time    int64 // ns since the Unix epoch
	Data    []byte
	WireLen uint32 // 0 stands for len(Data)

	Interface int // pcapng: index in PcapngOptions.Interfaces
}

func (p Packet) wire() uint32 {
	if p.WireLen == 0 {
		return uint32(len(p.Data))
	}
	return p.WireLen
}

// PcapOptions are the choices of a pcap file. The zero value is little endian with nanoseconds.
type PcapOptions struct {
	Link      packet.LinkType
	LinkBits  uint32 // or-ed into the link type field (FCS length and its flag)
	Snaplen   uint32 // as written in the header; 0 stands for 262144
	BigEndian bool
	Micro     bool // microseconds
	Modified  bool // magic 0xa1b2cd34: 8 more bytes a record, microseconds
	Major     uint16
	Minor     uint16 // both 0 stand for 2.4
}

// WritePcap writes a whole file. Times before 1970 or after 2106 wrap, as the format has 32 bits.
func WritePcap(w io.Writer, o PcapOptions, packets ...Packet) error {
	var order binary.AppendByteOrder = binary.LittleEndian
	if o.BigEndian {
		order = binary.BigEndian
	}
	if o.Snaplen == 0 {
		o.Snaplen = 262144
	}
	if o.Major == 0 && o.Minor == 0 {
		o.Major, o.Minor = 2, 4
	}
	magic, unit := uint32(0xa1b23c4d), int64(1)
	switch {
	case o.Modified:
		magic, unit = 0xa1b2cd34, 1000
	case o.Micro:
		magic, unit = 0xa1b2c3d4, 1000
	}
	b := order.AppendUint32(nil, magic)
	b = order.AppendUint16(order.AppendUint16(b, o.Major), o.Minor)
	b = append(b, make([]byte, 8)...)
	b = order.AppendUint32(order.AppendUint32(b, o.Snaplen), uint32(o.Link)|o.LinkBits)
	for _, p := range packets {
		b = order.AppendUint32(order.AppendUint32(b, uint32(p.Time/1e9)), uint32(p.Time%1e9/unit))
		b = order.AppendUint32(order.AppendUint32(b, uint32(len(p.Data))), p.wire())
		if o.Modified {
			b = append(b, make([]byte, 8)...)
		}
		b = append(b, p.Data...)
	}
	_, err := w.Write(b)
	return err
}

// Pcap is an Ethernet pcap file of packets, with nanoseconds.
func Pcap(packets ...Packet) []byte {
	var buf bytes.Buffer
	if err := WritePcap(&buf, PcapOptions{Link: LinkEthernet}, packets...); err != nil {
		panic(err) // a buffer takes every write
	}
	return buf.Bytes()
}

// File writes data to a file of the test's own folder and gives its path.
func File(t testing.TB, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
