package packet

import "encoding/binary"

// wireless reads the link types of IEEE 802.11, with and without a header of the radio.
func (w *walk) wireless(l LinkType, off int) {
	switch l {
	case LinkIEEE80211:
		w.ieee80211(off, false)
	case LinkRadiotap:
		w.radiotap(off)
	case LinkPPI:
		w.ppi(off)
	case LinkPrism:
		if !w.need(off, 4) {
			return
		}
		if binary.BigEndian.Uint32(w.data[off:])&0xfffff000 == 0x80211000 {
			w.avs(off)
			return
		}
		if w.need(off, 144) {
			w.ieee80211(off+144, false)
		}
	case LinkAVS:
		w.avs(off)
	}
}

// avs reads an AVS header, whose length stands after its magic number.
func (w *walk) avs(off int) {
	if !w.need(off, 8) {
		return
	}
	if n, ok := w.headerLen(off, uint64(binary.BigEndian.Uint32(w.data[off+4:])), 8); ok {
		w.ieee80211(off+n, false)
	}
}

// headerLen checks a length n that a header at off claims for itself, of at least least bytes.
func (w *walk) headerLen(off int, n uint64, least int) (int, bool) {
	if n < uint64(least) || n > uint64(w.end-off) {
		w.fail(ReasonBadLink)
		return 0, false
	}
	return int(n), w.need(off, int(n))
}

// ppi reads a PPI header: its length and the link type of what follows, both little-endian.
func (w *walk) ppi(off int) {
	if !w.need(off, 8) {
		return
	}
	b := w.data[off:]
	n, ok := w.headerLen(off, uint64(binary.LittleEndian.Uint16(b[2:])), 8)
	if !ok {
		return
	}
	dlt := binary.LittleEndian.Uint32(b[4:])
	if dlt > 0xffff {
		w.fail(ReasonUnknownLink)
		return
	}
	w.link(LinkType(dlt), off+n)
}

// radiotap reads a radiotap header (www.radiotap.org), little-endian, for its length and for the
// flag that says whether the 802.11 header is padded.
func (w *walk) radiotap(off int) {
	if !w.need(off, 8) {
		return
	}
	b := w.data[off:]
	if b[0] != 0 {
		w.fail(ReasonBadLink)
		return
	}
	n, ok := w.headerLen(off, uint64(binary.LittleEndian.Uint16(b[2:])), 8)
	if !ok {
		return
	}
	b = b[:n]
	present := binary.LittleEndian.Uint32(b[4:])
	field := 8
	for more := present; more&(1<<31) != 0; field += 4 { // further words of present bits
		if field+4 > n {
			w.fail(ReasonBadLink)
			return
		}
		more = binary.LittleEndian.Uint32(b[field:])
	}
	padded := false
	if present&2 != 0 { // flags; before it only the 8-byte timestamp, aligned to 8
		if present&1 != 0 {
			field = (field+7)&^7 + 8
		}
		padded = field < n && b[field]&0x20 != 0
	}
	w.ieee80211(off+n, padded)
}

// ieee80211 reads an 802.11 frame (IEEE 802.11-2020 section 9.2.3). Management, control, empty and
// encrypted frames show no IP header, nor do fragments but the first. Of an aggregate (A-MSDU) the
// first packet stands for the frame.
func (w *walk) ieee80211(off int, padded bool) {
	if !w.need(off, 2) {
		return
	}
	b := w.data[off:]
	if b[0]&0x03 != 0 { // protocol version
		w.fail(ReasonBadLink)
		return
	}
	if b[0]&0x0c != 0x08 || b[0]&0x40 != 0 || b[1]&0x40 != 0 { // not data, no data, protected
		w.nonIP()
		return
	}
	n := 24
	toDS, fromDS := b[1]&0x01 != 0, b[1]&0x02 != 0
	if toDS && fromDS {
		n += 6 // a fourth address
	}
	qos := -1
	if b[0]&0x80 != 0 {
		qos = n
		n += 2
		if b[1]&0x80 != 0 {
			n += 4 // HT control
		}
	}
	if padded {
		n = (n + 3) &^ 3
	}
	if !w.need(off, n) {
		return
	}
	if toDS {
		w.destination(b[16:]) // the first address is the access point's
	} else {
		w.destination(b[4:])
	}
	if b[22]&0x0f != 0 { // fragment number
		w.nonIP()
		return
	}
	if qos >= 0 && b[qos]&0x80 != 0 {
		n += 14 // header of the first subframe
		if !w.need(off, n) {
			return
		}
	}
	w.llc(off + n)
}
