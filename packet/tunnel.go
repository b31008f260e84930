package packet

import "encoding/binary"

// UDP ports of tunnels.
const (
	portGTP       = 2152
	portTeredo    = 3544
	portVXLAN     = 4789
	portVXLANGPE  = 4790
	portVXLANOld  = 8472 // Linux before the port was assigned
	portGeneve    = 6081
	portTZSP      = 37008
	udpHeaderLen  = 8
	maxTunnelTags = 64 // options of a TZSP or GTP header that are stepped over
)

// A shape says how what is inside a tunnel begins.
type shape uint8

const (
	shapeNone      shape = iota // no tunnel, or one that is not looked through
	shapeIP                     // an IP packet; its version tells which
	shapeEtherType              // what content.proto, an EtherType, says
	shapeNext                   // what content.proto, a next-protocol value of RFC 8300, says
	shapeLink                   // a frame of link type content.proto
	shapePPP                    // a PPP frame
)

// content is the inside of a tunnel: where it begins and as what.
type content struct {
	shape shape
	proto uint16
	off   int
}

// unwrap replaces w.m, which is ClassIP, by what is inside the packet read last, where that is a
// tunnel of kinds. False means that it left w.m as it was. wireLen is the whole frame's.
func (w *walk) unwrap(kinds Decap, wireLen uint32) bool {
	if w.opaque || w.l4 >= len(w.data) || w.l4 >= w.ipEnd {
		return false
	}
	saved := *w
	w.end = w.ipEnd
	w.data = w.data[:min(len(w.data), w.end)]
	c := w.tunnel(kinds)
	if c.shape == shapeNone || c.off > len(w.data) {
		w.restore(&saved, w.m)
		return false
	}
	outer := *w.m
	*w.m = Meta{Time: outer.Time, VLAN: outer.VLAN, Flags: outer.Flags & FlagFragment}
	framed := false // there is a link-layer header
	switch c.shape {
	case shapeIP:
		if w.enter() {
			w.anyIP(c.off)
		}
	case shapeEtherType:
		framed = c.proto != etherIPv4 && c.proto != etherIPv6
		w.pureEtherType(c.proto, c.off)
	case shapeNext:
		framed = c.proto > 2
		if w.enter() {
			w.nextProtocol(uint8(c.proto), c.off)
		}
	case shapeLink:
		framed = true
		w.tagged, w.m.VLAN = false, 0 // its own tags count
		w.link(LinkType(c.proto), c.off)
	case shapePPP:
		framed = true
		w.ppp(c.off)
	}
	var length int
	switch {
	case w.m.Class == ClassIP && !framed:
		length = w.ipEnd - w.ipOff
	case w.m.Class == ClassIP || w.m.Class == ClassNonIP && c.shape == shapeLink:
		length = saved.ipEnd - c.off
	default:
		w.restore(&saved, &outer)
		return false
	}
	w.m.WireLen = uint32(min(uint64(length), uint64(wireLen)))
	w.m.Envelope = wireLen - w.m.WireLen
	w.m.Flags |= FlagDecapsulated
	return true
}

// restore goes back to the state before an unwrap that failed.
func (w *walk) restore(saved *walk, outer *Meta) {
	m := saved.m
	*w = *saved
	*m = *outer
}

// tunnel tells what is inside the packet whose headers end at w.l4.
func (w *walk) tunnel(kinds Decap) content {
	switch w.m.Key.Proto {
	case protoIPv4, protoIPv6:
		if kinds&DecapIPIP != 0 {
			return content{shape: shapeIP, off: w.l4}
		}
	case protoGRE:
		return w.gre(kinds)
	case protoUDP:
		if w.m.Key.HasPorts() && len(w.data)-w.l4 > udpHeaderLen {
			return w.udpTunnel(kinds, w.l4+udpHeaderLen)
		}
	}
	return content{}
}

