package apps

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"sync"
)

// quicKeys is what a version's Initial packets are protected with: the salt and, for HKDF-Expand-Label
// (RFC 8446 section 7.1), the encoded labels of key, iv and header protection key.
type quicKeys struct {
	salt        string
	key, iv, hp string
	initial     byte // long packet type of an Initial packet
}

// clientIn is the encoded label of the client's initial secret, the same in all versions.
const clientIn = "\x00\x20\x0ftls13 client in\x00"

var (
	// RFC 9001 section 5.2.
	quicKeysV1 = quicKeys{
		salt: "\x38\x76\x2c\xf7\xf5\x59\x34\xb3\x4d\x17\x9a\xe6\xa4\xc8\x0c\xad\xcc\xbb\x7f\x0a",
		key:  "\x00\x10\x0etls13 quic key\x00", iv: "\x00\x0c\x0dtls13 quic iv\x00", hp: "\x00\x10\x0dtls13 quic hp\x00",
	}
	// RFC 9369 section 3.3.
	quicKeysV2 = quicKeys{
		salt: "\x0d\xed\xe3\xde\xf7\x00\xa6\xdb\x81\x93\x81\xbe\x6e\x26\x9d\xcb\xf9\xbd\x2e\xd9",
		key:  "\x00\x10\x10tls13 quicv2 key\x00", iv: "\x00\x0c\x0ftls13 quicv2 iv\x00", hp: "\x00\x10\x0ftls13 quicv2 hp\x00",
		initial: 1,
	}
	// draft-ietf-quic-tls-29 section 5.2.
	quicKeysDraft29 = quicKeys{
		salt: "\xaf\xbf\xec\x28\x99\x93\xd2\x4c\x9e\x97\x86\xf1\x9c\x61\x11\xe0\x43\x90\xa8\x99",
		key:  quicKeysV1.key, iv: quicKeysV1.iv, hp: quicKeysV1.hp,
	}
)

func keysOf(version uint32) *quicKeys {
	switch {
	case version == quicV1, version == quicDraft33, version == quicDraft34:
		return &quicKeysV1
	case version == quicV2:
		return &quicKeysV2
	case quicDraft29 <= version && version <= quicDraft32:
		return &quicKeysDraft29
	}
	return nil
}

// maxCrypto bounds the part of the CRYPTO stream that is put together; a ClientHello with
// post-quantum key shares is about 2 kB.
const maxCrypto = 8192

// A quicState is the scratch memory of one decryption.
type quicState struct {
	block, stream [aes.BlockSize]byte
	plain         [1 << 16]byte
	crypto        [maxCrypto]byte
	have          [maxCrypto / 64]uint64 // which bytes of crypto were received
}

var quicStates = sync.Pool{New: func() any { return new(quicState) }}

// quicServer decrypts the Initial packets in a client's datagram b, which quic has recognised, and
// returns the SNI of the ClientHello, written to dst. final is false while the name may still come
// in another datagram: a ClientHello with large key shares fills two.
func quicServer(b, dst []byte) (name []byte, final bool) {
	st := quicStates.Get().(*quicState)
	defer quicStates.Put(st)
	clear(st.have[:])
	const maxCoalesced = 4 // packets looked at in one datagram
	for range maxCoalesced {
		rest, ok := st.initial(b)
		if !ok {
			break
		}
		b = rest
	}
	return st.serverName(dst)
}

// initial decrypts the long header packet at b's start when it is an Initial and collects its CRYPTO
// frames. rest is the datagram after it; ok is false when nothing more can be read.
func (st *quicState) initial(b []byte) (rest []byte, ok bool) {
	if len(b) < 7 || b[0]&0x80 == 0 {
		return nil, false
	}
	keys := keysOf(be32(b, 1))
	dcil := int(b[5])
	if keys == nil || dcil > 20 || b[0]>>4&3 != keys.initial || 7+dcil > len(b) {
		return nil, false
	}
	dcid := b[6 : 6+dcil]
	off := 7 + dcil + int(b[6+dcil])
	token, off, ok := varint(b, off)
	if !ok || token > uint64(len(b)-off) {
		return nil, false
	}
	length, pn, ok := varint(b, off+int(token))
	if !ok || length < 4+16 || pn+4+16 > len(b) {
		return nil, false
	}
	// The capture may have cut the datagram; what is left can still be decrypted, because the
	// authentication tag is not needed to read.
	end := min(len(b), pn+int(min(length, 1<<16)))
	if !st.decrypt(keys, dcid, b[:end], pn, pn+int(min(length, 1<<16))-16) {
		return nil, false
	}
	return b[end:], true
}

// decrypt takes off header protection and AES-128-GCM (RFC 9001 sections 5.3 and 5.4) and reads the
// frames. pn is the offset of the packet number, tag that of the authentication tag, which may lie
// behind b's end. The tag is not checked: a wrong key gives no well-formed ClientHello. It reports
// whether there was a CRYPTO frame: a packet without ends the work on its datagram, so that one of
// garbage costs one decryption.
func (st *quicState) decrypt(keys *quicKeys, dcid, b []byte, pn, tag int) bool {
	initial, err := hkdf.Extract(sha256.New, dcid, []byte(keys.salt))
	if err != nil {
		return false // only in FIPS mode; then there are no names
	}
	secret, err1 := hkdf.Expand(sha256.New, initial, clientIn, sha256.Size)
	key, err2 := hkdf.Expand(sha256.New, secret, keys.key, 16)
	iv, err3 := hkdf.Expand(sha256.New, secret, keys.iv, 12)
	hp, err4 := hkdf.Expand(sha256.New, secret, keys.hp, 16)
	if err1 != nil || err2 != nil || err3 != nil || err4 != nil {
		return false
	}
	aead, err1 := aes.NewCipher(key)
	header, err2 := aes.NewCipher(hp)
	if err1 != nil || err2 != nil {
		return false
	}
	header.Encrypt(st.block[:], b[pn+4:pn+4+16])
	size := int((b[0]^st.block[0])&3) + 1 // of the packet number
	for i := range size {
		iv[12-size+i] ^= b[pn+i] ^ st.block[1+i]
	}
	if pn+size > tag {
		return false
	}
	cipherText := b[pn+size : min(len(b), tag)]
	st.gcmCTR(aead, iv, cipherText)
	return st.frames(st.plain[:len(cipherText)])
}

