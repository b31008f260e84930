package packet

import "encoding/binary"

// EtherTypes that are read or stepped over (IEEE registry).
const (
	etherIPv4       = 0x0800
	etherARP        = 0x0806
	etherTRILL      = 0x22f3 // RFC 6325
	etherTEB        = 0x6558 // transparent Ethernet bridging, RFC 1701
	etherVLAN       = 0x8100 // 802.1Q
	etherIPv6       = 0x86dd
	etherPPP        = 0x880b
	etherMPLS       = 0x8847
	etherMPLSMulti  = 0x8848
	etherPPPoEDisc  = 0x8863
	etherPPPoE      = 0x8864
	etherJumboLLC   = 0x8870
	etherQinQ       = 0x88a8 // 802.1ad
	etherLLDP       = 0x88cc
	etherMACsec     = 0x88e5
	etherPBB        = 0x88e7 // 802.1ah
	etherFabricPath = 0x8903
	etherCMD        = 0x8909 // Cisco MetaData (TrustSec)
	etherVNTag      = 0x8926
	etherHSR        = 0x892f
	etherETag       = 0x893f // 802.1BR
	etherNSH        = 0x894f // RFC 8300
	etherQinQ9100   = 0x9100
	etherQinQ9200   = 0x9200
	etherQinQ9300   = 0x9300
	etherRTag       = 0xf1c1 // 802.1CB

	etherHeaderLen = 14
	vlanTagLen     = 4
	minEtherType   = 0x0600 // below it the field is a length
	maxEtherLength = 1500

	unnumberedInfo = 0x03 // LLC control
)

// ethernet reads the Ethernet frame at off. The usual frames (at most two VLAN tags, then IP) take
// no other step than this and the one of their IP version.
func (w *walk) ethernet(off int) {
	b := w.data[off:]
	if len(b) < etherHeaderLen {
		w.fail(ReasonTruncatedLink)
		return
	}
	w.destination(b)
	et := binary.BigEndian.Uint16(b[12:])
	off += etherHeaderLen
	for range 2 {
		if et != etherVLAN && et != etherQinQ || len(w.data)-off < vlanTagLen {
			break
		}
		w.tag(binary.BigEndian.Uint16(w.data[off:]))
		et = binary.BigEndian.Uint16(w.data[off+2:])
		off += vlanTagLen
		w.layers++
	}
	switch et {
	case etherIPv4:
		w.ipv4(off)
	case etherIPv6:
		w.ipv6(off)
	default:
		w.etherType(et, off)
	}
}

// broadcast reports whether the MAC address at the start of b is the broadcast address.
func broadcast(b []byte) bool {
	return binary.LittleEndian.Uint32(b) == 0xffffffff && binary.LittleEndian.Uint16(b[4:]) == 0xffff
}

// destination notes whether the MAC address at the start of b is the broadcast address.
func (w *walk) destination(b []byte) {
	if broadcast(b) {
		w.m.Flags |= FlagL2Broadcast
	}
}

// etherType reads what EtherType et announces at off, stepping over tags.
func (w *walk) etherType(et uint16, off int) {
	for w.enter() {
		var n int // bytes of a tag before the next EtherType
		switch et {
		case etherIPv4:
			w.ipv4(off)
			return
		case etherIPv6:
			w.ipv6(off)
			return
		case etherVLAN, etherQinQ, etherQinQ9100, etherQinQ9200, etherQinQ9300:
			if !w.need(off, vlanTagLen) {
				return
			}
			w.tag(binary.BigEndian.Uint16(w.data[off:]))
			n = 2
		case etherVNTag, etherHSR, etherRTag:
			n = 4
		case etherETag, etherCMD:
			n = 6
		case etherMACsec:
			if !w.need(off, 6) {
				return
			}
			// SecTAG (802.1AE section 9.3): the E or C bit means that what follows is changed.
			tci := w.data[off]
			if tci&0x8c != 0 {
				w.nonIP()
				return
			}
			n = 6
			if tci&0x20 != 0 {
				n = 14 // an SCI is there
			}
		case etherMPLS, etherMPLSMulti:
			w.mpls(off)
			return
		case etherPPPoE:
			w.pppoe(off)
			return
		case etherPPP:
			w.ppp(off)
			return
		case etherFabricPath:
			w.fabricPath(off)
			return
		case etherPBB:
			w.nested(off + 4) // after the I-TAG
			return
		case etherTRILL:
			w.trill(off)
			return
		case etherNSH:
			w.nsh(off)
			return
		case etherJumboLLC:
			w.llc(off)
			return
		case etherTEB:
			w.nested(off)
			return
		default:
			w.etherLength(et, off)
			return
		}
		if !w.need(off, n+2) {
			return
		}
		et = binary.BigEndian.Uint16(w.data[off+n:])
		off += n + 2
	}
}

// etherLength reads the frame of IEEE 802.3 whose LLC header is at off, or ends the walk where field
// is no length either. What lies beyond the length is padding.
func (w *walk) etherLength(field uint16, off int) {
	if field == 0 || field > maxEtherLength {
		w.nonIP()
		return
	}
	w.end = min(w.end, off+int(field))
	w.data = w.data[:min(len(w.data), w.end)]
	w.llc(off)
}

// pureEtherType is etherType where the field cannot be a length.
func (w *walk) pureEtherType(et uint16, off int) {
	if et < minEtherType {
		w.nonIP()
		return
	}
	w.etherType(et, off)
}