// udpTunnel tells what is inside the UDP payload at off by the destination port or, for protocols
// whose answers come from their port, by either.
func (w *walk) udpTunnel(kinds Decap, off int) content {
	src, dst := w.m.Key.LoPort, w.m.Key.HiPort
	if w.m.Dir == DirHiLo {
		src, dst = dst, src
	}
	switch {
	case (dst == portVXLAN || dst == portVXLANOld || dst == portVXLANGPE) && kinds&DecapVXLAN != 0:
		return w.vxlan(off, dst == portVXLANGPE)
	case dst == portGeneve && kinds&DecapGeneve != 0:
		return w.geneve(off)
	case (dst == portGTP || src == portGTP) && kinds&DecapGTP != 0:
		return w.gtp(off)
	case (dst == portTeredo || src == portTeredo) && kinds&DecapTeredo != 0:
		return w.teredo(off)
	case dst == portTZSP && kinds&DecapTZSP != 0:
		return w.tzsp(off)
	}
	return content{}
}

// vxlan reads a VXLAN header (RFC 7348 section 5), or one of VXLAN-GPE with its next protocol.
func (w *walk) vxlan(off int, gpe bool) content {
	b := w.data[off:]
	if len(b) < 8 || b[0]&0x08 == 0 { // no network identifier
		return content{}
	}
	if gpe && b[0]&0x04 != 0 {
		if b[3] == 3 {
			return content{shape: shapeLink, proto: uint16(LinkEthernet), off: off + 8}
		}
		return content{shape: shapeNext, proto: uint16(b[3]), off: off + 8}
	}
	return content{shape: shapeLink, proto: uint16(LinkEthernet), off: off + 8}
}

// geneve reads a Geneve header (RFC 8926 section 3.4) and steps over its options.
func (w *walk) geneve(off int) content {
	b := w.data[off:]
	if len(b) < 8 || b[0]>>6 != 0 || b[1]&0x80 != 0 { // version, control packet
		return content{}
	}
	proto := binary.BigEndian.Uint16(b[2:])
	off += 8 + int(b[0]&0x3f)*4
	if proto == etherTEB {
		return content{shape: shapeLink, proto: uint16(LinkEthernet), off: off}
	}
	return content{shape: shapeEtherType, proto: proto, off: off}
}

// gtp reads a GTP-U header (3GPP TS 29.281 section 5) of a user packet and its extension headers.
func (w *walk) gtp(off int) content {
	b := w.data[off:]
	if len(b) < 8 || b[0]>>4 != 3 || b[1] != 255 { // version 1 and not GTP', message G-PDU
		return content{}
	}
	n := 8
	if b[0]&0x07 != 0 {
		n = 12
		if len(b) < n {
			return content{}
		}
		if b[0]&0x04 != 0 {
			for i := 0; b[n-1] != 0; i++ { // type of the next extension header
				if len(b) <= n || b[n] == 0 || i == maxTunnelTags {
					return content{}
				}
				n += int(b[n]) * 4
				if len(b) < n {
					return content{}
				}
			}
		}
	}
	return content{shape: shapeIP, off: off + n}
}

// teredo steps over the authentication and origin indications (RFC 4380 section 5.1.1).
func (w *walk) teredo(off int) content {
	b := w.data[off:]
	n := 0
	if len(b) >= 4 && b[0] == 0 && b[1] == 1 {
		n = 13 + int(b[2]) + int(b[3])
	}
	if len(b) >= n+8 && b[n] == 0 && b[n+1] == 0 {
		n += 8
	}
	if len(b) <= n || b[n]>>4 != 6 {
		return content{}
	}
	return content{shape: shapeIP, off: off + n}
}

// tzsp reads a TZSP header: version, type, encapsulated protocol, then tagged fields up to an end
// tag.
func (w *walk) tzsp(off int) content {
	b := w.data[off:]
	if len(b) < 4 || b[0] != 1 || b[1] > 1 { // only received packets and those to send hold a frame
		return content{}
	}
	var link LinkType
	switch binary.BigEndian.Uint16(b[2:]) {
	case 1:
		link = LinkEthernet
	case 18:
		link = LinkIEEE80211
	case 119:
		link = LinkPrism
	case 127:
		link = LinkAVS
	default:
		return content{}
	}
	n := 4
	for range maxTunnelTags {
		if len(b) <= n {
			break
		}
		switch b[n] {
		case 0: // padding
			n++
		case 1: // end
			return content{shape: shapeLink, proto: uint16(link), off: off + n + 1}
		default:
			if len(b) < n+2 {
				return content{}
			}
			n += 2 + int(b[n+1])
		}
	}
	return content{}
}
