package packet

import "encoding/binary"

// llc reads an IEEE 802.2 header: SNAP, IP by its own service access point, or a network layer
// protocol identifier (RFC 2684 section 5.2).
func (w *walk) llc(off int) {
	if !w.need(off, 2) {
		return
	}
	dsap, ssap := w.data[off], w.data[off+1]
	switch {
	case dsap == 0xaa && ssap == 0xaa, dsap == 0x06, dsap == 0xfe && ssap == 0xfe:
	default:
		w.nonIP()
		return
	}
	if !w.need(off, 3) {
		return
	}
	switch {
	case w.data[off+2] != unnumberedInfo:
		w.nonIP()
	case dsap == 0xaa:
		w.snap(off+3, 2)
	case dsap == 0x06:
		w.ipv4(off + 3)
	default:
		w.networkLayer(off + 3)
	}
}

// networkLayer reads a network layer protocol identifier (RFC 2427 section 4) and what it announces.
func (w *walk) networkLayer(off int) {
	if !w.need(off, 1) {
		return
	}
	switch w.data[off] {
	case 0xcc:
		w.ipv4(off + 1)
	case 0x8e:
		w.ipv6(off + 1)
	case 0x80:
		w.snap(off+1, 0)
	case 0xcf:
		w.ppp(off + 1)
	default:
		w.nonIP()
	}
}

// snap reads the organisation and protocol of a SNAP header (IEEE 802 section 10). Before a bridged
// frame stand pad bytes: 2 behind an LLC header (RFC 2684 section 5.2), none on frame relay.
func (w *walk) snap(off, pad int) {
	if !w.need(off, 5) {
		return
	}
	oui := binary.BigEndian.Uint32(w.data[off:]) >> 8
	pid := binary.BigEndian.Uint16(w.data[off+3:])
	switch {
	case (oui == 0 || oui == 0x0000f8) && pid >= minEtherType: // RFC 1042, 802.1H
		w.etherType(pid, off+5)
	case oui == 0x0080c2 && (pid == 1 || pid == 7): // bridged Ethernet, RFC 2427 section 5
		w.nested(off + 5 + pad)
	default:
		w.nonIP()
	}
}
