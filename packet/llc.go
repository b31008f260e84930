package packet

import "encoding/binary"

// llc reads an IEEE 802.2 header: SNAP, or IP by its own service access point.
func (w *walk) llc(off int) {
	if !w.need(off, 2) {
		return
	}
	switch binary.BigEndian.Uint16(w.data[off:]) {
	case 0xaaaa:
		if !w.need(off, 3) {
			return
		}
		if w.data[off+2] == unnumberedInfo {
			w.snap(off + 3)
			return
		}
	case 0x0606:
		if !w.need(off, 3) {
			return
		}
		if w.data[off+2] == unnumberedInfo {
			w.ipv4(off + 3)
			return
		}
	}
	w.nonIP()
}

// snap reads the organisation and protocol of a SNAP header (IEEE 802 section 10).
func (w *walk) snap(off int) {
	if !w.need(off, 5) {
		return
	}
	oui := binary.BigEndian.Uint32(w.data[off:]) >> 8
	pid := binary.BigEndian.Uint16(w.data[off+3:])
	switch {
	case (oui == 0 || oui == 0x0000f8) && pid >= minEtherType: // RFC 1042, 802.1H
		w.etherType(pid, off+5)
	case oui == 0x0080c2 && (pid == 1 || pid == 7): // bridged Ethernet, RFC 2427 section 5
		w.nested(off + 5)
	default:
		w.nonIP()
	}
}
