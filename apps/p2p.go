package apps

// bittorrent recognises the peer handshake (BEP 3).
func bittorrent(p Packet) match {
	if hasPrefix(p.Payload, "\x13BitTorrent protocol") {
		return sure(idBitTorrent)
	}
	return match{}
}

// bittorrentUDP recognises a tracker's connect request (BEP 15) and uTP's first packet (BEP 29): version
// 1, sequence number 1, nothing acknowledged, no time difference yet.
func bittorrentUDP(p Packet) match {
	b := p.Payload
	switch {
	case len(b) == 16 && be32(b, 0) == 0x417 && be32(b, 4) == 0x27101980 && be32(b, 8) == 0:
		return sure(idBitTorrent)
	case len(b) >= 20 && b[0] == 0x41 && b[1] <= 2 && be32(b, 8) == 0 && be16(b, 16) == 1 && be16(b, 18) == 0:
		return sure(idBitTorrent)
	}
	return match{}
}

// textUDP recognises protocols over UDP that begin with text.
func textUDP(p Packet) match {
	b := p.Payload
	switch {
	case bencoded(b), hasPrefix(b, "BT-SEARCH * HTTP/1.1\r\n"):
		return sure(idBitTorrent)
	case hasPrefix(b, "TS\xf0\x9f\x92\xac") && len(b) >= 62: // the magic of disco packets
		return sure(idTailscale)
	case hasPrefix(b, "SpotUdp0"):
		return sure(idSpotify)
	case p.on(17500) && hasPrefix(b, "{") && contains(b, "\"host_int\"", 128):
		return sure(idDropbox)
	case p.on(3702) && (hasPrefix(b, "<?xml") || hasPrefix(b, "<soap:") || hasPrefix(b, "<s:Envelope")):
		return sure(idWSD)
	case mgcp(b):
		return sure(idMGCP)
	case hasPrefix(b, "MEGACO/"), hasPrefix(b, "!/1 ["):
		return sure(idMegaco)
	case rtps(b):
		return sure(idRTPS)
	}
	return match{}
}

// bencoded reports a message of BitTorrent's distributed hash table (BEP 5): a dictionary of a query,
// a response or an error, with a 20-byte node ID in the former two.
func bencoded(b []byte) bool {
	switch {
	case hasPrefix(b, "d1:ad2:id20:"), hasPrefix(b, "d1:rd2:id20:"), hasPrefix(b, "d2:ip6:") && contains(b, "1:rd2:id20:", 32), hasPrefix(b, "d1:eli20"):
		return true
	}
	return false
}

// bitcoin recognises a message of the main network: its magic and a command in zero-padded ASCII.
func bitcoin(p Packet) match {
	b := p.Payload
	if len(b) < 24 || be32(b, 0) != 0xf9beb4d9 || !isAlnum(b[4]) || !isAlnum(b[5]) || b[15] != 0 {
		return match{}
	}
	return sure(idBitcoin)
}

// raknet recognises RakNet's messages outside a connection by their magic.
func raknet(p Packet) match {
	const magic = "\x00\xff\xff\x00\xfe\xfe\xfe\xfe\xfd\xfd\xfd\xfd\x12\x34\x56\x78"
	b := p.Payload
	for _, off := range [...]int{1, 9, 17} {
		if len(b) >= off+len(magic) && string(b[off:off+len(magic)]) == magic {
			return sure(idRakNet)
		}
	}
	return match{}
}

// source recognises the queries of Source engine servers and their answers.
func source(p Packet) match {
	b := p.Payload
	if len(b) < 6 || be32(b, 0) != 0xffffffff {
		return match{}
	}
	switch {
	case hasPrefix(b[4:], "TSource Engine Query\x00"), // A2S_INFO
		(b[4] == 'U' || b[4] == 'V') && len(b) == 9, // A2S_PLAYER, A2S_RULES
		b[4] == 'A' && len(b) == 9,                  // challenge
		b[4] == 'I' && b[5] == 0x11 && len(b) > 20:  // answer to A2S_INFO
		return sure(idSourceEngine)
	}
	return match{}
}
