package packet

import "math"

// maxLayers bounds the link-layer headers, tags, labels and tunnels of one frame, so that no frame
// costs more than that many steps. IPv6 extension headers have a bound of their own.
const maxLayers = 16

// A Decoder holds the choices of decoding. The zero value follows the rules of accounting as they
// are by default: outermost IP header, VLAN not part of the flow key. A Decoder is read-only while
// in use and may be shared.
type Decoder struct {
	// KeyVLAN puts the outermost VLAN ID into Key.VLAN, so that copies of a flow in two VLANs are
	// two flows.
	KeyVLAN bool
	// Decap is the set of tunnels that are looked through.
	Decap Decap
}

// Decode fills m from f. It keeps no reference to f.Data, allocates nothing and never panics,
// whatever the bytes.
func (d *Decoder) Decode(f *Frame, m *Meta) {
	if f.Link != LinkEthernet || d.Decap != 0 || !m.plain(f) {
		d.walk(f, m)
	}
	if d.KeyVLAN && m.Class == ClassIP {
		m.Key.VLAN = m.VLAN
	}
}

// walk fills m from f, header by header.
func (d *Decoder) walk(f *Frame, m *Meta) {
	*m = Meta{Time: f.Time, WireLen: f.WireLen}
	// Field by field: a composite literal is built beside w and copied, in stores and loads of
	// different widths that wait for each other, which doubles the cost of a frame.
	var w walk
	w.m = m
	w.data = f.Data
	w.end = int(min(f.WireLen, math.MaxInt32))
	if f.VLANTPID != 0 {
		w.end -= vlanTagLen // the tag is in WireLen, not in Data
		w.tag(f.VLANTCI)
	}
	w.end = max(w.end, len(f.Data))
	if f.Link == LinkEthernet {
		w.ethernet(0)
	} else {
		w.link(f.Link, 0)
	}
	if d.Decap != 0 {
		for m.Class == ClassIP && w.unwrap(d.Decap, f.WireLen) {
		}
	}
}

// A walk is the state of one Decode. Offsets are into data. A step is a method that takes the
// offset of its header, which is at most len(data), and ends in exactly one of ip, fail and nonIP.
type walk struct {
	m    *Meta
	data []byte // captured bytes, up to the end of the packet that is being read
	end  int    // that packet's end on the wire; at least len(data)

	layers int
	tagged bool // the outermost VLAN tag has been seen

	// Of the IP packet read last, for unwrap.
	ipOff, ipEnd int  // from its header to its end on the wire
	l4           int  // what follows its headers; may lie beyond data where those are cut
	opaque       bool // nothing may be read there: a later fragment, or headers cut or too many
}

func (w *walk) fail(r Reason) {
	w.m.Class = ClassUndecoded
	w.m.Reason = r
}

func (w *walk) nonIP() {
	w.m.Class = ClassNonIP
	w.m.Reason = ReasonNone
}

// enter counts a layer; false means that the limit is passed and the walk has ended.
func (w *walk) enter() bool {
	if w.layers == maxLayers {
		w.fail(ReasonTooManyLayers)
		return false
	}
	w.layers++
	return true
}

// need reports whether n bytes at off are captured; false means that the walk has ended.
func (w *walk) need(off, n int) bool {
	if len(w.data)-off < n {
		w.fail(ReasonTruncatedLink)
		return false
	}
	return true
}

// tag notes the VLAN of a tag, of which the first is the outermost.
func (w *walk) tag(tci uint16) {
	if !w.tagged {
		w.tagged = true
		w.m.VLAN = tci & 0x0fff
	}
}

// link reads the frame at off as one of link type l.
func (w *walk) link(l LinkType, off int) {
	if !w.enter() {
		return
	}
	switch l {
	case LinkEthernet:
		w.ethernet(off)
	case LinkRaw, LinkRawBSD, LinkRawOpenBSD, LinkIPv4, LinkIPv6:
		w.rawIP(l, off)
	case LinkNull, LinkLoop:
		w.loopback(off)
	case LinkLinuxSLL:
		w.sll(off)
	case LinkLinuxSLL2:
		w.sll2(off)
	case LinkPPP, LinkPPPWithDir, LinkPPPD, LinkPPPSerial, LinkPPPEther, LinkCiscoHDLC, LinkCiscoHDLCWithDir,
		LinkFrameRelay, LinkFrameRelayWithDir:
		w.serial(l, off)
	case LinkTokenRing, LinkFDDI, LinkIPOverFC, LinkSunATM, LinkFireWire:
		w.otherLAN(l, off)
	case LinkIEEE80211, LinkRadiotap, LinkPPI, LinkPrism, LinkAVS:
		w.wireless(l, off)
	case LinkDSA, LinkEDSA, LinkBroadcomTag, LinkBroadcomPrepend, LinkMPacket:
		w.switchTag(l, off)
	case LinkNFLOG:
		w.nflog(off)
	case LinkPFLOG:
		w.pflog(off)
	case LinkEnc:
		w.enc(off)
	case LinkIPoIB:
		w.ipoib(off)
	case LinkSLIP:
		w.slip(off)
	case LinkPKTAP:
		w.pktap(off)
	case LinkATMRFC1483:
		w.llc(off)
	default:
		w.fail(ReasonUnknownLink)
	}
}
