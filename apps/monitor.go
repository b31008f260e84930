package apps

// netflow recognises NetFlow 5 and 9 (RFC 3954 section 5.1) and IPFIX (RFC 7011 section 3.1).
func netflow(p Packet) match {
	b := p.Payload
	if len(b) < 20 {
		return match{}
	}
	switch be16(b, 0) {
	case 5:
		if n := be16(b, 2); n >= 1 && n <= 30 && len(b) == 24+48*n {
			return sure(idNetFlow)
		}
	case 9:
		// count, uptime, time, sequence, source, then a set: template, options or data
		if n := be16(b, 2); n >= 1 && n <= 512 && be32(b, 8) > year2001 && netflowSet(b, 20, 0) {
			return sure(idNetFlow)
		}
	case 10:
		if be16(b, 2) == len(b) && be32(b, 4) > year2001 && netflowSet(b, 16, 2) {
			return sure(idNetFlow)
		}
	}
	return match{}
}

// year2001 is 1,000,000,000 s since the Unix epoch: an exporter's clock is later.
const year2001 = 1_000_000_000

// netflowSet reports a set at off whose ID is that of templates, first or first+1, or of data.
func netflowSet(b []byte, off, first int) bool {
	if off+4 > len(b) {
		return false
	}
	id, n := be16(b, off), be16(b, off+2)
	return (id == first || id == first+1 || id >= 256 && id < 4096) && n >= 4 && off+n <= len(b)
}

// sflow recognises sFlow version 5: the agent's address type and at least one sample.
func sflow(p Packet) match {
	b := p.Payload
	if len(b) < 28 || be32(b, 0) != 5 {
		return match{}
	}
	samples := 24
	switch be32(b, 4) {
	case 1:
	case 2:
		samples = 36
	default:
		return match{}
	}
	if samples+4 <= len(b) && be32(b, samples) >= 1 && be32(b, samples) < 64 {
		return sure(idSFlow)
	}
	return match{}
}

// collectd recognises collectd's binary protocol on its port: a chain of typed parts, a host or time
// first.
func collectd(p Packet) match {
	b := p.Payload
	if !p.on(25826) || len(b) < 4 {
		return match{}
	}
	switch kind, n := be16(b, 0), be16(b, 2); {
	case kind == 0 && n > 5 && n <= len(b) && b[n-1] == 0, (kind == 1 || kind == 8) && n == 12, kind == 0x200 || kind == 0x210:
		return sure(idCollectd)
	}
	return match{}
}

// zabbix recognises the header of Zabbix's protocol, which agents and servers send.
func zabbix(p Packet) match {
	if b := p.Payload; hasPrefix(b, "ZBXD") && len(b) >= 13 && b[4] >= 1 && b[4] <= 7 {
		return sure(idZabbix)
	}
	return match{}
}

// rmcp recognises RMCP, which carries IPMI (DSP0136 section 3.2): version 1.0 and class ASF or IPMI.
func rmcp(p Packet) match {
	b := p.Payload
	if p.on(623) && len(b) >= 8 && b[0] == 6 && b[1] == 0 && (b[3]&0x1f == 6 || b[3]&0x1f == 7) {
		return sure(idRMCP)
	}
	return match{}
}

// ptp recognises the Precision Time Protocol, version 2 (IEEE 1588 section 13.3), on its ports.
func ptp(p Packet) match {
	b := p.Payload
	if (p.on(319) || p.on(320)) && len(b) >= 34 && b[1]&0x0f == 2 && be16(b, 2) >= 34 && be16(b, 2) <= len(b) {
		return sure(idPTP)
	}
	return match{}
}

// bfd recognises a control packet (RFC 5880 section 4.1) on its ports.
func bfd(p Packet) match {
	b := p.Payload
	if p.DstPort != 3784 && p.DstPort != 4784 && p.DstPort != 6784 || len(b) < 24 {
		return match{}
	}
	if b[0]>>5 == 1 && int(b[3]) == len(b) && b[2] != 0 {
		return sure(idBFD)
	}
	return match{}
}

// hsrp recognises versions 1 (RFC 2281 section 5.1) and 2 on their port.
func hsrp(p Packet) match {
	b := p.Payload
	if p.on(1985) && (len(b) >= 20 && b[0] == 0 && b[1] <= 3 || len(b) >= 42 && b[0] == 1 && b[1] == 40) || p.on(2029) && len(b) >= 42 && b[0] <= 1 {
		return sure(idHSRP)
	}
	return match{}
}

// rip recognises versions 1 and 2 (RFC 2453 section 4) on their port, and RIPng (RFC 2080 section 2.1).
func rip(p Packet) match {
	b := p.Payload
	if (p.on(520) || p.on(521)) && len(b) >= 4 && len(b)%20 == 4 && b[0] >= 1 && b[0] <= 2 && b[1] >= 1 && b[1] <= 2 && be16(b, 2) == 0 {
		return sure(idRIP)
	}
	return match{}
}