// gcmCTR decrypts src into st.plain with the counter mode inside GCM: the counter block is the
// 12-byte nonce and a big-endian counter from 2 (NIST SP 800-38D section 7.1).
func (st *quicState) gcmCTR(block cipher.Block, nonce, src []byte) {
	copy(st.block[:], nonce)
	for i := 0; i < len(src); i += aes.BlockSize {
		binary.BigEndian.PutUint32(st.block[12:], uint32(2+i/aes.BlockSize))
		block.Encrypt(st.stream[:], st.block[:])
		for j := i; j < min(len(src), i+aes.BlockSize); j++ {
			st.plain[j] = src[j] ^ st.stream[j-i]
		}
	}
}

// frames collects the CRYPTO frames among those that an Initial packet may hold (RFC 9000 section
// 12.4), and reports whether there was one.
func (st *quicState) frames(b []byte) (found bool) {
	for off := 0; off < len(b); {
		kind := b[off]
		off++
		switch kind {
		case 0x00, 0x01: // PADDING, PING
		case 0x02, 0x03: // ACK
			var v [4]uint64 // largest, delay, range count, first range
			ok := true
			for i := range v {
				if v[i], off, ok = varint(b, off); !ok {
					return found
				}
			}
			fields := 2 * min(v[2], uint64(len(b)))
			if kind == 0x03 {
				fields += 3 // ECN counts
			}
			for range fields {
				if _, off, ok = varint(b, off); !ok {
					return found
				}
			}
		case 0x06: // CRYPTO
			at, next, ok := varint(b, off)
			if !ok {
				return found
			}
			n, next, ok := varint(b, next)
			if !ok {
				return found
			}
			data := b[next:min(uint64(len(b)), uint64(next)+min(n, 1<<16))]
			st.collect(at, data)
			found = true
			off = next + len(data)
			if uint64(len(data)) < n {
				return found
			}
		default:
			return found
		}
	}
	return found
}

// collect stores a piece of the CRYPTO stream.
func (st *quicState) collect(at uint64, data []byte) {
	if at >= maxCrypto {
		return
	}
	n := copy(st.crypto[at:], data)
	for i := int(at); i < int(at)+n; i++ {
		st.have[i/64] |= 1 << (i % 64)
	}
}

// serverName looks for the SNI in what was collected: by parsing when the stream's start is there,
// else (a second datagram, or frames out of order with a gap) by the shape of the extension.
func (st *quicState) serverName(dst []byte) (name []byte, final bool) {
	for at := 0; at < maxCrypto; {
		start, end := st.island(at)
		if start == end {
			break
		}
		piece := st.crypto[start:end]
		at = end
		if start == 0 && len(piece) >= 4 && piece[0] == tlsClientHello {
			hello := piece[4:min(len(piece), 4+be24(piece, 1))]
			raw, whole := clientHelloName(hello, false)
			if raw != nil || whole {
				return appendHost(dst, raw), true
			}
			piece = hello
		}
		if name := scanServerName(piece, dst); name != nil {
			return name, true
		}
	}
	return nil, false
}

// island is the first run of received bytes from at on; start == end when there is none.
func (st *quicState) island(at int) (start, end int) {
	has := func(i int) bool { return st.have[i/64]&(1<<(i%64)) != 0 }
	for at < maxCrypto && !has(at) {
		if at%64 == 0 && st.have[at/64] == 0 {
			at += 64
			continue
		}
		at++
	}
	end = at
	for end < maxCrypto && has(end) {
		end++
	}
	return min(at, maxCrypto), end
}

// scanServerName finds a server_name extension with one host_name by its bytes: type 0 and three
// lengths that agree, around a well-formed name with a dot.
func scanServerName(b, dst []byte) []byte {
	for i := 0; i+9 < len(b); i++ {
		if b[i] != 0 || b[i+1] != 0 || b[i+6] != 0 {
			continue
		}
		n := be16(b, i+7)
		if n < 4 || be16(b, i+4) != n+3 || be16(b, i+2) != n+5 || i+9+n > len(b) {
			continue
		}
		name := b[i+9 : i+9+n]
		if contains(name, ".", n) {
			if host := appendHost(dst, name); host != nil {
				return host
			}
		}
	}
	return nil
}

// varint reads a QUIC variable-length integer (RFC 9000 section 16) at off.
func varint(b []byte, off int) (v uint64, next int, ok bool) {
	if off < 0 || off >= len(b) {
		return 0, 0, false
	}
	n := 1 << (b[off] >> 6)
	if off+n > len(b) {
		return 0, 0, false
	}
	v = uint64(b[off] & 0x3f)
	for _, c := range b[off+1 : off+n] {
		v = v<<8 | uint64(c)
	}
	return v, off + n, true
}
