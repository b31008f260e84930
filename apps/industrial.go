package apps

// modbus recognises Modbus/TCP's header on its port: protocol 0, a length that fits, a function code
// (MODBUS messaging on TCP/IP, section 3.1).
func modbus(p Packet) match {
	b := p.Payload
	if !p.on(502) || len(b) < 8 || be16(b, 2) != 0 {
		return match{}
	}
	if n := be16(b, 4); n < 2 || n > 254 || b[7]&0x7f == 0 {
		return match{}
	}
	return sure(idModbus)
}

// dnp3 recognises a link layer header (IEEE 1815 section 9.2) by its start bytes and checksum.
func dnp3(p Packet) match {
	b := p.Payload
	if len(b) < 10 || b[0] != 0x05 || b[1] != 0x64 || b[2] < 5 {
		return match{}
	}
	var crc uint16
	for _, c := range b[:8] {
		crc ^= uint16(c)
		for range 8 {
			carry := crc & 1
			crc >>= 1
			if carry != 0 {
				crc ^= 0xa6bc // polynomial 0x3d65, bits reversed
			}
		}
	}
	if int(^crc) != le16(b, 8) {
		return match{}
	}
	return sure(idDNP3)
}

// enipCommands are the commands that enip knows, whose upper byte is 0.
var enipCommands = bytesOf(0x00, 0x04, 0x63, 0x64, 0x65, 0x66, 0x6f, 0x70, 0x72, 0x73)

// enip recognises EtherNet/IP's encapsulation header (CIP volume 2, section 2-3), over TCP and UDP.
func enip(p Packet) match {
	b := p.Payload
	if len(b) < 24 {
		return match{}
	}
	n, port := le16(b, 2), p.on(44818)
	if 24+n > len(b) && !port || le32(b, 8) > 0x69 || le32(b, 20) != 0 {
		return match{}
	}
	switch le16(b, 0) {
	case 0x65: // RegisterSession: protocol version 1, no options
		if n == 4 && len(b) == 28 && le16(b, 24) == 1 && le16(b, 26) == 0 {
			return sure(idEthernetIP)
		}
	case 0x04, 0x63, 0x64: // ListServices, ListIdentity, ListInterfaces
		if port {
			return sure(idEthernetIP)
		}
	case 0x00, 0x66, 0x6f, 0x70, 0x72, 0x73: // NOP, UnRegisterSession, SendRRData, SendUnitData, status, cancel
		// A session needs a handle; off the port also the interface handle 0 of CIP.
		if port || le32(b, 4) != 0 && n >= 16 && 24+n == len(b) && le32(b, 24) == 0 && (b[0] == 0x6f || b[0] == 0x70) {
			return sure(idEthernetIP)
		}
	}
	return match{}
}

// cipIO recognises implicit CIP messages over UDP: two items, a sequenced address and connected data
// (CIP volume 2, section 2-6).
func cipIO(p Packet) match {
	b := p.Payload
	if len(b) >= 18 && le16(b, 0) == 2 && le16(b, 2) == 0x8002 && le16(b, 4) == 8 && le16(b, 14) == 0xb1 && 18+le16(b, 16) == len(b) {
		return sure(idCIP)
	}
	return match{}
}

// bacnet recognises BACnet/IP: a virtual link control header over the whole datagram and a network
// layer header of version 1 (ASHRAE 135 annex J).
func bacnet(p Packet) match {
	b := p.Payload
	if len(b) < 4 || b[0] != 0x81 || b[1] > 0x0c || be16(b, 2) != len(b) {
		return match{}
	}
	npdu := 4
	if b[1] == 4 { // forwarded: the original sender's address comes first
		npdu = 10
	}
	if p.on(47808) || len(b) >= npdu+2 && b[npdu] == 1 && b[npdu+1]&0x50 == 0 && (b[1] == 4 || b[1] >= 9 && b[1] <= 11) {
		return sure(idBACnet)
	}
	return match{}
}

// iec104 recognises the control information of IEC 60870-5-104: off its port only the exchange that
// starts data transfer.
func iec104(p Packet) match {
	b := p.Payload
	if len(b) < 6 || b[0] != 0x68 || b[1] < 4 || int(b[1]) > 253 {
		return match{}
	}
	if b[1] == 4 && (b[2] == 0x07 || b[2] == 0x0b || b[2] == 0x43 || b[2] == 0x83) && allZero(b[3:6]) && len(b) == 6 || p.on(2404) {
		return sure(idIEC60870)
	}
	return match{}
}

// opcua recognises a message of OPC UA's binary transport (OPC 10000-6 section 7.1.2.2).
func opcua(p Packet) match {
	b := p.Payload
	if len(b) < 8 || b[3] != 'F' && b[3] != 'C' && b[3] != 'A' {
		return match{}
	}
	switch string(b[:3]) {
	case "HEL", "ACK", "ERR", "OPN", "MSG", "CLO", "RHE":
		if n := le32(b, 4); n >= 12 && n < 1<<26 && (int(n) == len(b) || p.on(4840)) {
			return sure(idOPCUA)
		}
	}
	return match{}
}

// someip recognises a SOME/IP header: length, protocol version 1, and a known message type and return
// code (AUTOSAR SOME/IP protocol specification, section 4.1).
func someip(p Packet) match {
	b := p.Payload
	if len(b) < 16 || b[12] != 1 || b[15] > 0x1f {
		return match{}
	}
	n := int(be32(b, 4))
	if n < 8 || n > 1<<20 || 8+n != len(b) && !(8+n < len(b) && len(b)-8-n >= 16) {
		return match{}
	}
	switch b[14] &^ 0x20 { // the bit marks segments
	case 0, 1, 2, 0x40, 0x41, 0x42, 0x80, 0x81, 0xc0, 0xc1:
		return sure(idSOMEIP)
	}
	return match{}
}

// knx recognises KNXnet/IP: header size 6, version 1.0, a service and the total length (ISO 22510).
func knx(p Packet) match {
	b := p.Payload
	if len(b) >= 8 && b[0] == 6 && b[1] == 0x10 && b[2] >= 2 && b[2] <= 9 && be16(b, 4) == len(b) {
		return sure(idKNX)
	}
	return match{}
}

// coap recognises CoAP (RFC 7252 section 3) on its port: version 1, a code, and options that parse.
func coap(p Packet) match {
	b := p.Payload
	if !p.on(5683) || len(b) < 4 || b[0]>>6 != 1 || b[0]&0x0f > 8 {
		return match{}
	}
	class, detail := b[1]>>5, b[1]&0x1f
	if class == 1 || class == 3 || class > 5 && class != 7 || class == 0 && detail > 7 {
		return match{}
	}
	for off := 4 + int(b[0]&0x0f); off < len(b); {
		if b[off] == 0xff {
			break
		}
		delta, n := int(b[off]>>4), int(b[off]&0x0f)
		if delta == 15 || n == 15 {
			return match{}
		}
		off++
		for _, v := range [2]*int{&delta, &n} {
			switch {
			case *v == 13 && off < len(b):
				*v = 13 + int(b[off])
				off++
			case *v == 14 && off+1 < len(b):
				*v = 269 + be16(b, off)
				off += 2
			}
		}
		if off += n; off > len(b) {
			return match{}
		}
	}
	return sure(idCoAP)
}
