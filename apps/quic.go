package apps

// QUIC versions with a wire image that is known here.
const (
	quicV1       = 0x00000001 // RFC 9000
	quicV2       = 0x6b3343cf // RFC 9369
	quicDraft29  = 0xff00001d // drafts 29 to 32 share their initial salt
	quicDraft32  = 0xff000020
	quicDraft33  = 0xff000021 // drafts 33 and 34 have that of version 1
	quicDraft34  = 0xff000022
	quicDraft18  = 0xff000012 // the oldest draft with today's long header
	quicFacebook = 0xfaceb000 // mvfst, low byte varies
)

// quic recognises a QUIC long header packet of a known version (RFC 8999 section 5.1), a version
// negotiation packet, or Google's QUIC from before IETF's. A short header packet has nothing to
// recognise it by. Never final: Classify reads the server name with quicServer.
func quic(p Packet) match {
	b := p.Payload
	if len(b) < 14 {
		return match{}
	}
	if b[0]&0x80 == 0 {
		return googleQUIC(b)
	}
	version := be32(b, 1)
	if isGoogleVersion(version) {
		return match{id: idQUIC, name: googleServer(b)}
	}
	dcil := int(b[5])
	if dcil > 20 || 7+dcil > len(b) {
		return match{}
	}
	scil := int(b[6+dcil])
	if scil > 20 || 7+dcil+scil > len(b) {
		return match{}
	}
	switch {
	case version == 0: // version negotiation (RFC 8999 section 6): a list with a known version
		list := b[7+dcil+scil:]
		if len(list)%4 != 0 || dcil+scil == 0 {
			return match{}
		}
		for ; len(list) >= 4; list = list[4:] {
			if v := be32(list, 0); knownQUIC(v) || isGoogleVersion(v) {
				return likely(idQUIC)
			}
		}
	case knownQUIC(version):
		return likely(idQUIC)
	case version&0x0f0f0f0f == 0x0a0a0a0a && len(b) >= 1200 && dcil >= 8 && p.FromClient:
		return likely(idQUIC) // a version reserved to force negotiation, in a full-sized first packet
	}
	return match{}
}

// knownQUIC reports whether v is an IETF QUIC version that is or was in use.
func knownQUIC(v uint32) bool {
	return v == quicV1 || v == quicV2 || quicDraft18 <= v && v <= quicDraft34 || v&^0xff == quicFacebook
}

// isGoogleVersion reports whether v is "Q" or "T" and three digits from 024 to 099.
func isGoogleVersion(v uint32) bool {
	c := [4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)}
	return (c[0] == 'Q' || c[0] == 'T') && c[1] == '0' && isDigit(c[2]) && c[2] >= '2' && isDigit(c[3])
}

// googleQUIC recognises a packet of Google QUIC up to Q043: public flags with the version bit, an
// 8-byte connection ID and the version.
func googleQUIC(b []byte) match {
	const versionBit, connectionID = 0x01, 0x08
	if b[0]&(versionBit|connectionID) != versionBit|connectionID || !isGoogleVersion(be32(b, 9)) {
		return match{}
	}
	return match{id: idQUIC, name: googleServer(b), final: true}
}

// googleServer is the SNI value of an unencrypted Google QUIC CHLO, or nil. The message is a
// tag-value map: "CHLO", entries (16 bit), padding (16 bit), then a tag and the end offset of its
// value for each entry, little endian, then the values.
func googleServer(b []byte) []byte {
	const window = 96 // headers, hash, diversification nonce and the stream frame's own header
	for i := 9; i+8 <= len(b) && i < window; i++ {
		if string(b[i:i+4]) != "CHLO" {
			continue
		}
		entries, start := le16(b, i+4), 0
		values := i + 8 + 8*entries
		if values > len(b) {
			return nil
		}
		for e := range entries {
			at := i + 8 + 8*e
			end := int(le32(b, at+4))
			if end < start || end > len(b)-values {
				return nil
			}
			if string(b[at:at+4]) == "SNI\x00" {
				return b[values+start : values+end]
			}
			start = end
		}
		return nil
	}
	return nil
}
